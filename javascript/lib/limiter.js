import { Limiter as Raw } from "../dist/raw.js";
import { decision, instant, policyText, units } from "./decision.js";
import { lifted } from "./errors.js";

/** Several windows, decided all at once, and their state in memory. */
export class Limiter {
  #raw;

  constructor(policy) {
    this.#raw = lifted(() => new Raw(policyText(policy)));
  }

  decide(cost = 1, now = Date.now()) {
    const raw = this.#raw;
    return decision(raw.decide(units(cost), instant(now)), raw.at());
  }

  admit(cost = 1, now = Date.now()) {
    return this.#raw.admit(units(cost), instant(now));
  }

  peek(cost = 1, now = Date.now()) {
    const raw = this.#raw;
    return decision(raw.peek(units(cost), instant(now)), raw.at());
  }

  charge(cost, now = Date.now()) {
    return this.#raw.charge(units(cost), instant(now));
  }

  refund(cost, chargedAt, now = Date.now()) {
    this.#raw.refund(units(cost), instant(chargedAt, "chargedAt"), instant(now));
  }

  usage(now = Date.now()) {
    return JSON.parse(this.#raw.usage(instant(now)));
  }

  get state() {
    return this.#raw.state();
  }

  load(state) {
    lifted(() => this.#raw.load(state));
  }

  /** Gives the memory back at once; the collector does so sooner or later. */
  free() {
    this.#raw.free();
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.free();
  }
}
