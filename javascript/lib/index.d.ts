/** Sendgate's decisions as WebAssembly. Instants are milliseconds since 1970; there is no clock but `Date.now()` where none is given. */

/** An instant: milliseconds since 1970, or a Date. */
export type Instant = number | bigint | Date;

/** What a WebAssembly module may be started from. */
export type Source = URL | string | Response | Promise<Response> | ArrayBuffer | Uint8Array | WebAssembly.Module;

/**
 * Starts the module. In a browser it has to be awaited once, and fetches the module that lies beside the package unless it
 * is given another source. Everywhere else the module runs when it is imported, and this does nothing.
 */
export function init(source?: Source): Promise<void>;
/** Starts the module from its bytes or a compiled module, at once. A second call does nothing. */
export function initSync(source: ArrayBuffer | Uint8Array | WebAssembly.Module): void;
/** The package's version. */
export function version(): string;
/** The words of every provider there is. */
export function providers(): string[];
/** The form of an address under which it is suppressed. Throws SendgateError when it is no address. */
export function normalizeAddress(address: string): string;

// --- errors ---

/** What was given is malformed. */
export class SendgateError extends Error {
  constructor(message: string, code?: string);
  /** A stable word for why, the same in every language. */
  readonly code: string;
  /** The argument or the setting that is wrong, where one is. */
  readonly field?: string | null;
}

export interface FieldError {
  /** The path of the field, such as `attachments[3].content`, in the API's spelling; empty for the message itself. */
  readonly field: string;
  /** The stable word for the fault. */
  readonly code: string;
  /** A sentence for people, with the bound. Never a value of the message. */
  readonly detail: string;
}

/** A message cannot be read. */
export class InvalidMessage extends SendgateError {
  /** Every fault. */
  readonly errors: readonly FieldError[];
}
/** The provider lacks what the message needs. */
export class UnsupportedFeature extends SendgateError {
  readonly feature: string;
  readonly provider: string;
}
/** A report is not to be believed. */
export class WebhookRefused extends SendgateError {}
/** A window admits no more for now. */
export class RateLimited extends SendgateError {
  /** The first instant at which the same submission will do. */
  readonly retryAt: number | null;
  /** The window that is full. */
  readonly window: string | null;
}
/** A quota is used up. */
export class QuotaExceeded extends SendgateError {
  /** Its end; null when waiting does not help. */
  readonly retryAt: number | null;
  readonly period: "day" | "month" | "year" | null;
}
/** The idempotency key was used for other messages in the last 24 hours. */
export class IdempotencyConflict extends SendgateError {}
/** The storage cannot be used now, and nothing was accepted. */
export class StoreFailed extends SendgateError {}
/** For a transport to throw when the provider surely has not got the request. */
export class NotSent extends SendgateError {
  constructor(message?: string);
}

// --- limits ---

export type Window =
  | { kind: "sliding"; name: string; limit: number; period_ms: number }
  | { kind: "calendar"; name: string; limit: number; unit: "day" | "month" | "year"; time_zone: string }
  | { kind: "pace"; name: string; interval_ms: number; burst: number };

/** A policy, or its JSON text. */
export type Policy = { windows: readonly Window[] } | string;

/** It may leave now, and has been charged. */
export class Allow {
  constructor(chargedAt: number);
  readonly kind: "allow";
  /** The instant the units count from; a refund names it. */
  readonly chargedAt: number;
}
/** It may leave later. */
export class Defer {
  constructor(retryAt: number, window: number);
  readonly kind: "defer";
  /** The first instant at which the same question is allowed when nothing else happens. */
  readonly retryAt: number;
  /** The window that says so, counted from 0. */
  readonly window: number;
}
/** It may never leave: its cost is more than a window ever admits. */
export class Reject {
  constructor(window: number);
  readonly kind: "reject";
  /** The window that says so, counted from 0. */
  readonly window: number;
}
export type Decision = Allow | Defer | Reject;

/** What one window holds. */
export interface Usage {
  /** Units it ever admits at once. */
  readonly limit: number;
  /** Units in use. */
  readonly used: number;
  /** Units that may leave now. */
  readonly remaining: number;
  /** The first instant at which `remaining` grows, or now. */
  readonly nextAt: number;
  /** The first instant at which all of `limit` remains, or now. */
  readonly fullAt: number;
}

interface Freed {
  /** Gives the memory back at once; the collector does so sooner or later. The object cannot be used any more. */
  free(): void;
}

