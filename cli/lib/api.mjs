// One exchange with the admin API.

/** The deployment said no. */
export class Refused extends Error {
  /** @param {number} status @param {{code?: string, detail?: string, request_id?: string, errors?: object[]}} problem */
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The deployment was not reached, or its answer was not one. What was asked for may have been done. */
export class Unreached extends Error {}

/** The command line is wrong. */
export class Misused extends Error {}

/** The admin API of one deployment. */
export class Api {
  #token;

  /** @param {string} url where the deployment is @param {string} token the operator's token */
  constructor(url, token) {
    this.base = base(url);
    this.#token = token;
    // A token goes into a header field.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Misused("the token must be visible ASCII characters without spaces");
  }

  /**
   * Asks, and returns the answer's JSON.
   *
   * @param {string} method
   * @param {string[]} path the segments behind /v1/admin, not yet encoded
   * @param {{query?: Record<string, string | number | undefined>, body?: unknown}} [more]
   */
  async ask(method, path, { query = {}, body } = {}) {
    const url = new URL(`${this.base}/v1/admin/${path.map(encodeURIComponent).join("/")}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const headers = { authorization: `Bearer ${this.#token}`, accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    const request = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    let response, text;
    try {
      // A redirect could carry the token elsewhere.
      response = await fetch(url, { ...request, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
      text = await response.text();
    } catch (error) {
      throw new Unreached(`${url.origin} was not reached: ${error.cause?.code ?? error.cause?.message ?? error.name}`);
    }
    const answer = json(text);
    if (!response.ok) throw new Refused(response.status, answer ?? {});
    if (answer === undefined) throw new Unreached(`${url.origin} answered ${response.status} with something other than JSON`);
    return answer;
  }

  /** Every entry of a list, page by page, at most `most` of them. */
  async *pages(path, list, { after, limit, most = Infinity } = {}) {
    let left = most;
    for (;;) {
      const page = await this.ask("GET", path, { query: { after, limit } });
      for (const entry of page[list] ?? []) {
        if (left-- <= 0) return;
        yield entry;
      }
      if (page.next === null || page.next === undefined || left <= 0) return;
      after = page.next;
    }
  }
}

/** A token goes over TLS, or stays on this machine. */
function base(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new Misused("the URL must be like https://sendgate.example");
  }
  const isLoopback = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback)) {
    throw new Misused("the URL must be https, or http on this machine");
  }
  if (url.search || url.hash || url.username) throw new Misused("the URL must have no query, fragment or user");
  return url.href.replace(/\/+$/, "");
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A look at DNS takes the longest: a few rounds of questions of at most 5 seconds. */
const TIMEOUT_MS = 60_000;
