// What the API, or the way to it, answers instead of what was asked for.

/** The API refused, or nobody knows what it did. `code` is a stable word; the README of Sendgate has the table. */
export class ApiError extends Error {
  /** @param {string} message @param {Partial<ApiError>} [told] */
  constructor(message, told = {}) {
    super(message, told.cause === undefined ? undefined : { cause: told.cause });
    this.name = new.target.name;
    this.code = told.code ?? "unknown_answer";
    this.status = told.status ?? 0;
    this.requestId = told.requestId;
    this.window = told.window;
    this.retryAt = told.retryAt;
    this.errors = told.errors ?? [];
    this.attempts = told.attempts ?? 1;
  }
}

/** A window or a quota is used up: `retryAt` is when to ask again, absent when no waiting helps. */
export class RateLimitError extends ApiError {}

/** No answer came. What was asked may have been done: the same `send` again could send twice. */
export class UnreachableError extends ApiError {}

/**
 * The error of an answer, whatever error shape the account has chosen.
 *
 * @param {{status: number, text: string, headers: {get(name: string): string | null}}} answer
 * @param {number | undefined} retryAt
 */
export function errorOf(answer, retryAt) {
  const told = problemOf(answer.text);
  const Kind = answer.status === 429 ? RateLimitError : ApiError;
  return new Kind(told.message ?? `the API answered ${answer.status}`, {
    code: told.code ?? "unknown_answer",
    status: answer.status,
    requestId: told.requestId ?? answer.headers.get("x-request-id") ?? undefined,
    window: told.window,
    retryAt,
    errors: told.errors,
  });
}

/** Whether asking again can help: never after a mistake of the caller's, nor where no waiting makes room. */
export function isRetryable(error) {
  if (error instanceof UnreachableError) return true;
  if (error.status === 429) return error.code !== "overquota";
  return error.status === 408 || (error.status >= 500 && error.code !== "misconfigured");
}

/** Reads `problem+json`, `flat`, `nested` and `qboxmail`. */
function problemOf(text) {
  const body = jsonOf(text);
  if (body === null || typeof body !== "object") return {};
  const inner = typeof body.error === "object" && body.error !== null ? body.error : {};
  const code = [body.code, body.error_code, inner.code, body.error].find((word) => typeof word === "string");
  return {
    code: code === undefined ? undefined : (WORDS[code] ?? code.toLowerCase()),
    message: [body.detail, body.message, inner.message, body.title].find((words) => typeof words === "string"),
    requestId: typeof body.request_id === "string" ? body.request_id : undefined,
    window: typeof body.window === "string" ? body.window : undefined,
    errors: Array.isArray(body.errors) ? body.errors : [],
  };
}

/** @param {string} text */
export function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What the shape `nested` calls otherwise. It has one word for the four quotas: the one that a retry may help stands for all. */
const WORDS = { RATE_LIMITED: "rate_limit_exceeded", QUOTA_EXCEEDED: "quota_exceeded" };