/** Several windows, decided all at once, and their state in memory. Throws SendgateError when the policy is malformed. */
export class Limiter implements Freed {
  constructor(policy: Policy);
  /** Decides whether `cost` units (1) may leave at `now` and, on an allow, charges them. A denial charges nothing. */
  decide(cost?: number, now?: Instant): Decision;
  /** As `decide`, without a reason. */
  admit(cost?: number, now?: Instant): boolean;
  /** The decision that `decide` would give, charging nothing. */
  peek(cost?: number, now?: Instant): Decision;
  /** Records units that left anyway, past the limit if need be, and returns the instant they count from. */
  charge(cost: number, now?: Instant): number;
  /** Takes back units that were charged at `chargedAt`. */
  refund(cost: number, chargedAt: Instant, now?: Instant): void;
  /** What each window holds, in the policy's order. */
  usage(now?: Instant): Usage[];
  /** The state's bytes, the same on every platform. */
  get state(): Uint8Array;
  /** Goes on from a stored state of the same policy. Throws when the bytes are not one; the limiter stays as it was. */
  load(state: Uint8Array): void;
  free(): void;
}

/** A key: any string, or bytes. */
export type Key = string | Uint8Array;

/** Many keys written one after another, for batches that are asked again and again. */
export class PackedKeys {
  constructor(keys: Iterable<Key>);
  /** The keys' bytes. */
  readonly bytes: Uint8Array;
  /** Where each ends. */
  readonly ends: Uint32Array;
  get length(): number;
}

/** Decisions of a batch, one place for each key. */
export interface Decisions {
  /** 0 allow, 1 defer, 2 reject. */
  readonly kinds: Uint8Array;
  /** The window that says so, where it is no allow. */
  readonly windows: Uint8Array;
  /** `chargedAt` of an allow, `retryAt` of a defer. */
  readonly instants: Float64Array;
}

/**
 * One policy, many keys, in memory: less than 200 bytes for each key with five windows. `mostKeys` bounds the table: a
 * further key is then refused until `evict` has made room.
 */
export class Limiters implements Freed {
  constructor(policy: Policy, options?: { mostKeys?: number });
  /** Decides whether `cost` units (1) of `key` may leave at `now` and, on an allow, charges them. */
  decide(key: Key, cost?: number, now?: Instant): Decision;
  admit(key: Key, cost?: number, now?: Instant): boolean;
  peek(key: Key, cost?: number, now?: Instant): Decision;
  /** `admit` for many keys at once, in their order: 1 or 0 for each. `cost` is for all of them, or one for each. */
  admitMany(keys: readonly Key[] | PackedKeys, cost?: number | Uint32Array | readonly number[], now?: Instant): Uint8Array;
  /** `decide` for many keys at once, in their order. */
  decideMany(keys: readonly Key[] | PackedKeys, cost?: number | Uint32Array | readonly number[], now?: Instant): Decisions;
  /** Records units that left anyway, and returns the instant they count from; null when the table is full. */
  charge(key: Key, cost: number, now?: Instant): number | null;
  refund(key: Key, cost: number, chargedAt: Instant, now?: Instant): void;
  usage(key: Key, now?: Instant): Usage[];
  /** The bytes of a key's state, as `Limiter.state` has them. */
  state(key: Key): Uint8Array;
  /** Goes on from a stored state of `key`; false when the table is full. */
  load(key: Key, state: Uint8Array): boolean;
  /** Forgets keys in whose windows nothing is in use, looking at `most` of them, and returns how many. */
  evict(most?: number, now?: Instant): number;
  /** Bytes of memory that the table has taken. */
  get memoryBytes(): number;
  /** Keys that are held. */
  get size(): number;
  free(): void;
}

export type Status = "active" | "suspended" | "closed";

export interface Dimension {
  scope: "key" | "plan" | "account" | "provider" | "domain_group" | "class";
  name: string;
  unit: "requests" | "messages" | "recipients";
  windows: readonly Window[];
}

/** A window among those of all dimensions. */
export interface Binding {
  /** The place of the dimension. */
  readonly dimension: number;
  readonly scope: Dimension["scope"];
  readonly name: string;
  /** The window's name. */
  readonly window: string;
}

export type Verdict =
  | { readonly kind: "allow" }
  | { readonly kind: "defer"; readonly retryAt: number; readonly binding: Binding }
  /** The held units fill a window: ask again when one of them is answered. Only of `peek`. */
  | { readonly kind: "occupied"; readonly binding: Binding }
  | { readonly kind: "reject"; readonly reason: string; readonly binding?: Binding };

