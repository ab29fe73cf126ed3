// What the platform wants to be JavaScript: the Durable Object class, and a front that answers even when Rust cannot.
import * as rust from "sendgate/rust";
import { guarded, objectClass, requestGuard } from "./guard.js";

export class AccountGate extends objectClass("AccountGate") {}

export default {
  async fetch(request, env) {
    try {
      return await guarded(requestGuard(env), () => rust.fetch(request, env));
    } catch (error) {
      console.error("front:", error?.message);
      return failed();
    }
  },
};

// The contract's error body and header fields, in constants.
function failed() {
  const request_id = crypto.randomUUID();
  const detail = "The request failed inside Sendgate. It may have been accepted: repeat it with its Idempotency-Key.";
  const problem = { type: "about:blank", title: "Internal Server Error", status: 500, code: "internal_error", detail, request_id };
  const headers = { "Content-Type": "application/problem+json", "X-Request-Id": request_id };
  for (const field of ["Limit", "Remaining", "Reset"]) headers["X-RateLimit-" + field] = "0";
  return new Response(JSON.stringify(problem), { status: 500, headers });
}
