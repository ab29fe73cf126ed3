// A client for Sendgate's Send API. Nothing here decides what may be sent: the API does, and this asks it politely.

import { Backoff } from "./backoff.js";
import { ApiError, RateLimitError, UnreachableError, errorOf, isRetryable, jsonOf } from "./errors.js";
import { Gate } from "./gate.js";
import { SendQueue } from "./queue.js";
import { readRetryAfter, retryAfterMs, standingOf } from "./standing.js";

export { ApiError, Backoff, RateLimitError, UnreachableError };

export class Sendgate {
  #baseUrl;
  #key;
  #fetch;
  #clock;
  #random64;
  #backoff;
  #gate;
  #queue;
  #timeoutMs;
  #maxWaitMs;
  #cache = new Map();

  /** @param {import("./index.d.ts").Options} options */
  constructor({
    baseUrl,
    key,
    fetch = (url, init) => globalThis.fetch(url, init),
    clock = platformClock,
    random64 = platformRandom64,
    backoff = {},
    timeoutMs = 30_000,
    maxWaitMs = 300_000,
    concurrency = 8,
    batchMax = 500,
    batchBytes = 10_000_000,
    batchDelayMs = 10,
    maxPending = 10_000,
  }) {
    if (!baseUrl || !key) throw new TypeError("baseUrl and key must be given");
    this.#baseUrl = String(baseUrl).replace(/\/+$/, "");
    this.#key = key;
    this.#fetch = fetch;
    this.#clock = clock;
    this.#random64 = random64;
    this.#backoff = backoff instanceof Backoff ? backoff : new Backoff(backoff);
    this.#timeoutMs = timeoutMs;
    this.#maxWaitMs = maxWaitMs;
    this.#gate = new Gate(clock, concurrency);
    const settings = { batchMax, batchBytes, batchDelayMs, maxPending };
    this.#queue = new SendQueue((body) => this.#send("/v1/send", body), (ms) => clock.sleep(ms), settings);
    this.suppressions = new Suppressions((request) => this.#ask(request));
  }

  /** Sends one message, together with others of the same moment; with an idempotency key of its own, alone. */
  async send(message, { idempotencyKey } = {}) {
    if (idempotencyKey === undefined) return this.#queue.add(message);
    const alone = new SendQueue(
      (body) => this.#send("/v1/send", body, idempotencyKey),
      () => Promise.resolve(),
      { batchMax: 1, batchBytes: Infinity, batchDelayMs: 0, maxPending: 1 },
    );
    return alone.add(message);
  }

  /** Sends what `send` has gathered without waiting any longer. */
  flush() {
    this.#queue.flush();
  }

  /** Sends a request of messages as it is, and gives the answer as it is. */
  async sendBatch(messages, { idempotencyKey } = {}) {
    return this.#send("/v1/send", JSON.stringify({ messages }), idempotencyKey);
  }

  /** Sends one message to many, each with substitutions of its own. */
  async sendBulk(request, { idempotencyKey } = {}) {
    return this.#send("/v1/send/bulk", JSON.stringify(request), idempotencyKey);
  }

  async message(id) {
    return this.#ask({ path: `/v1/messages/${encodeURIComponent(id)}` });
  }

  async messages(filters) {
    return this.#ask({ path: "/v1/messages", query: filters });
  }

  async cancel(id) {
    return this.#ask({ method: "POST", path: `/v1/messages/${encodeURIComponent(id)}/cancel` });
  }

  async reschedule(id, sendAt) {
    const body = JSON.stringify({ send_at: sendAt });
    return this.#ask({ method: "PATCH", path: `/v1/messages/${encodeURIComponent(id)}`, body });
  }

  /** Every limit that applies to the key. Learns how many messages a request may hold. */
  async limits() {
    const answer = await this.#ask({ path: "/v1/limits" });
    const batch = answer.limits.find((limit) => limit.name === "messages_per_request");
    if (batch?.limit !== undefined) this.#queue.bound(batch.limit);
    return answer;
  }

  /** Asks what would become of a send, and sends nothing. */
  async checkLimits(request) {
    return this.#ask({ method: "POST", path: "/v1/limits/check", body: JSON.stringify(request) });
  }

  async usage() {
    return this.#ask({ path: "/v1/usage" });
  }

  async alerts(filters) {
    return this.#ask({ path: "/v1/alerts", query: filters });
  }

  /** Forgets a person, and goes on sparing it. */
  async forget(email) {
    return this.#ask({ method: "DELETE", path: `/v1/subjects/${encodeURIComponent(email)}` });
  }

  /** Every attempt goes under the same idempotency key, so that a retried time-out cannot send twice. */
  async #send(path, body, idempotencyKey = this.#newKey()) {
    return this.#ask({ method: "POST", path, body, idempotencyKey });
  }

  #newKey() {
    const half = () => BigInt.asUintN(64, this.#random64()).toString(16).padStart(16, "0");
    return `auto-${half()}${half()}`;
  }