export interface Standing extends Usage {
  readonly scope: Dimension["scope"];
  readonly name: string;
  readonly unit: Dimension["unit"];
  readonly window: string;
  /** How many more such requests fit. */
  readonly slack: number;
  /** Whether it is the one that decides. */
  readonly isBinding: boolean;
}

/** Several dimensions, each with its own windows and cost, all charged or none. */
export class Gate implements Freed {
  constructor(dimensions: readonly Dimension[]);
  /** `costs` has a number for each dimension. */
  decide(costs: Iterable<number>, now?: Instant, options?: { status?: Status }): Verdict;
  /** The verdict with `held` units on their way, charging nothing. */
  peek(costs: Iterable<number>, now?: Instant, options?: { held?: Iterable<number>; status?: Status }): Verdict;
  /** Where every window stands, in the order of the dimensions. */
  explain(costs: Iterable<number>, now?: Instant, options?: { held?: Iterable<number>; status?: Status }): Standing[];
  /** Counts units of one dimension that have left anyway, and returns the instant they count from. */
  charge(dimension: number, cost: number, now?: Instant): number;
  free(): void;
}

export class RetryAt {
  constructor(retryAt: number);
  readonly kind: "retry_at";
  readonly retryAt: number;
}
/** Give up: as many attempts failed as the policy allows. */
export class Exhausted {
  constructor(attempts: number);
  readonly kind: "exhausted";
  readonly attempts: number;
}

/** A retry policy: exponential with jitter, under a server's word. What is not given is the core's default. */
export class Backoff {
  constructor(options?: { baseMs?: number; capMs?: number; maxAttempts?: number; jitter?: "full" | "none" });
  readonly baseMs: number;
  readonly capMs: number;
  readonly maxAttempts: number;
  readonly jitter: "full" | "none";
  /**
   * Decides after `attempts` failed attempts when to try again. `entropy` is a fresh random number of 64 bits, drawn when
   * absent; `hint` the first instant the server allows, when it named one.
   */
  next(attempts: number, entropy?: bigint | number, now?: Instant, hint?: Instant | null): RetryAt | Exhausted;
}

/** An exact set of suppressed addresses, in about seven bytes each, without the addresses themselves. */
export class Suppressions implements Freed {
  /** `key` is 16 secret random bytes that belong to the saved bytes; fresh ones are drawn when it is absent. */
  constructor(addresses?: Iterable<string>, options?: { key?: Uint8Array });
  /** Goes on from saved bytes, which are checked as a whole. */
  static fromBytes(data: Uint8Array, key: Uint8Array): Suppressions;
  toBytes(): Uint8Array;
  /** The key of the saved bytes. Keep it apart from them. */
  get key(): Uint8Array;
  /** Adds an address; whether it was not there before. */
  add(address: string): boolean;
  /** Takes an address out; whether it was there. */
  remove(address: string): boolean;
  has(address: string): boolean;
  /** 1 or 0 for each of the addresses, in their order. */
  hasMany(addresses: Iterable<string>): Uint8Array;
  get memoryBytes(): number;
  get size(): number;
  free(): void;
}

// --- messages and providers ---

export type Mailbox = string | { address: string; name?: string };

export interface Attachment {
  filename: string;
  /** Bytes, or base64 in a string. */
  content: Uint8Array | string;
  contentType: string;
  disposition?: "attachment" | "inline";
  contentId?: string;
}

/** A message's fields. The API's own spelling (`text_body`) is taken as well. */
export interface MessageFields {
  from: Mailbox;
  to: Mailbox | readonly Mailbox[];
  cc?: Mailbox | readonly Mailbox[];
  bcc?: Mailbox | readonly Mailbox[];
  replyTo?: Mailbox | readonly Mailbox[];
  subject?: string;
  textBody?: string;
  htmlBody?: string;
  headers?: Record<string, string>;
  attachments?: readonly Attachment[];
  tags?: readonly string[];
  metadata?: Record<string, string>;
  class?: "transactional" | "lifecycle" | "drip" | "bulk";
  /** A Date, or RFC 3339. */
  sendAt?: Date | string;
  expiresAt?: Date | string;
  template?: { id: string; data?: Record<string, unknown> };
  tracking?: { opens?: boolean; clicks?: boolean };
  stream?: string;
  providerOptions?: Record<string, unknown>;
}

