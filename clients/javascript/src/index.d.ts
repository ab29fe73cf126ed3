/** A client for Sendgate's Send API. */

export interface Clock {
  /** Milliseconds since 1970, never set back. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export interface BackoffOptions {
  /** The least wait: 1,000 ms. */
  baseMs?: number;
  /** The longest wait without the server's word: 60,000 ms. */
  capMs?: number;
  /** How many attempts may fail in all, the first one counted: 5. */
  maxAttempts?: number;
  jitter?: "full" | "none";
}

export class Backoff {
  constructor(options?: BackoffOptions);
  readonly baseMs: number;
  readonly capMs: number;
  readonly maxAttempts: number;
  readonly jitter: "full" | "none";
  /** Decides after `attempts` failed attempts when to try again. `entropy` is a random number of 64 bits. */
  next(
    attempts: number,
    entropy: bigint,
    now: number | bigint,
    hint?: number | bigint,
  ): { at: number } | { exhausted: number };
}

export interface Options {
  /** Where Sendgate is: `https://mail.shop.example`. */
  baseUrl: string | URL;
  /** The API key: `sg_...`. */
  key: string;
  /** Carries requests; the platform's `fetch`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  clock?: Clock;
  /** A fresh random number of 64 bits. */
  random64?: () => bigint;
  backoff?: Backoff | BackoffOptions;
  /** How long one attempt may take: 30,000 ms. */
  timeoutMs?: number;
  /** How long a call may wait for limits in all: 300,000 ms. What would take longer fails at once and says until when. */
  maxWaitMs?: number;
  /** Requests under way at once: 8. */
  concurrency?: number;
  /** Messages in a request at most: 500, fewer once the API says so. */
  batchMax?: number;
  /** Bytes of messages in a request at most: 10,000,000. */
  batchBytes?: number;
  /** How long a message waits for others: 10 ms. */
  batchDelayMs?: number;
  /** Messages that may wait for their outcome: 10,000. More are refused with `queue_full`. */
  maxPending?: number;
}

export interface Flaw {
  /** The path of the field: `messages[0].to[0]`. */
  field: string;
  code: string;
  detail: string;
}

export class ApiError extends Error {
  /** A stable word. */
  readonly code: string;
  /** The HTTP status; 0 when there was no answer, 202 when a message of an accepted request was refused. */
  readonly status: number;
  readonly requestId: string | undefined;
  /** The limit that refused. */
  readonly window: string | undefined;
  /** When to try again, in milliseconds since 1970 on the client's clock; absent when no waiting helps. */
  readonly retryAt: number | undefined;
  readonly errors: Flaw[];
  /** How many requests were made. */
  readonly attempts: number;
}

/** A window or a quota is used up. */
export class RateLimitError extends ApiError {}

/** No answer came, and what was asked may have been done. */
export class UnreachableError extends ApiError {}

export type Mailbox = string | { address: string; name?: string };

export interface Attachment {
  filename: string;
  /** In base64. */
  content: string;
  content_type: string;
  disposition?: "attachment" | "inline";
  content_id?: string;
}

export interface Message {
  from: Mailbox;
  to: Mailbox | Mailbox[];
  cc?: Mailbox | Mailbox[];
  bcc?: Mailbox | Mailbox[];
  reply_to?: Mailbox | Mailbox[];
  subject?: string;
  text_body?: string;
  html_body?: string;
  headers?: Record<string, string>;
  attachments?: Attachment[];
  tags?: string[];
  metadata?: Record<string, string>;
  class?: "transactional" | "lifecycle" | "drip" | "bulk";
  /** RFC 3339. */
  send_at?: string;
  expires_at?: string;
  template?: { id: string; data?: Record<string, unknown> };
  tracking?: { opens?: boolean; clicks?: boolean };
  stream?: string;
  provider_options?: Record<string, unknown>;
}

/** One message to many. `{{name}}` is a place for a value of each recipient's own. */
export interface BulkRequest {
  message: Omit<Message, "to" | "cc" | "bcc">;
  recipients: { email: Mailbox; substitutions?: Record<string, string | number | boolean | null> }[];
  /** Whether a recipient who lacks a value is refused (`strict`, when nothing is said), or the place stays empty. */
  options?: { missing?: "strict" | "lenient" };
}

