// What runs the vectors in any JavaScript engine: it reads no file and knows no platform.
//
// The first engine answers every case as JSON. A second one, through the typed API, answers those whose operations that
// API has. A case passes when all that answered it did so as wanted.

/** The vectors cannot be run as they are. */
export class Stop extends Error {}

/** Every suite there is. */
export const SUITES = ["address", "backoff", "calendar", "gate", "hold", "lease", "ledger", "limiter", "outcome"];

/** The steps that the typed limiter has. */
const STEPS = new Set(["decide", "peek", "charge", "refund", "usage", "state", "load"]);

/** Runs every case, prints the counts, and returns whether all passed. */
export function run(sendgate, files, print) {
  const typed = { limiter: limiterCase, backoff: backoffCase, gate: gateCase };
  let [passed, failed, both, total] = [0, 0, 0, 0];
  for (const suite of SUITES) {
    for (const one of cases(files[suite], suite)) {
      total += 1;
      const answers = [["evaluate", JSON.parse(sendgate._evaluate(suite, JSON.stringify(one)))]];
      const answer = typed[suite]?.(sendgate, one);
      if (answer !== undefined) {
        answers.push([suite, answer]);
        both += 1;
      }
      if (answers.every(([engine, got]) => holds(suite, one, engine, got, print))) passed += 1;
      else failed += 1;
    }
  }
  print(`of them through the typed functions as well: ${both}`);
  print(`vectors: ${passed} passed, ${failed} failed, 0 skipped`);
  return failed === 0 && passed === total && total > 0;
}

/** States that Rust made, and the decisions that have to follow. */
export function statesIn(sendgate, file, print) {
  const all = cases(file, "limiter");
  const passed = all.filter((one) => holds("limiter", one, "limiter", limiterCase(sendgate, one), print)).length;
  print(`states from Rust: ${passed} passed, ${all.length - passed} failed, 0 skipped`);
  return passed === all.length;
}

/** States made here: what came out, a line a step, for Rust to go on from. */
export function statesOut(sendgate, file, print) {
  for (const one of cases(file, "limiter")) {
    print(`case ${one.id}`);
    for (const answer of limiterCase(sendgate, one)) print(canonical(answer));
  }
  return true;
}

function cases(file, suite) {
  const { cases: all } = file;
  if (file.suite !== suite || all.length === 0 || file.total !== all.length) {
    throw new Stop(`not the suite ${suite}, empty, or it says another total than it holds`);
  }
  if (new Set(all.map((one) => one.id)).size !== all.length) throw new Stop(`${suite} has two cases of one id`);
  return all;
}

function holds(suite, one, engine, got, print) {
  const wanted = canonical("want" in one ? one.want : one.steps.map((step) => step.want));
  const came = canonical(got);
  if (came !== wanted) print(`${suite} ${one.id} (${one.comment}), ${engine}:\n  want ${wanted}\n  got  ${came}`);
  return came === wanted;
}

/** JSON text that is equal when the values are. */
function canonical(value) {
  const sorted = (held) => {
    if (Array.isArray(held)) return held.map(sorted);
    if (held === null || typeof held !== "object") return held;
    return Object.fromEntries(Object.keys(held).sort().map((name) => [name, sorted(held[name])]));
  };
  return JSON.stringify(sorted(value));
}

/** An instant, which may be written as digits. */
const number = (given) => (typeof given === "string" ? BigInt(given) : given);

/** A call's value, or the code of its error. */
function tried(sendgate, call) {
  try {
    return [call(), undefined];
  } catch (error) {
    if (error instanceof sendgate.SendgateError) return [undefined, error.code];
    throw error;
  }
}

/** What the typed limiter answers; nothing when it lacks a step. */
function limiterCase(sendgate, { policy, steps = [] }) {
  if (!steps.every((step) => STEPS.has(step.op))) return undefined;
  const [limiter, code] = tried(sendgate, () => new sendgate.Limiter(policy));
  if (code !== undefined) return { error: code };
  const names = policy.windows.map((window) => window.name);
  return steps.map((step) => limiterStep(sendgate, limiter, names, step));
}

function limiterStep(sendgate, limiter, names, step) {
  const now = number(step.now ?? 0);
  switch (step.op) {
    case "decide":
    case "peek":
      return said(limiter[step.op](step.cost, now), names);
    case "charge":
      return { charged_at: limiter.charge(step.cost, now) };
    case "refund":
      limiter.refund(step.cost, number(step.charged_at), now);
      return { refunded: true };
    case "usage":
      return limiter.usage(now).map(({ limit, used, remaining, nextAt, fullAt }) => {
        return { limit, used, remaining, next_at: nextAt, full_at: fullAt };
      });
    case "state":
      return { hex: Array.from(limiter.state, (byte) => byte.toString(16).padStart(2, "0")).join("") };
    default: {
      const bytes = Uint8Array.from(step.hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
      const [, code] = tried(sendgate, () => limiter.load(bytes));
      return code === undefined ? { loaded: true } : { error: code };
    }
  }
}

function said(decision, names) {
  switch (decision.kind) {
    case "allow":
      return { allow: { charged_at: decision.chargedAt } };
    case "defer":
      return { defer: { retry_at: decision.retryAt, window: names[decision.window] } };
    case "reject":
      return { reject: { window: names[decision.window] } };
    default:
      throw new Stop(`a decision is called ${decision.kind}`);
  }
}

function backoffCase(sendgate, { policy, attempts, entropy, now, hint }) {
  const { base_ms: baseMs, cap_ms: capMs, max_attempts: maxAttempts, jitter } = policy;
  const backoff = new sendgate.Backoff({ baseMs, capMs, maxAttempts, jitter });
  const retry = backoff.next(attempts, BigInt(entropy), number(now), hint === undefined ? undefined : number(hint));
  return retry.kind === "retry_at" ? { at: retry.retryAt } : { exhausted: { attempts: retry.attempts } };
}

function gateCase(sendgate, { dimensions, steps = [] }) {
  const [gate, code] = tried(sendgate, () => new sendgate.Gate(dimensions));
  if (code !== undefined) return { error: code };
  return steps.map((step) => gateStep(gate, step));
}

function gateStep(gate, { op, costs, held, status, dimension, cost, now }) {
  switch (op) {
    case "decide":
    case "peek":
      return verdict(gate[op](costs, number(now), { held, status }));
    case "explain":
      return gate.explain(costs, number(now), { held, status }).map((standing) => {
        const { nextAt, fullAt, isBinding, ...same } = standing;
        return { ...same, next_at: nextAt, full_at: fullAt, binding: isBinding };
      });
    case "charge":
      return { charged_at: gate.charge(dimension, cost, number(now)) };
    default:
      throw new Stop(`a gate case has the unknown step ${op}`);
  }
}

function verdict({ kind, retryAt, reason, binding }) {
  const { dimension, ...named } = binding ?? {};
  switch (kind) {
    case "allow":
      return { allow: true };
    case "defer":
      return { defer: { ...named, retry_at: retryAt } };
    case "occupied":
      return { occupied: named };
    case "reject":
      return { reject: { ...named, reason } };
    default:
      throw new Stop(`a verdict is called ${kind}`);
  }
}
