// What the platform wants to be JavaScript: the Durable Object classes, and a front that answers even when Rust cannot.
import * as rust from "sendgate/rust";
import { guarded, objectClass, requestGuard, revive } from "./guard.js";

export class AccountGate extends objectClass("AccountGate") {}
export class Directory extends objectClass("Directory") {}

export default {
  async fetch(request, env) {
    try {
      return await guarded(requestGuard(env), () => rust.fetch(request, env));
    } catch (error) {
      console.error("front:", error?.message);
      revive();
      return rust.failed();
    }
  },

  // Cloudflare's own events. What is not done with is delivered again; so is everything when this throws.
  async queue(batch, env) {
    const bodies = batch.messages.map(({ body }) => JSON.stringify(body));
    const done = await guarded(requestGuard(env), () => rust.queue(batch.queue, bodies, env));
    batch.messages.forEach((message, n) => (done[n] ? message.ack() : message.retry()));
  },
};
