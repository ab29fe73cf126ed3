// What an answer's header fields say about waiting, as distances. The caller's own clock is never held against an absolute
// time of the server's: that is off by whatever the two clocks differ.

/**
 * How many milliseconds `Retry-After` asks to wait: at least a second, and a minute when it is missing or unreadable.
 *
 * @param {{get(name: string): string | null}} headers
 */
export function retryAfterMs(headers) {
  return readRetryAfter(headers) ?? DEFAULT_WAIT_MS;
}

/** The same, `undefined` when there is nothing to read. @param {{get(name: string): string | null}} headers */
export function readRetryAfter(headers) {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return bounded(Number(value) * 1_000);
  const until = httpDate(value);
  if (until === undefined) return undefined;
  const from = httpDate(headers.get("date")?.trim() ?? "");
  // Without the server's own time a date says nothing that could be trusted.
  return from === undefined ? undefined : bounded(until - from);
}

/**
 * What remains, and how long until there is more: of all windows the tightest, by `RateLimit` or else by `X-RateLimit-*`
 * and `Date`. An answer without these fields is of a server that has no limit to keep here; its 429 will tell. `undefined`
 * when the fields speak of nobody: a caller whom the API does not know is told zeros.
 *
 * @param {{get(name: string): string | null}} headers
 * @returns {{remaining: number, waitMs: number} | undefined}
 */
export function standingOf(headers) {
  const listed = [...(headers.get("ratelimit") ?? "").matchAll(/;r=(\d+)(?:;t=(\d+))?/g)];
  if (listed.length > 0) {
    const remaining = Math.min(...listed.map(([, left]) => Number(left)));
    const waits = listed.filter(([, left]) => Number(left) === remaining).map(([, , seconds]) => Number(seconds ?? 0));
    return { remaining, waitMs: Math.min(Math.max(...waits) * 1_000, LONGEST_MS) };
  }
  const remaining = whole(headers.get("x-ratelimit-remaining"));
  if (remaining === undefined) return { remaining: Infinity, waitMs: 0 };
  if (whole(headers.get("x-ratelimit-limit")) === 0) return undefined;
  const reset = whole(headers.get("x-ratelimit-reset"));
  const from = httpDate(headers.get("date")?.trim() ?? "");
  const waitMs = reset === undefined || from === undefined ? 0 : Math.min(Math.max(reset * 1_000 - from, 0), LONGEST_MS);
  return { remaining, waitMs };
}

/**
 * An HTTP date in one of the three forms of RFC 9110, in milliseconds since 1970. Not by `Date.parse`, which reads "1.5"
 * and "soon 5" as dates.
 *
 * @param {string} text
 */
export function httpDate(text) {
  const found = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return undefined;
  const [day, hour, minute, second] = [found.day, found.hour, found.minute, found.second].map(Number);
  // A year of two digits is of the last century from 70 on, as in mail.
  const short = Number(found.year);
  const year = found.year.length === 4 ? short : short + (short < 70 ? 2000 : 1900);
  const ms = Date.UTC(year, MONTHS.indexOf(found.month), day, hour, minute, Math.min(second, 59));
  const isReal = MONTHS.includes(found.month) && new Date(ms).getUTCDate() === day && hour < 24 && minute < 60 && second <= 60;
  return isReal ? ms : undefined;
}

const whole = (value) => (value !== null && /^\d{1,15}$/.test(value.trim()) ? Number(value) : undefined);
const bounded = (ms) => Math.min(Math.max(ms, LEAST_WAIT_MS), LONGEST_MS);

const TIME = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";
const FORMS = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d\\d) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]+day, (?<day>\\d\\d)-(?<month>[A-Z][a-z]{2})-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** What to wait when a refusal does not say how long (document 003). */
const DEFAULT_WAIT_MS = 60_000;
/** Never at once: a refusal that is asked again at once is a hot loop. */
const LEAST_WAIT_MS = 1_000;
/** A year; a longer wait is no different, and stays a safe integer. */
const LONGEST_MS = 365 * 86_400_000;
