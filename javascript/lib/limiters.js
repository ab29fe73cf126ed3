import { Limiters as Raw } from "../dist/raw.js";
import { decision, instant, policyText, units } from "./decision.js";
import { lifted, wrong } from "./errors.js";
import { memory } from "./start.js";

const encoder = new TextEncoder();
/** Names of this length are written byte by byte, as far as they are ASCII. */
const SHORT = 64;
/** What `Limiters` of the module has room for before it is asked for more. */
const ROOM = 256;

/** Many keys written one after another, for batches that are asked again and again. */
export class PackedKeys {
  constructor(keys) {
    const parts = Array.from(keys, (key) => (typeof key === "string" ? encoder.encode(key) : bytesOf(key)));
    this.ends = new Uint32Array(parts.length);
    let end = 0;
    parts.forEach((part, place) => {
      end += part.length;
      this.ends[place] = end;
    });
    this.bytes = new Uint8Array(end);
    parts.forEach((part, place) => this.bytes.set(part, this.ends[place] - part.length));
  }

  get length() {
    return this.ends.length;
  }
}

function bytesOf(key) {
  if (key instanceof Uint8Array) return key;
  throw wrong("key", "must be a string or a Uint8Array");
}

/** One policy, many keys, in memory. */
export class Limiters {
  #raw;
  #names;
  #view;

  constructor(policy, options = {}) {
    const most = options.mostKeys;
    this.#raw = lifted(() => new Raw(policyText(policy), most === undefined ? undefined : units(most, "mostKeys")));
    this.#names = this.#raw.names(0);
    this.#view = new Uint8Array(memory.buffer);
  }

  decide(key, cost = 1, now = Date.now()) {
    const raw = this.#raw;
    return decision(raw.decide(this.#write(key), units(cost), instant(now)), raw.at());
  }

  admit(key, cost = 1, now = Date.now()) {
    return this.#raw.admit(this.#write(key), units(cost), instant(now));
  }

  peek(key, cost = 1, now = Date.now()) {
    const raw = this.#raw;
    return decision(raw.peek(this.#write(key), units(cost), instant(now)), raw.at());
  }

  admitMany(keys, cost = 1, now = Date.now()) {
    const count = this.#writeAll(keys, cost);
    this.#raw.admit_many(count, typeof cost === "number" ? units(cost) : 0, instant(now));
    return this.#fresh().slice(this.#raw.admitted(), this.#raw.admitted() + count);
  }

  decideMany(keys, cost = 1, now = Date.now()) {
    const count = this.#writeAll(keys, cost);
    this.#raw.decide_many(count, typeof cost === "number" ? units(cost) : 0, instant(now));
    const words = new Uint32Array(memory.buffer, this.#raw.words(), count);
    const kinds = Uint8Array.from(words, (word) => word & 3);
    const windows = Uint8Array.from(words, (word) => word >>> 2);
    const instants = new Float64Array(memory.buffer, this.#raw.instants(), count).slice();
    return { kinds, windows, instants };
  }

  charge(key, cost, now = Date.now()) {
    const at = this.#raw.charge(this.#write(key), units(cost), instant(now));
    return at < 0 ? null : at;
  }

  refund(key, cost, chargedAt, now = Date.now()) {
    this.#raw.refund(this.#write(key), units(cost), instant(chargedAt, "chargedAt"), instant(now));
  }

  usage(key, now = Date.now()) {
    return JSON.parse(this.#raw.usage(this.#write(key), instant(now)));
  }

  state(key) {
    return this.#raw.state(this.#write(key));
  }

  load(key, state) {
    return lifted(() => this.#raw.load(this.#write(key), state));
  }

  evict(most = 4294967295, now = Date.now()) {
    return this.#raw.evict(units(most, "most"), instant(now));
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

  /** The module's memory; its buffer is another one after it has grown. */
  #fresh() {
    if (this.#view.length === 0) this.#view = new Uint8Array(memory.buffer);
    return this.#view;
  }

  /** Writes a key where the module reads it, and returns how many bytes it has. */
  #write(key) {
    if (typeof key === "string" && key.length <= SHORT) {
      const view = this.#fresh();
      const names = this.#names;
      const length = key.length;
      let place = 0;
      for (; place < length; place++) {
        const unit = key.charCodeAt(place);
        if (unit > 127) break;
        view[names + place] = unit;
      }
      if (place === length) return length;
    }
    const bytes = typeof key === "string" ? encoder.encode(key) : bytesOf(key);
    if (bytes.length > ROOM) this.#names = this.#raw.names(bytes.length);
    this.#fresh().set(bytes, this.#names);
    return bytes.length;
  }

  /** Writes a batch of keys, and their costs when each has one. */
  #writeAll(keys, cost) {
    const raw = this.#raw;
    const count = keys.length;
    const costs = typeof cost === "number" ? 0 : cost.length;
    if (costs !== 0 && costs !== count) throw wrong("cost", `must be one number for each of ${count} keys`);
    const at = raw.costs(costs);
    const ends = raw.ends(count);
    if (keys instanceof PackedKeys) {
      this.#names = raw.names(keys.bytes.length);
      this.#fresh().set(keys.bytes, this.#names);
      new Uint32Array(memory.buffer, ends, count).set(keys.ends);
    } else {
      this.#writeEach(keys, ends);
    }
    if (costs !== 0) new Uint32Array(memory.buffer, at, costs).set(Uint32Array.from(cost, (one) => units(one)));
    return count;
  }

  #writeEach(keys, ends) {
    let room = 0;
    // A UTF-16 unit is at most three bytes of UTF-8.
    for (const key of keys) room += typeof key === "string" ? 3 * key.length : bytesOf(key).length;
    const names = (this.#names = this.#raw.names(room));
    const view = this.#fresh();
    const places = new Uint32Array(memory.buffer, ends, keys.length);
    let end = 0;
    for (let one = 0; one < keys.length; one++) {
      end += put(keys[one], view, names + end);
      places[one] = end;
    }
  }
}

/** Writes a key at a place where there is room for it. */
function put(key, view, at) {
  if (typeof key !== "string") {
    view.set(key, at);
    return key.length;
  }
  const length = key.length;
  for (let place = 0; place < length; place++) {
    const unit = key.charCodeAt(place);
    if (unit > 127) return encoder.encodeInto(key, view.subarray(at)).written;
    view[at + place] = unit;
  }
  return length;
}
