// Everything of the package, whatever platform it runs on.
import { beginWith } from "./start.js";
import * as raw from "../dist/raw.js";
import { lifted } from "./errors.js";

export { initSync } from "./start.js";
export * from "./backoff.js";
export { Allow, Defer, Reject } from "./decision.js";
export {
  IdempotencyConflict, InvalidMessage, NotSent, QuotaExceeded, RateLimited, SendgateError, StoreFailed,
  UnsupportedFeature, WebhookRefused,
} from "./errors.js";
export { Gate } from "./gate.js";
export { Limiter } from "./limiter.js";
export { Limiters, PackedKeys } from "./limiters.js";
export { Due, fetchTransport, Mailroom } from "./mailroom.js";
export { Message } from "./message.js";
export { Confirm, HttpRequest, NeedsCertificate, Provider, SmtpRequest } from "./provider.js";
export { Suppressions } from "./suppressions.js";

/** Starts the module from what is given; without anything it runs already. */
export async function init(source) {
  if (source !== undefined) await beginWith(source);
}

/** The form of an address under which it is suppressed: lower case, its domain in ASCII. */
export const normalizeAddress = (address) => lifted(() => raw.normalizeAddress(`${address}`));

/** The words of every provider there is. */
export const providers = () => raw.providers().split(",");

/** The package's version. */
export const version = () => raw.version();

/** What the core answers to one of the project's own test vectors. Not part of the package. */
export const _evaluate = (suite, json) => lifted(() => raw.evaluate(suite, json));
