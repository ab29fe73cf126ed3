// What is thrown: what was given is malformed, or cannot be done. Later and never are answers, not errors.

/** `code` is a stable word for why, the same in every language. */
export class SendgateError extends Error {
  constructor(message, code = "sendgate", more = {}) {
    super(message);
    this.code = code;
    Object.assign(this, more);
  }

  get name() {
    return this.constructor.name;
  }
}

export class InvalidMessage extends SendgateError {}
export class UnsupportedFeature extends SendgateError {}
export class WebhookRefused extends SendgateError {}
export class RateLimited extends SendgateError {}
export class QuotaExceeded extends SendgateError {}
export class IdempotencyConflict extends SendgateError {}
export class StoreFailed extends SendgateError {}

/** For a transport to throw when the provider surely has not got the request. */
export class NotSent extends SendgateError {
  constructor(message = "the request was not sent") {
    super(message, "not_sent");
  }
}

const CLASSES = {
  SendgateError, InvalidMessage, UnsupportedFeature, WebhookRefused, RateLimited, QuotaExceeded, IdempotencyConflict,
  StoreFailed,
};

/** Runs a call into the module. What that throws is text, of which an error of the right class is made. */
export function lifted(call) {
  try {
    return call();
  } catch (thrown) {
    if (typeof thrown !== "string") throw thrown;
    const { class: name, code, message, more } = JSON.parse(thrown);
    throw new CLASSES[name](message, code, more);
  }
}

/** An argument that cannot be. */
export function wrong(field, fault) {
  return new SendgateError(`${field} ${fault}`, "invalid_argument", { field });
}
