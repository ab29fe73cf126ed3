import { Mailroom as Raw } from "../dist/raw.js";
import { instant } from "./decision.js";
import { lifted, NotSent, wrong } from "./errors.js";
import { Message } from "./message.js";
import { bytesOf, code, headersText, Provider, requestOf } from "./provider.js";

/** A call that is to be carried out now. It has to be settled. */
export class Due {
  /** For the Mailroom. */
  raw;

  constructor(raw) {
    this.raw = raw;
    this.request = requestOf(raw.request());
    Object.assign(this, JSON.parse(raw.fields()));
    Object.defineProperty(this, "raw", { enumerable: false });
  }
}
Due.prototype.kind = "due";

/** What a connection that was never made is called: by Node, Bun and Deno. */
const NEVER_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ConnectionRefused", "FailedToOpenSocket"]);
/** What `fetch` sets itself, or refuses. */
const ITS_OWN = new Set(["host", "content-length", "connection"]);
/** A timer cannot wait longer. */
const LONGEST = 2 ** 31 - 1;

/** Carries a request by the platform's `fetch`. */
export function fetchTransport(fetch = globalThis.fetch) {
  return async ({ method, url, headers, body }, { timeoutMs }) => {
    const fields = Object.entries(headers).filter(([name]) => !ITS_OWN.has(name.toLowerCase()));
    const signal = AbortSignal.timeout(Math.min(timeoutMs, LONGEST));
    const sent = body.length === 0 ? undefined : body;
    try {
      const answer = await fetch(url, { method, headers: fields, body: sent, redirect: "manual", signal });
      return { status: answer.status, headers: [...answer.headers], body: new Uint8Array(await answer.arrayBuffer()) };
    } catch (error) {
      const known = [error?.code, error?.cause?.code, ...(error?.cause?.errors ?? []).map((one) => one?.code)];
      throw known.some((word) => NEVER_CONNECTED.has(word)) ? new NotSent() : error;
    }
  };
}

/** A durable sender over the host's storage. */
export class Mailroom {
  #raw;
  #transport;
  #clock;
  /** The delivery in the background, while there is one. */
  #running;
  #isStopping = false;
  /** Wakes whoever waits for something to change. */
  #bells = new Set();

  constructor(storage, account, options = {}) {
    const { secrets = {}, profile, transport = fetchTransport(), clock = Date.now, ...settings } = options;
    const [configuration, own] = configured(account, profile);
    this.#transport = transport;
    this.#clock = clock;
    const text = JSON.stringify({ ...configuration, ...settings });
    this.#raw = lifted(() => new Raw(hosted(storage), text, JSON.stringify({ ...secrets, ...own }), this.#now()));
  }