/** A message, read strictly: every fault is reported at once. Throws InvalidMessage. */
export class Message {
  constructor(fields: MessageFields);
  /** Reads a message from its JSON text, in the API's spelling. */
  static fromJson(text: string): Message;
  toJson(): string;
  /** Its bytes by the documented measure: at most 25,000,000, attachments in base64 included. */
  get size(): number;
  /** Recipients over `to`, `cc` and `bcc`. */
  get recipientCount(): number;
  get class(): NonNullable<MessageFields["class"]>;
}

/** An HTTP request to carry out. */
export interface HttpRequest {
  readonly kind: "http";
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
/** A mail to hand to a mail server. */
export interface SmtpRequest {
  readonly kind: "smtp";
  readonly host: string;
  readonly port: number;
  readonly security: "implicit" | "starttls" | "none";
  readonly login: readonly [string, string] | null;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly needsSmtputf8: boolean;
  /** The mail with CRLF line ends, not dot-stuffed. */
  readonly data: Uint8Array;
}
export const HttpRequest: abstract new () => HttpRequest;
export const SmtpRequest: abstract new () => SmtpRequest;

export type Outcome =
  | "accepted"
  | "throttled"
  | "transient"
  | "quota_spent"
  | "credentials_wrong"
  | "sender_refused"
  | "recipient_suppressed"
  | "permanently_refused"
  | "split"
  | "unknown";

/** What a provider's answer means. */
export interface Answer {
  readonly outcome: Outcome;
  /** The first instant at which the provider allows another attempt, when it said so. */
  readonly retryAt: number | null;
  readonly providerMessageId: string | null;
  readonly status: number | null;
  /** The provider's own stable word or number for it. */
  readonly providerCode: string | null;
  /** Recipients that were refused while the message was taken for the others. */
  readonly refused: readonly (readonly [address: string, reason: "suppressed" | "permanent" | "transient"])[];
}

/** One thing that happened to one message and one recipient. */
export interface Event {
  readonly provider: string;
  readonly kind: string;
  /** The same for every delivery of the same event, and no other's. */
  readonly key: string;
  readonly at: number;
  readonly providerMessageId: string | null;
  readonly messageId: string | null;
  readonly recipient: string | null;
  readonly bounceClass: "hard" | "soft" | "block" | "policy" | "spam" | "quota" | "ambiguous" | null;
  /** The provider's own list refused the recipient: nothing new is known of the address. */
  readonly isEcho: boolean;
  /** The event may be another recipient's. */
  readonly isCandidate: boolean;
}

/** Fetch the certificate at this URL, whose host and path were checked, and ask again with it (Amazon SES). */
export class NeedsCertificate {
  constructor(url: string);
  readonly kind: "needs_certificate";
  readonly url: string;
}
/** A verified request to confirm a subscription: fetch this URL, whose host was checked (Amazon SES). */
export class Confirm {
  constructor(url: string);
  readonly kind: "confirm";
  readonly url: string;
}

export type Headers = Iterable<readonly [string, string]> | Readonly<Record<string, string>>;
export type Body = Uint8Array | ArrayBuffer | string;

export interface WebhookOptions {
  /** What the provider signs with, several while one is replaced. */
  secrets?: readonly string[];
  /** The field that carries the secret where nothing is signed; Basic credentials otherwise. */
  header?: string;
  /** The SNS topics that are expected. */
  topics?: readonly string[];
  /** Certificates in PEM that an SNS signing certificate must descend from. */
  roots?: string;
  toleranceMs?: number;
  /** The URL and the PEM that NeedsCertificate asked for. */
  certificate?: readonly [url: string, pem: string];
  now?: Instant;
}

/**
 * A provider that Sendgate speaks to. `kind` is one of `providers()`; `credential` its key or token (Amazon SES:
 * `"access key:secret key[:session token]"`, SMTP: `"user:password"`).
 */
export class Provider {
  constructor(kind: string, credential?: string, options?: { baseUrl?: string; domain?: string; accountId?: string; region?: string });
  readonly kind: string;
  /** What the message needs and the provider lacks; empty when it can be sent as it is. */
  gaps(message: Message): string[];
  /** The call that hands the message over. The same arguments give the same bytes. */
  build(message: Message, messageId: string, now?: Instant): HttpRequest | SmtpRequest;
  /** The call that hands several messages over at once, with an id for each. */
  buildBatch(messages: Iterable<readonly [Message, string]>, now?: Instant): HttpRequest | SmtpRequest;
  /** What an HTTP answer means. Any answer has a meaning. */
  classify(status: number, headers: Headers, body: Body, now?: Instant): Answer;
  classifyBatch(status: number, headers: Headers, body: Body, count: number, now?: Instant): Answer[];
  /** Verifies a report and reads its events; `body` as it came. Throws WebhookRefused: nothing of it may then be believed. */
  parseWebhook(headers: Headers, body: Body, options?: WebhookOptions): Event[] | NeedsCertificate | Confirm;
}

// --- the Mailroom ---

/** A statement's parameter, or a column: integers of at most 53 bits. */
export type SqlValue = null | number | string | Uint8Array;

/** A SQLite that the host brings: `better-sqlite3`, `sql.js`, `node:sqlite`, a Durable Object's storage. */
export interface Storage {
  /** Runs one statement with its parameters (`?1`, `?2`, ...) to its end and returns every row, as a list of its columns. */
  exec(statement: string, parameters: SqlValue[]): ArrayLike<ArrayLike<SqlValue | bigint>>;
  /** Runs the work in one transaction, and rolls back and throws again when it throws. Without it, SQLite's own are used. */
  transaction?(work: () => void): unknown;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}
/** Carries a request. Throws NotSent when the provider surely has not got it; anything else it throws leaves that open. */
export type Transport = (request: HttpRequest, options: { timeoutMs: number }) => Promise<HttpAnswer>;

/** Carries requests by `fetch`, the platform's when none is given. */
export function fetchTransport(fetch?: typeof globalThis.fetch): Transport;

/** What became of a submitted message. */
export interface Receipt {
  /** The id by which `trace` finds it; null when it was refused. */
  readonly messageId: string | null;
  readonly status: "queued" | "suppressed" | "refused";
  /** What is not wrong but worth knowing, such as `"missing_unsubscribe"`. */
  readonly warnings: readonly string[];
  /** Why it was refused. */
  readonly code: string | null;
  readonly detail: string | null;
}

/** A call that is to be carried out now, by a host that does so itself. It has to be settled. */
export interface Due {
  readonly kind: "due";
  readonly request: HttpRequest;
  readonly timeoutMs: number;
  /** The message, or the first one of several. */
  readonly messageId: string;
  /** 1 for its first attempt. */
  readonly attempt: number;
}
export const Due: abstract new () => Due;

export interface MailroomOptions {
  /** The values of the names that a configuration calls `credential`. */
  secrets?: Readonly<Record<string, string>>;
  /** The built-in limits of a Provider. */
  profile?: string;
  /** `fetchTransport()` when absent. */
  transport?: Transport;
  /** Tells the time: `Date.now` when absent. */
  clock?: () => number;
  /** Further fields of the account's configuration. */
  [setting: string]: unknown;
}

/**
 * A durable sender over a SQLite of the host's. One Mailroom owns a store; another may go on with it when that one is gone.
 * Providers that are not spoken to over HTTP (`smtp`) are refused.
 *
 * `account` is a Provider, or one account's configuration as an object or JSON text, of which only `providers` has to be there.
 */
export class Mailroom {
  constructor(storage: Storage, account: Provider | Readonly<Record<string, unknown>> | string, options?: MailroomOptions);
  /**
   * Stores messages for delivery, all under one request's limits. The same `idempotencyKey` with the same messages gets the
   * same receipts for 24 hours and stores nothing again.
   *
   * Throws InvalidMessage, RateLimited, QuotaExceeded, IdempotencyConflict or StoreFailed; nothing was accepted then.
   */
  submit(messages: Message | Iterable<Message>, options?: { idempotencyKey?: string }): Receipt[];
  /** Delivers in the background until `stop`. False when it does so already. */
  run(): boolean;
  /** Ends the delivery in the background when the calls under way are settled. Rejects with what ended it before. */
  stop(): Promise<void>;
  /** Delivers until no message waits or is on its way, or for so long. Whether none is left. */
  drain(options?: { timeoutMs?: number }): Promise<boolean>;
  /** Whether no message waits and none is on its way. */
  get isEmpty(): boolean;
  /** What to do now, for a host that delivers itself; null when nothing waits. */
  next(): Due | { readonly kind: "wait_until"; readonly at: number } | null;
  /** What became of a call that `next` gave. */
  settle(due: Due, outcome: HttpAnswer | "not_sent" | "maybe_sent"): void;
  /** Carries a call that `next` gave with the Mailroom's own transport, and settles it. */
  carry(due: Due): Promise<void>;
  /** Where a message is and how it came there; null when there is none of this id. In the API's spelling. */
  trace(messageId: string): Record<string, unknown> | null;
  /** What is in use of each quota in its current period. */
  usage(): Record<string, unknown>[];
  /** Every limit and where it stands. */
  limits(): Record<string, unknown>[];
}
