// Instants and numbers as they are given, and decisions as they are handed out.
import { wrong } from "./errors.js";

/** Milliseconds since 1970 of a number, a Date or a bigint. The core knows no instant after the year 9999. */
export function instant(at, field = "now") {
  const millis = typeof at === "number" ? at : Number(at);
  if (millis >= 0) return millis;
  throw wrong(field, "must be milliseconds since 1970, or a Date");
}

/** A number of units. */
export function units(cost, field = "cost") {
  if (cost >>> 0 === cost) return cost;
  throw wrong(field, "must be a whole number from 0 to 4294967295");
}

/** A whole number that a JavaScript number holds exactly. */
export function whole(number, field) {
  const given = Number(number);
  if (Number.isSafeInteger(given) && given >= 0) return given;
  throw wrong(field, "must be a whole number of at least 0");
}

export class Allow {
  constructor(chargedAt) {
    this.chargedAt = chargedAt;
  }
}
Allow.prototype.kind = "allow";

export class Defer {
  constructor(retryAt, window) {
    this.retryAt = retryAt;
    this.window = window;
  }
}
Defer.prototype.kind = "defer";

export class Reject {
  constructor(window) {
    this.window = window;
  }
}
Reject.prototype.kind = "reject";

/** A decision of the two numbers that the module hands over. */
export function decision(word, at) {
  switch (word & 3) {
    case 0:
      return new Allow(at);
    case 1:
      return new Defer(at, word >>> 2);
    default:
      return new Reject(word >>> 2);
  }
}

/** A policy as JSON text. */
export function policyText(policy) {
  return typeof policy === "string" ? policy : JSON.stringify(policy);
}
