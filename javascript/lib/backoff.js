import { Backoff as Raw } from "../dist/raw.js";
import { instant, units, whole } from "./decision.js";
import { lifted } from "./errors.js";

export class RetryAt {
  constructor(retryAt) {
    this.retryAt = retryAt;
  }
}
RetryAt.prototype.kind = "retry_at";

export class Exhausted {
  constructor(attempts) {
    this.attempts = attempts;
  }
}
Exhausted.prototype.kind = "exhausted";

const given = (number, field) => (number === undefined ? undefined : whole(number, field));

/** A retry policy: exponential with jitter, under a server's word. What is not given is the core's default. */
export class Backoff {
  #raw;

  constructor(options = {}) {
    const { baseMs, capMs, maxAttempts, jitter } = options;
    const attempts = maxAttempts === undefined ? undefined : units(maxAttempts, "maxAttempts");
    this.#raw = lifted(() => new Raw(given(baseMs, "baseMs"), given(capMs, "capMs"), attempts, jitter));
    Object.assign(this, JSON.parse(this.#raw.fields()));
    Object.freeze(this);
  }

  next(attempts, entropy = random64(), now = Date.now(), hint = undefined) {
    const failed = units(attempts, "attempts");
    const floor = hint === undefined || hint === null ? undefined : instant(hint, "hint");
    const at = this.#raw.next(failed, BigInt(entropy), instant(now), floor);
    return at < 0 ? new Exhausted(failed) : new RetryAt(at);
  }
}

function random64() {
  return crypto.getRandomValues(new BigUint64Array(1))[0];
}
