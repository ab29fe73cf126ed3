// When to try again: the core's `backoff`, to the millisecond. test/backoff.test.mjs runs the shared vectors.

/** A retry policy: exponential with full jitter over a floor, under the server's word. */
export class Backoff {
  constructor({ baseMs = 1_000, capMs = 60_000, maxAttempts = 5, jitter = "full" } = {}) {
    if (jitter !== "full" && jitter !== "none") throw new TypeError('jitter must be "full" or "none"');
    this.baseMs = baseMs;
    this.capMs = capMs;
    this.maxAttempts = maxAttempts;
    this.jitter = jitter;
  }

  /**
   * Decides after `attempts` failed attempts. `entropy` is a random number of 64 bits, `hint` the first instant that the
   * server allows.
   *
   * @param {number} attempts @param {bigint} entropy @param {number | bigint} now @param {number | bigint} [hint]
   * @returns {{at: number} | {exhausted: number}}
   */
  next(attempts, entropy, now, hint) {
    if (attempts >= this.maxAttempts) return { exhausted: attempts };
    const base = BigInt(this.baseMs);
    const cap = BigInt(this.capMs);
    const exponential = least(base << BigInt(Math.min(Math.max(attempts, 1) - 1, 64)), cap);
    const isFull = this.jitter === "full";
    const earliest = instant(BigInt(now)) + (isFull ? least(base, cap) : exponential);
    const allowed = hint === undefined ? earliest : greatest(instant(BigInt(hint)), earliest);
    const spread = isFull ? uniform(least(exponential, greatest(cap - base, 0n)), entropy) : 0n;
    return { at: Number(instant(allowed + spread)) };
  }
}

/** Maps a random number of 64 bits evenly onto 0 to `most`. */
function uniform(most, entropy) {
  return (BigInt.asUintN(64, entropy) * (most + 1n)) >> 64n;
}

const least = (a, b) => (a < b ? a : b);
const greatest = (a, b) => (a > b ? a : b);
const instant = (ms) => least(ms, LAST_MS);

/** The last instant that there is: 9999-12-30, as in the core. */
const LAST_MS = 253_402_128_000_000n;
