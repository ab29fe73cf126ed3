// Single sends, gathered into requests: as many as fit, within a bounded delay, and nobody's outcome lost.

import { ApiError } from "./errors.js";

/**
 * One message that waits for its outcome.
 *
 * @typedef {{text: string, bytes: number, resolve(outcome: object): void, reject(error: Error): void}} Item
 */

export class SendQueue {
  #deliver;
  #sleep;
  #settings;
  /** @type {Item[]} */
  #pending = [];
  #pendingBytes = 0;
  #unsettled = 0;

  /**
   * @param {(body: string) => Promise<{messages: object[]}>} deliver sends one request, retries included
   * @param {(ms: number) => Promise<void>} sleep
   * @param {{batchMax: number, batchBytes: number, batchDelayMs: number, maxPending: number}} settings
   */
  constructor(deliver, sleep, settings) {
    this.#deliver = deliver;
    this.#sleep = sleep;
    this.#settings = { ...settings };
  }

  /** Never asks for more than this at once. @param {number} most */
  bound(most) {
    if (most >= 1) this.#settings.batchMax = Math.min(this.#settings.batchMax, most);
  }

  /** Resolves with the outcome of this one message. @param {object} message */
  async add(message) {
    if (this.#unsettled >= this.#settings.maxPending) {
      throw new ApiError(`${this.#unsettled} messages wait already`, { code: "queue_full", attempts: 0 });
    }
    const text = JSON.stringify(message);
    const bytes = new TextEncoder().encode(text).length;
    this.#unsettled += 1;
    try {
      return await new Promise((resolve, reject) => this.#take({ text, bytes, resolve, reject }));
    } finally {
      this.#unsettled -= 1;
    }
  }

  /** @param {Item} item */
  #take(item) {
    const { batchMax, batchBytes, batchDelayMs } = this.#settings;
    if (this.#pending.length > 0 && this.#pendingBytes + item.bytes > batchBytes) this.flush();
    this.#pending.push(item);
    this.#pendingBytes += item.bytes;
    if (this.#pending.length >= batchMax) {
      this.flush();
    } else if (this.#pending.length === 1) {
      const begun = this.#pending;
      this.#sleep(batchDelayMs).then(() => begun === this.#pending && this.flush());
    }
  }

  /** Sends what has been gathered without waiting any longer. */
  flush() {
    const items = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (items.length > 0) void this.#send(items);
  }

  /** Sends items until each of them has an outcome of its own. @param {Item[]} items */
  async #send(items) {
    const work = [items];
    for (let batch = work.pop(); batch !== undefined; batch = work.pop()) {
      try {
        const answer = await this.#deliver(`{"messages":[${batch.map((item) => item.text).join(",")}]}`);
        batch.forEach((item, place) => settle(item, answer?.messages?.[place], answer));
      } catch (error) {
        work.push(...this.#again(batch, error));
      }
    }
  }

  /**
   * What of a refused request is asked again, in parts: one bad message must not take the others with it.
   *
   * @param {Item[]} batch @param {any} error @returns {Item[][]}
   */
  #again(batch, error) {
    const flaws = flawsByItem(error, batch.length);
    if (batch.length > 1 && flaws.size > 0) {
      batch.forEach((item, place) => flaws.has(place) && item.reject(ofItem(error, flaws.get(place))));
      const rest = batch.filter((_, place) => !flaws.has(place));
      return rest.length > 0 ? [rest] : [];
    }
    if (batch.length > 1 && SPLITS.has(error.code)) {
      const half = Math.ceil(batch.length / 2);
      if (error.code === "too_many_messages") this.bound(half);
      return [batch.slice(half), batch.slice(0, half)];
    }
    for (const item of batch) item.reject(error);
    return [];
  }
}

/** @param {Item} item @param {any} outcome @param {any} answer */
function settle(item, outcome, answer) {
  if (outcome === undefined || outcome === null) {
    item.reject(new ApiError("the answer has no word on this message", { requestId: answer?.request_id }));
  } else if (outcome.error) {
    const told = { code: outcome.error.code, status: 202, requestId: answer.request_id };
    const flaws = (outcome.error.errors ?? []).map(bare);
    item.reject(new ApiError(flaws[0]?.detail ?? "the message was refused", { ...told, errors: flaws }));
  } else {
    item.resolve(outcome);
  }
}

/** The flaws that name a message, by its place. @param {any} error @param {number} length */
function flawsByItem(error, length) {
  const found = new Map();
  if (!(error.status >= 400 && error.status < 500)) return found;
  for (const flaw of error.errors ?? []) {
    const place = Number(/^messages\[(\d{1,5})\]/.exec(flaw.field)?.[1] ?? NaN);
    if (!(place < length)) continue;
    found.set(place, [...(found.get(place) ?? []), bare(flaw)]);
  }
  return found;
}

/** The same refusal for one message, whose own code may be another than the first one's. */
function ofItem(error, flaws) {
  const { status, requestId, window, attempts } = error;
  const code = OWN_CODES.has(flaws[0].code) ? flaws[0].code : "invalid_message";
  return new ApiError(flaws[0].detail, { code, status, requestId, window, attempts, errors: flaws });
}

/** A flaw as if the message had come alone: `messages[3].to` is `messages[0].to`. */
const bare = (flaw) => ({ ...flaw, field: String(flaw.field).replace(/^messages\[\d+\]/, "messages[0]") });

/** Refusals of a request as a whole that a smaller one may escape. */
const SPLITS = new Set(["too_many_messages", "body_too_large", "overquota"]);
/** Words of flaws that are codes of refusals, too. */
const OWN_CODES = new Set([
  "from_not_allowed",
  "message_too_large",
  "too_many_attachments",
  "unknown_field",
  "unsupported_feature",
]);
