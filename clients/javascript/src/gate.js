// One gate for all callers of a client: who may ask now.
//
// The server says with every answer how much remains. Whatever else was under way at any time between a request and its
// answer may not be counted in that yet, so it is taken off: what is left over may go. With nothing left callers wait for an
// answer, or for the pause to end; then one goes ahead to ask, and the others wait for what it is told.

import { RateLimitError } from "./errors.js";

export class Gate {
  #clock;
  #concurrency;
  /** Requests that may still start; 1 until the first answer. */
  #left = 1;
  #underWay = 0;
  #started = 0;
  #pausedUntil = 0;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {{now(): number, sleep(ms: number): Promise<void>}} clock @param {number} concurrency */
  constructor(clock, concurrency) {
    this.#clock = clock;
    this.#concurrency = concurrency;
  }

  /**
   * Resolves when one request may start, with the ticket that `leave` wants back.
   *
   * @param {number} latest throws a `RateLimitError` rather than wait past this instant
   * @returns {Promise<{started: number, beside: number}>}
   */
  async enter(latest) {
    for (;;) {
      const pausedUntil = this.#pausedUntil;
      if (this.#clock.now() < pausedUntil) {
        if (pausedUntil > latest) {
          throw new RateLimitError("the limit is used up for longer than may be waited", {
            code: "rate_limit_exceeded",
            status: 429,
            retryAt: pausedUntil,
            attempts: 0,
          });
        }
        await this.#clock.sleep(pausedUntil - this.#clock.now());
        continue;
      }
      if (this.#left === 0 && this.#underWay === 0) this.#left = 1;
      if (this.#left > 0 && this.#underWay < this.#concurrency) {
        this.#left -= 1;
        this.#started += 1;
        this.#underWay += 1;
        return { started: this.#started, beside: this.#underWay - 1 };
      }
      await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    }
  }

  /**
   * A request is over.
   *
   * @param {{started: number, beside: number}} ticket
   * @param {{remaining: number, waitMs: number} | undefined} standing what its answer said remains, if it said anything
   * @param {number} [refusedForMs] how long a refusal wants everybody to wait
   */
  leave(ticket, standing, refusedForMs = 0) {
    this.#underWay -= 1;
    if (standing) {
      const uncounted = ticket.beside + this.#started - ticket.started;
      this.#left = Math.max(0, standing.remaining - uncounted);
    }
    const pauseMs = Math.max(refusedForMs, standing?.remaining === 0 ? standing.waitMs : 0);
    if (pauseMs > 0) {
      this.#left = 0;
      this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + pauseMs);
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
