// A decision from JavaScript beside well-known limiters, five limits each: `node bench.mjs [--quick] [--json PATH]`.
//
// All take turns in one process, a slice each, and the median of the slices is told. Each admits everything it is asked:
// the limits are far away, as they are on most days. `--json` adds the figures to the flat object in that file.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { RateLimiter } from "limiter";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { Limiter, Limiters, PackedKeys } from "../../javascript/lib/node.js";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "string" } } });
const [ROUNDS, CALLS, KEYS, BATCH] = [options.quick ? 5 : 25, options.quick ? 5_000 : 20_000, 1_000, 1_000];
/** Second, minute, hour, day, month. */
const PERIODS = [1_000, 60_000, 3_600_000, 86_400_000, 2_592_000_000];
const MOST = 4_000_000_000;
const windows = PERIODS.map((period_ms, place) => ({ kind: "sliding", name: `w${place}`, limit: MOST, period_ms }));
const keys = Array.from({ length: KEYS }, (_, place) => `customer-${place}`);

function ours() {
  const limiter = new Limiter({ windows });
  return () => { for (let call = 0; call < CALLS; call++) if (!limiter.admit()) throw new Error("refused"); };
}

function oursKeyed() {
  const limiters = new Limiters({ windows });
  return () => { for (let call = 0; call < CALLS; call++) if (!limiters.admit(keys[call % KEYS])) throw new Error("refused"); };
}

function oursBatched(names) {
  const limiters = new Limiters({ windows });
  return () => { for (let call = 0; call < CALLS; call += BATCH) if (limiters.admitMany(names)[0] !== 1) throw new Error("refused"); };
}

/** `limiter`: token buckets, one for each limit, and a Map for the keys. */
const buckets = () => PERIODS.map((interval) => new RateLimiter({ tokensPerInterval: MOST, interval }));
function theirs() {
  const held = buckets();
  return () => { for (let call = 0; call < CALLS; call++) for (const one of held) if (!one.tryRemoveTokens(1)) throw new Error("refused"); };
}

function theirsKeyed() {
  const table = new Map(keys.map((key) => [key, buckets()]));
  return () => {
    for (let call = 0; call < CALLS; call++)
      for (const one of table.get(keys[call % KEYS])) if (!one.tryRemoveTokens(1)) throw new Error("refused");
  };
}

/** `rate-limiter-flexible` in memory: fixed windows, one limiter for each. */
function flexible() {
  const held = PERIODS.map((period, place) => new RateLimiterMemory({ points: MOST, duration: Math.min(period / 1000, 86_400), keyPrefix: `w${place}` }));
  return async () => { for (let call = 0; call < CALLS; call++) for (const one of held) await one.consume(keys[call % KEYS]); };
}

const courses = {
  one: ours(), keyed: oursKeyed(), batched: oursBatched(keys), packed: oursBatched(new PackedKeys(keys)),
  limiter: theirs(), limiterKeyed: theirsKeyed(), flexible: flexible(),
};
const taken = Object.fromEntries(Object.keys(courses).map((name) => [name, []]));
for (let round = -2; round < ROUNDS; round++) {
  for (const [name, course] of Object.entries(courses)) {
    const began = process.hrtime.bigint();
    await course();
    if (round >= 0) taken[name].push(Number(process.hrtime.bigint() - began) / CALLS);
  }
}
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const ns = Object.fromEntries(Object.entries(taken).map(([name, list]) => [name, median(list)]));
const rows = {};
function row(name, own, rival, called) {
  const told = { value: ns[own], unit: "ns", rival: called, rival_value: ns[rival], ratio: ns[rival] / ns[own] };
  rows[`abi.javascript.${name}`] = told;
  console.log(`${name.padEnd(28)} ${ns[own].toFixed(0).padStart(8)} ns  ${called}: ${ns[rival].toFixed(0)} ns, ${told.ratio.toFixed(1)} times`);
}
row("one_key", "one", "limiter", "5 limiter");
row("thousand_keys", "keyed", "limiterKeyed", "5 limiter, a Map");
row("thousand_keys.flexible", "keyed", "flexible", "5 rate-limiter-flexible, memory");
row("thousand_keys.batched", "batched", "limiterKeyed", "5 limiter, a Map");
row("thousand_keys.packed", "packed", "limiterKeyed", "5 limiter, a Map");
if (options.json) {
  const known = existsSync(options.json) ? JSON.parse(readFileSync(options.json, "utf8")) : {};
  writeFileSync(options.json, `${JSON.stringify({ ...known, ...rows }, null, 2)}\n`);
}