export interface MessageFilters {
  status?: string;
  class?: string;
  provider?: string;
  tag?: string;
  /** `name=value` */
  metadata?: string;
  recipient?: string;
  created_from?: string;
  created_before?: string;
  after?: string;
  limit?: number;
}

export interface Outcome {
  message_id: string;
  to: string[];
  status: string;
  warnings?: string[];
}

export interface Refused {
  status: "rejected";
  error: { code: string; errors: Flaw[] };
}

export interface SuppressionSummary {
  status: "checked" | "unavailable" | "ignored" | "not_applicable";
  checked_recipients: number;
  accepted_recipients: number;
  suppressed_recipients: number;
  suppressed_emails: string[];
}

export interface Accepted {
  request_id: string;
  queued_messages: number;
  queued_until?: string;
  messages: (Outcome | Refused)[];
  suppression_summary: SuppressionSummary;
}

export interface Limit {
  name: string;
  scope: string;
  dimension?: string;
  kind: string;
  limit?: number;
  unit: string;
  period_ms?: number;
  used?: number;
  reserved?: number;
  committed?: number;
  remaining?: number;
  over?: number;
  resets_at?: string;
  source: string;
  as_of?: string;
  reference?: string;
}

export interface NewSuppression {
  email: string;
  reason?: string;
  scope?: string;
  expires_at?: string | null;
  active?: boolean;
}

export interface Suppression {
  email: string;
  reason: string;
  scope: string;
  status: "active" | "inactive" | "expired";
  active: boolean;
  expires_at?: string;
  created_at: string;
}

export interface SuppressionFilters {
  reason?: string;
  scope?: string;
  status?: "active" | "inactive" | "expired";
  created_from?: string;
  created_before?: string;
  contains?: string;
  after?: string;
  limit?: number;
}

export interface Imported {
  read: number;
  added: number;
  updated: number;
  unchanged: number;
  rejected: number;
  errors: { line: number; field: string; code: string; detail: string }[];
}

export interface Suppressions {
  list(filters?: SuppressionFilters): Promise<{ suppressions: Suppression[]; next: string | null }>;
  all(filters?: SuppressionFilters): AsyncGenerator<Suppression, void>;
  get(email: string): Promise<{ suppressions: Suppression[]; next: null }>;
  add(entry: NewSuppression): Promise<Omit<Suppression, "status" | "created_at">>;
  update(
    email: string,
    change: { reason?: string; expires_at?: string | null; active?: boolean },
    options?: { scope?: string },
  ): Promise<Suppression>;
  remove(email: string, options?: { scope?: string }): Promise<void>;
  import(list: string | NewSuppression[]): Promise<Imported>;
  export(filters?: SuppressionFilters & { format?: "csv" | "json" }): Promise<string>;
}

export interface SendOptions {
  /** Yours in place of one of the client's own: the same one again gets the same answer, and sends nothing again. */
  idempotencyKey?: string;
}

type Json = Record<string, unknown>;

export class Sendgate {
  constructor(options: Options);
  readonly suppressions: Suppressions;
  /** Sends one message, in one request with others of the same moment. Rejects with an `ApiError` when it is refused. */
  send(message: Message, options?: SendOptions): Promise<Outcome>;
  /** Sends what `send` has gathered without waiting any longer. */
  flush(): void;
  /** Sends messages as one request, and gives the answer as it is. */
  sendBatch(messages: Message[], options?: SendOptions): Promise<Accepted>;
  /** Sends one message to many, each with substitutions of its own. */
  sendBulk(request: BulkRequest, options?: SendOptions): Promise<Accepted>;
  /** Where a message is, and its trace. */
  message(id: string): Promise<Json>;
  messages(filters?: MessageFilters): Promise<Json>;
  cancel(id: string): Promise<Json>;
  /** Moves the time of a message that waits; null is as soon as may be. */
  reschedule(id: string, sendAt: string | null): Promise<Json>;
  /** Every limit that applies to the key, with current use. */
  limits(): Promise<{ limits: Limit[] }>;
  /** Asks what would become of a send, and sends nothing. */
  checkLimits(request: Json): Promise<Json>;
  usage(): Promise<Json>;
  alerts(filters?: { after?: number; limit?: number }): Promise<Json>;
  /** Forgets a person, and goes on sparing it. */
  forget(email: string): Promise<Json>;
}
