import { Provider as Raw } from "../dist/raw.js";
import { instant, units } from "./decision.js";
import { lifted, wrong } from "./errors.js";
import { Message } from "./message.js";

/** An HTTP request to carry out. */
export class HttpRequest {
  constructor(fields, body) {
    this.method = fields.method;
    this.url = fields.url;
    this.headers = Object.fromEntries(fields.headers);
    this.body = body;
  }
}
HttpRequest.prototype.kind = "http";

/** A mail to hand to a mail server. */
export class SmtpRequest {
  constructor({ kind, ...fields }, data) {
    Object.assign(this, fields);
    this.data = data;
  }
}
SmtpRequest.prototype.kind = "smtp";

export class NeedsCertificate {
  constructor(url) {
    this.url = url;
  }
}
NeedsCertificate.prototype.kind = "needs_certificate";

export class Confirm {
  constructor(url) {
    this.url = url;
  }
}
Confirm.prototype.kind = "confirm";

/** A call of the module's as an object of one of the two classes. */
export function requestOf(raw) {
  const fields = JSON.parse(raw.fields());
  const made = fields.kind === "http" ? new HttpRequest(fields, raw.bytes()) : new SmtpRequest(fields, raw.bytes());
  raw.free();
  return made;
}

/** Header fields as a list of pairs, in JSON. */
export function headersText(headers) {
  const pairs = typeof headers?.[Symbol.iterator] === "function" ? headers : Object.entries(headers ?? {});
  return JSON.stringify(Array.from(pairs, ([name, value]) => [`${name}`, `${value}`]));
}

/** The bytes of a body. */
export function bytesOf(body) {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw wrong("body", "must be bytes or a string");
}

const raw = (message) => {
  if (message instanceof Message) return message.raw;
  throw wrong("message", "must be a Message");
};

/** A provider that Sendgate speaks to, with what its calls need. */
export class Provider {
  #raw;
  #settings;

  constructor(kind, credential = "", options = {}) {
    const { baseUrl, domain, accountId, region } = options;
    this.kind = kind;
    this.#settings = { base_url: baseUrl, domain, account_id: accountId, region };
    this.#raw = lifted(() => new Raw(JSON.stringify({ kind, credential, ...this.#settings })));
    // As an account's configuration has it, but for its credential, which goes by a name there.
    this.settings = () => ({ kind, ...this.#settings, ...(credential === "" ? {} : { credential: "CREDENTIAL" }) });
    this.secret = () => ({ CREDENTIAL: credential });
    Object.defineProperties(this, { settings: { enumerable: false }, secret: { enumerable: false } });
  }

  gaps(message) {
    return JSON.parse(this.#raw.gaps(raw(message)));
  }

  build(message, messageId, now = Date.now()) {
    return requestOf(lifted(() => this.#raw.build(raw(message), `${messageId}`, instant(now))));
  }

  buildBatch(messages, now = Date.now()) {
    const texts = Array.from(messages, ([message, messageId]) => [raw(message).json(), `${messageId}`]);
    return requestOf(lifted(() => this.#raw.build_batch(JSON.stringify(texts), instant(now))));
  }

  classify(status, headers, body, now = Date.now()) {
    const answer = lifted(() => this.#raw.classify(code(status), headersText(headers), bytesOf(body), instant(now)));
    return JSON.parse(answer);
  }

  classifyBatch(status, headers, body, count, now = Date.now()) {
    const fields = headersText(headers);
    const answers = lifted(() =>
      this.#raw.classify_batch(code(status), fields, bytesOf(body), units(count, "count"), instant(now)),
    );
    return JSON.parse(answers);
  }

  parseWebhook(headers, body, options = {}) {
    const { secrets, header, topics, roots, toleranceMs, certificate, now = Date.now() } = options;
    const believed = JSON.stringify({ secrets, header, topics, roots, tolerance_ms: toleranceMs, certificate });
    const fields = headersText(headers);
    const report = JSON.parse(lifted(() => this.#raw.parse_webhook(fields, bytesOf(body), believed, instant(now))));
    if (report.needsCertificate !== undefined) return new NeedsCertificate(report.needsCertificate);
    return report.confirm === undefined ? report.events : new Confirm(report.confirm);
  }
}

/** An HTTP status. */
export function code(status) {
  if (status >>> 0 === status && status <= 999) return status;
  throw wrong("status", "must be a whole number from 0 to 999");
}