  submit(messages, options = {}) {
    const all = messages instanceof Message ? [messages] : [...messages];
    if (!all.every((message) => message instanceof Message)) throw wrong("messages", "must be Messages");
    const body = `{"messages":[${all.map((message) => message.toJson()).join(",")}]}`;
    const answer = JSON.parse(lifted(() => this.#raw.submit(body, options.idempotencyKey, this.#now())));
    this.#ring();
    return answer.messages.map(receipt);
  }

  next() {
    const raw = lifted(() => this.#raw.next(this.#now()));
    if (raw === undefined) return null;
    return raw.is_call() ? new Due(raw) : { kind: "wait_until", at: raw.until() };
  }

  settle(due, outcome) {
    const { raw } = due;
    if (outcome === "not_sent" || outcome === "maybe_sent") {
      lifted(() => this.#raw.settle_failure(raw, outcome === "not_sent", this.#now()));
    } else {
      const { status, headers, body } = outcome;
      const bytes = bytesOf(body);
      lifted(() => this.#raw.settle(raw, code(status), headersText(headers), bytes, this.#now()));
    }
    this.#ring();
  }

  async carry(due) {
    let outcome;
    try {
      const answer = await this.#transport(due.request, { timeoutMs: due.timeoutMs });
      // A browser hides a redirect behind the status 0, and nobody knows what it meant.
      outcome = answer.status === 0 ? "maybe_sent" : answer;
      bytesOf(outcome.body ?? "");
    } catch (error) {
      outcome = error instanceof NotSent ? "not_sent" : "maybe_sent";
    }
    this.settle(due, outcome);
  }

  run() {
    if (this.#running) return false;
    this.#isStopping = false;
    this.#running = this.#deliver(() => this.#isStopping).finally(() => {
      this.#running = undefined;
    });
    // Who calls `stop` is told; nobody else is there to be.
    this.#running.catch(() => {});
    return true;
  }

  async stop() {
    this.#isStopping = true;
    this.#ring();
    await this.#running;
  }

  async drain(options = {}) {
    const { timeoutMs = Infinity } = options;
    const until = this.#clock() + timeoutMs;
    if (this.#running) {
      while (!this.isEmpty && this.#clock() < until) await this.#bell(until);
    } else {
      await this.#deliver(() => this.isEmpty || this.#clock() >= until, until);
    }
    return this.isEmpty;
  }

  get isEmpty() {
    return lifted(() => this.#raw.is_empty(this.#now()));
  }

  trace(messageId) {
    const view = lifted(() => this.#raw.trace(`${messageId}`));
    return view === undefined ? null : JSON.parse(view);
  }

  usage() {
    return JSON.parse(lifted(() => this.#raw.ask("/v1/usage", this.#now()))).usage;
  }

  limits() {
    return JSON.parse(lifted(() => this.#raw.ask("/v1/limits", this.#now()))).limits;
  }

  #now() {
    return instant(this.#clock(), "clock");
  }

  /** Delivers until it is told to end, and then waits for the calls under way. */
  async #deliver(isOver, until = Infinity) {
    const underWay = new Set();
    let failed;
    while (!isOver() && failed === undefined) {
      const work = this.next();
      if (work instanceof Due) {
        const call = this.carry(work).catch((error) => (failed = error));
        underWay.add(call);
        call.finally(() => underWay.delete(call));
      } else {
        await this.#bell(Math.min(until, work?.at ?? Infinity));
      }
    }
    await Promise.all(underWay);
    if (failed !== undefined) throw failed;
  }

  #ring() {
    for (const wake of this.#bells) wake();
    this.#bells.clear();
  }

  /** Waits until something changes, or for the instant. */
  #bell(until) {
    const { promise, resolve } = settled();
    this.#bells.add(resolve);
    const wait = until - this.#clock();
    const timer = wait < Infinity ? setTimeout(resolve, Math.min(Math.max(wait, 0), LONGEST)) : undefined;
    return promise.finally(() => {
      this.#bells.delete(resolve);
      clearTimeout(timer);
    });
  }
}

function settled() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

/** The configuration, and the secret that it names when it was made of a provider. */
function configured(account, profile) {
  if (account instanceof Provider) return [{ providers: [{ ...account.settings(), profile }] }, account.secret()];
  return [typeof account === "string" ? JSON.parse(account) : account, {}];
}

/** The host's storage; what has no transactions of its own gets SQLite's. */
function hosted(storage) {
  const exec = (statement, parameters) => storage.exec(statement, parameters);
  if (storage.transaction) return { exec, transaction: (work) => storage.transaction(work) };
  return {
    exec,
    transaction(work) {
      exec("BEGIN IMMEDIATE", []);
      try {
        work();
        exec("COMMIT", []);
      } catch (error) {
        exec("ROLLBACK", []);
        throw error;
      }
    },
  };
}

function receipt(given) {
  const { message_id: messageId = null, status, warnings = [], error } = given;
  const errors = error?.errors ?? [];
  return {
    messageId,
    status,
    warnings,
    code: error?.code ?? null,
    detail: error === undefined ? null : errors.map(({ field, detail }) => `${field}: ${detail}`).join("; "),
  };
}