  /** Asks until there is an answer, the attempts are used up, or the next would come too late. */
  async #ask({ method = "GET", path, query = {}, body, idempotencyKey, contentType, asText = false }) {
    const url = this.#baseUrl + path + queryOf(query);
    const latest = this.#clock.now() + this.#maxWaitMs;
    const headers = { authorization: `Bearer ${this.#key}`, accept: "application/json" };
    if (body !== undefined) headers["content-type"] = contentType ?? "application/json";
    if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
    const cached = method === "GET" ? this.#cache.get(url) : undefined;
    if (cached) headers["if-none-match"] = cached.etag;
    for (let attempts = 1; ; attempts += 1) {
      const ticket = await this.#gate.enter(latest);
      const { answer, error, hint } = await this.#attempt(ticket, url, { method, headers, body });
      if (answer?.status === 304 && cached) return this.#read(cached, asText);
      if (error === undefined) {
        this.#keep(method, url, answer);
        return this.#read(answer, asText);
      }
      error.attempts = attempts;
      if (!isRetryable(error)) throw error;
      const now = this.#clock.now();
      const retry = this.#backoff.next(attempts, this.#random64(), Math.floor(now), hint);
      if (!("at" in retry) || retry.at > latest) throw error;
      await this.#clock.sleep(retry.at - now);
    }
  }

  /** One request, and what it means for everybody at the gate. */
  async #attempt(ticket, url, init) {
    let answer;
    try {
      const response = await this.#fetch(url, { ...init, signal: AbortSignal.timeout(this.#timeoutMs) });
      answer = { status: response.status, headers: response.headers, text: await response.text() };
    } catch (cause) {
      this.#gate.leave(ticket, undefined);
      return { error: new UnreachableError("no answer came; it may have been done", { code: "unreachable", cause }) };
    }
    const { status, headers } = answer;
    if (status < 300 || status === 304) {
      this.#gate.leave(ticket, standingOf(headers));
      return { answer };
    }
    const plain = errorOf(answer, undefined);
    const isLimit = status === 429 && isRetryable(plain);
    const waitMs = isLimit ? retryAfterMs(headers) : readRetryAfter(headers);
    const hint = waitMs === undefined ? undefined : Math.ceil(this.#clock.now() + waitMs);
    // A quota is refused to what was asked; a smaller request, or a read, may still pass.
    const stopsAll = isLimit && !plain.code.startsWith("quota_");
    this.#gate.leave(ticket, standingOf(headers), stopsAll ? waitMs : 0);
    return { answer, error: errorOf(answer, hint), hint };
  }

  #read(answer, asText) {
    if (asText || answer.text === "") return asText ? answer.text : undefined;
    const value = jsonOf(answer.text);
    if (value === null) throw new ApiError("the answer is not JSON", { status: answer.status });
    return value;
  }

  #keep(method, url, answer) {
    const etag = answer.headers.get("etag");
    if (method !== "GET" || !etag) return;
    this.#cache.delete(url);
    this.#cache.set(url, { etag, status: answer.status, text: answer.text });
    if (this.#cache.size > CACHED) this.#cache.delete(this.#cache.keys().next().value);
  }
}

/** The suppression list. */
class Suppressions {
  #ask;

  constructor(ask) {
    this.#ask = ask;
  }

  async list(filters) {
    return this.#ask({ path: "/v1/suppressions", query: filters });
  }

  /** Every entry, page after page. */
  async *all(filters = {}) {
    let page = await this.list(filters);
    for (;;) {
      yield* page.suppressions;
      if (page.next === null || page.next === undefined) return;
      page = await this.list({ ...filters, after: page.next });
    }
  }

  async get(email) {
    return this.#ask({ path: pathOf(email) });
  }

  async add(entry) {
    return this.#ask({ method: "POST", path: "/v1/suppressions", body: JSON.stringify(entry) });
  }

  async update(email, change, { scope } = {}) {
    return this.#ask({ method: "PATCH", path: pathOf(email), query: { scope }, body: JSON.stringify(change) });
  }

  async remove(email, { scope } = {}) {
    return this.#ask({ method: "DELETE", path: pathOf(email), query: { scope } });
  }

  /** Takes a CSV as text, or a list of entries. */
  async import(list) {
    const isText = typeof list === "string";
    const contentType = isText ? "text/csv; charset=utf-8" : "application/json";
    const body = isText ? list : JSON.stringify(list);
    return this.#ask({ method: "POST", path: "/v1/suppressions/import", body, contentType });
  }

  /** One part of the list as text, CSV unless `format` says `json`. */
  async export(filters) {
    return this.#ask({ path: "/v1/suppressions/export", query: filters, asText: true });
  }
}

const pathOf = (email) => `/v1/suppressions/${encodeURIComponent(email)}`;

function queryOf(query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** A clock that nobody sets back while we wait, in milliseconds since 1970. */
const platformClock = {
  now: () => performance.timeOrigin + performance.now(),
  async sleep(ms) {
    // A timer of more than 2^31 - 1 ms would fire at once.
    for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, LONGEST_TIMER_MS)));
    }
  },
};

const platformRandom64 = () => globalThis.crypto.getRandomValues(new BigUint64Array(1))[0];

const LONGEST_TIMER_MS = 2_147_483_647;
/** Answers kept for their `ETag`. */
const CACHED = 100;
