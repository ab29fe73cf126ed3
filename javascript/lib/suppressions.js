import { Suppressions as Raw } from "../dist/raw.js";
import { lifted, wrong } from "./errors.js";

/** An exact set of suppressed addresses, in about seven bytes each, without the addresses themselves. */
export class Suppressions {
  #raw;
  #key;

  constructor(addresses = [], options = {}) {
    const { key = crypto.getRandomValues(new Uint8Array(16)), raw } = options;
    this.#key = Uint8Array.from(key);
    this.#raw = raw ?? lifted(() => Raw.of(lines(addresses), this.#key));
  }

  /** Goes on from saved bytes, which are checked as a whole. */
  static fromBytes(data, key) {
    return new Suppressions([], { key, raw: lifted(() => Raw.load(data, key)) });
  }

  toBytes() {
    return this.#raw.save();
  }

  get key() {
    return this.#key.slice();
  }

  add(address) {
    return lifted(() => this.#raw.add(`${address}`));
  }

  remove(address) {
    return lifted(() => this.#raw.remove(`${address}`));
  }

  has(address) {
    return lifted(() => this.#raw.has(`${address}`));
  }

  hasMany(addresses) {
    return lifted(() => this.#raw.has_many(lines(addresses)));
  }

  get memoryBytes() {
    return this.#raw.memory_bytes();
  }

  get size() {
    return this.#raw.size();
  }

  free() {
    this.#raw.free();
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.free();
  }
}

/** Addresses as the module takes many: one a line. */
function lines(addresses) {
  const all = Array.from(addresses, (address) => {
    if (typeof address === "string" && address !== "" && !/[\r\n]/.test(address)) return address;
    throw wrong("addresses", "must be addresses, without line breaks");
  });
  return all.join("\n");
}
