// The guard around every call into Rust.
//
// A panic or trap in Rust leaves its promises pending for ever, and an alarm that hangs is never repeated. So every call
// waits beside a way out. When Rust's panic hook, a trap or an uncaught error says that the instance is lost, all calls
// in flight in this isolate are refused at once and a new instance is made; a timer is the fallback.
import { DurableObject } from "cloudflare:workers";
import * as rust from "sendgate/rust";
import module from "./sendgate.wasm";

const waiting = new Set(); // the reject function of every call in flight in this isolate
let generation = 0; // counts instances: an object of an earlier one is gone
let lost = false;

rust.initSync({ module });
rust.begin(condemn);

// Refuses every call in flight. The lost instance may still be on the stack: its successor comes in the next microtask.
function condemn(reason) {
  if (lost) return;
  lost = true;
  for (const refuse of waiting) refuse(new Error(reason));
  waiting.clear();
  queueMicrotask(revive);
}

// Makes a new instance when the last one was lost.
export function revive() {
  if (!lost) return;
  lost = false;
  generation += 1;
  rust.__wbg_reset_state();
  rust.begin(condemn);
}

// An error that leaves a callback of Rust uncaught has stopped Rust's executor in the middle of its queue. Callbacks of
// an instance that is already gone are refused by wasm-bindgen in these words; they stop nothing.
addEventListener("error", ({ error }) => {
  if (!String(error?.message).includes("previous WASM instance")) condemn("uncaught in a callback: " + error?.name);
});

// Whether Rust's executor still turns: answers within a second.
function alive() {
  const late = new Promise((resolve) => setTimeout(resolve, 1000, false));
  return Promise.race([rust.pulse().then(() => true), late]);
}

// Runs `call`. Every `period` ms a stopped instance is looked for; after ten periods a call that only waits is cut off.
export function guarded(period, call) {
  revive();
  let timer, refuse;
  const answer = new Promise((resolve, reject) => {
    let periods = 0;
    refuse = reject;
    waiting.add(reject);
    timer = setInterval(async () => {
      if (!(await alive())) condemn("stalled");
      else if (++periods === 10) reject(new Error("timed out"));
    }, period);
    try {
      Promise.resolve(call()).then(resolve, reject);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) condemn("trap: " + error.message);
      reject(error);
    }
  });
  return answer.finally(() => {
    clearInterval(timer);
    waiting.delete(refuse);
  });
}

export const requestGuard = (env) => Number(env.GUARD_REQUEST_MS ?? 30_000);
const alarmGuard = (env) => Number(env.GUARD_ALARM_MS ?? 30_000);

// The Durable Object class around the Rust class `name`. Its Rust object is made at the first call, and again after its
// instance was lost: what it knew is in its storage.
export const objectClass = (name) =>
  class extends DurableObject {
    #kept;
    #generation;
    #object() {
      if (this.#generation !== generation) {
        this.#kept = new rust[name](this.ctx, this.env);
        this.#generation = generation;
      }
      return this.#kept;
    }
    handle(ask, body, length) {
      return guarded(requestGuard(this.env), () => this.#object().handle(ask, body, length));
    }
    receive(ask, body) {
      return guarded(requestGuard(this.env), () => this.#object().receive(ask, body));
    }
    accountOf(queue) {
      return guarded(requestGuard(this.env), () => this.#object().accountOf(queue));
    }
    configure(pushed) {
      return guarded(requestGuard(this.env), () => this.#object().configure(pushed));
    }
    alarm() {
      return guarded(alarmGuard(this.env), () => this.#object().alarm());
    }
  };
