// What the platform wants to be JavaScript: the Durable Object class, and a front that answers even when Rust cannot.
import * as rust from "sendgate/rust";
import { guarded, objectClass, requestGuard, revive } from "./guard.js";

export class AccountGate extends objectClass("AccountGate") {}

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
};
