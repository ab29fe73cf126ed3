// R243, R245-R250 and the defects that C10 found in document 003's sample.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, RateLimitError, Sendgate, UnreachableError } from "../src/index.js";
import { Gate } from "../src/gate.js";
import { httpDate, readRetryAfter, retryAfterMs, standingOf } from "../src/standing.js";
import { Server, World, answering } from "./world.mjs";

const REFUSAL = { status: 429, code: "rate_limit_exceeded", detail: "full", request_id: "req_1", window: "minute" };

function client(world, fetch, options = {}) {
  return new Sendgate({ baseUrl: "http://api.example", key: "sg_k", fetch, clock: world.clock, random64: () => 0n, ...options });
}

/** Waits of a call that is refused once with these fields. */
async function waitAfter(headers) {
  const world = new World();
  let refusals = 1;
  const fetch = (...request) => answering(...(refusals-- > 0 ? [429, REFUSAL, headers] : [200, { limits: [] }]))(...request);
  await world.run(client(world, fetch).limits());
  return Math.max(...world.slept);
}

test("R249, C10: a Retry-After that is missing or unreadable waits a minute, never 0 and never NaN", async () => {
  const garbage = ["", "Infinity", "-Infinity", "-5", "NaN", "soon", "1.5", "soon 5", "0x10", "1e3", "Sun, 31 Nov", "12 13"];
  for (const value of [undefined, ...garbage]) {
    const headers = new Headers(value === undefined ? {} : { "retry-after": value });
    assert.equal(retryAfterMs(headers), 60_000, String(value));
  }
  for (const value of ["Infinity", "-5", "soon"]) assert.equal(await waitAfter({ "retry-after": value }), 60_000);
  assert.equal(await waitAfter({}), 60_000);
});

test("R249, C10: a Retry-After as a date is the distance from the server's own Date", async () => {
  const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  assert.equal(await waitAfter({ "retry-after": "Sun, 06 Nov 1994 08:51:07 GMT", date }), 90_000);
  assert.equal(await waitAfter({ "retry-after": "Sun, 06 Nov 1994 08:49:00 GMT", date }), 1_000, "the past is not at once");
  assert.equal(await waitAfter({ "retry-after": "Sun, 06 Nov 1994 08:51:07 GMT" }), 60_000, "nothing to measure it by");
});

test("R249: the standard's example of a date is one instant in its three forms, and what is no date is none", () => {
  // RFC 9110 section 5.6.7: 784111777 in Unix seconds.
  const forms = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
  for (const text of forms) assert.equal(httpDate(text), 784_111_777_000, text);
  const others = ["Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:37", "6 Nov 1994", ""];
  for (const text of others) assert.equal(httpDate(text), undefined, text);
});

test("R249: Retry-After comes first, and 0 is a second", async () => {
  assert.equal(await waitAfter({ "retry-after": "7" }), 7_000);
  assert.equal(await waitAfter({ "retry-after": "0" }), 1_000);
  assert.equal(readRetryAfter(new Headers({ "retry-after": "9".repeat(400) })), 365 * 86_400_000);
});

test("R250, C10: a thousand refusals in a row end in a typed error, without recursion", async () => {
  const world = new World();
  let asked = 0;
  const fetch = (...request) => (asked++, answering(429, REFUSAL, { "retry-after": "1" })(...request));
  const patient = client(world, fetch, { backoff: { maxAttempts: 1_000 }, maxWaitMs: Infinity });
  const error = await world.run(patient.limits()).catch((error) => error);
  assert.ok(error instanceof RateLimitError && error instanceof ApiError);
  assert.equal(asked, 1_000);
  const { code, status, requestId, window, attempts } = error;
  assert.deepEqual([code, status, requestId, window, attempts], ["rate_limit_exceeded", 429, "req_1", "minute", 1_000]);
  assert.equal(error.retryAt, world.time + 1_000);
});

test("R245: after five attempts it is over, whatever the server says", async () => {
  const world = new World();
  let asked = 0;
  const fetch = (...request) => (asked++, answering(429, REFUSAL, { "retry-after": "1" })(...request));
  await assert.rejects(world.run(client(world, fetch).limits()), { code: "rate_limit_exceeded", attempts: 5 });
  assert.equal(asked, 5);
});

test("C10: there is jitter: two clients that were refused together come back apart", async () => {
  const waits = [];
  for (const random of [0n, 2n ** 64n - 1n]) {
    const world = new World();
    let refusals = 1;
    const fetch = (...request) =>
      answering(...(refusals-- > 0 ? [429, REFUSAL, { "retry-after": "5" }] : [200, { limits: [] }]))(...request);
    await world.run(client(world, fetch, { random64: () => random }).limits());
    waits.push(world.time - 1_796_119_200_000);
  }
  // The largest draw after the first failure is a whole base delay.
  assert.deepEqual(waits, [5_000, 6_000]);
});

test("R243, R248: with nothing left it waits for the reset, and is never refused", async () => {
  const world = new World();
  const server = new Server(world, { limit: 3, periodMs: 10_000 }, () => ({ body: { limits: [] } }));
  const polite = client(world, server.fetch);
  for (let n = 0; n < 10; n += 1) await world.run(polite.limits());
  assert.equal(server.refused, 0);
  assert.equal(server.requests.length, 10);
  assert.equal(world.time - 1_796_119_200_000, 30_000);
});

test("C10: a client's clock that is an hour off, or three years, waits as long as any other", async () => {
  for (const ratelimit of [true, false]) {
    for (const skewMs of [0, 3_600_000, -3_600_000, -3 * 365 * 86_400_000]) {
      const world = new World();
      const server = new Server(world, { limit: 1, periodMs: 10_000, skewMs, ratelimit }, () => ({ body: { limits: [] } }));
      const polite = client(world, server.fetch);
      for (let n = 0; n < 3; n += 1) await world.run(polite.limits());
      assert.deepEqual([server.refused, world.time - 1_796_119_200_000], [0, 20_000], `${skewMs} ${ratelimit}`);
    }
  }
});

test("C10: without the server's own time an absolute reset is not believed", () => {
  const fields = { "x-ratelimit-limit": "9", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4000000000" };
  assert.deepEqual(standingOf(new Headers(fields)), { remaining: 0, waitMs: 0 });
  for (const reset of ["Infinity", "NaN", "-1", "soon"]) {
    const garbled = { ...fields, "x-ratelimit-reset": reset, date: "Sun, 06 Nov 1994 08:49:37 GMT" };
    assert.deepEqual(standingOf(new Headers(garbled)), { remaining: 0, waitMs: 0 }, reset);
  }
});

test("C10: concurrent callers share one gate: of a hundred none is refused", async () => {
  const world = new World();
  const server = new Server(world, { limit: 7, periodMs: 10_000 }, () => ({ body: { limits: [] } }));
  const polite = client(world, server.fetch, { maxWaitMs: 3_600_000, concurrency: 50 });
  await world.run(Promise.all(Array.from({ length: 100 }, () => polite.limits())));
  assert.equal(server.requests.length, 100);
  assert.equal(server.refused, 0);
});

test("C10: an answer that is overtaken by a later one frees nothing", async () => {
  const gate = new Gate(new World().clock, 50);
  const first = await gate.enter(Infinity);
  gate.leave(first, { remaining: 3, waitMs: 1_000 });
  const [slow, fast] = [await gate.enter(Infinity), await gate.enter(Infinity)];
  // The slow one's answer was made before the fast one arrived, and says 2; in truth 1 remains.
  gate.leave(fast, { remaining: 1, waitMs: 1_000 });
  gate.leave(slow, { remaining: 2, waitMs: 1_000 });
  const passed = [];
  for (let n = 0; n < 2; n += 1) gate.enter(Infinity).then((ticket) => passed.push(ticket));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(passed.length, 1);
});

test("C10: after a refusal one caller goes ahead to ask, and the others wait for what it is told", async () => {
  const world = new World();
  let open = false;
  const seen = [];
  const fetch = async () => {
    seen.push(world.time);
    await new Promise((resolve) => setImmediate(resolve));
    if (!open) return answering(429, REFUSAL, { "retry-after": "30" })();
    return answering(200, { limits: [] }, { ratelimit: '"w";r=1000;t=1' })();
  };
  const polite = client(world, fetch);
  const calls = Promise.all(Array.from({ length: 20 }, () => polite.limits()));
  world.clock.sleep(45_000).then(() => (open = true));
  await world.run(calls);
  const start = 1_796_119_200_000;
  assert.deepEqual(seen.filter((at) => at < start + 60_000), [start, start + 30_000]);
  assert.equal(seen.length, 22);
});

test("a wait longer than may be waited fails at once, and says until when", async () => {
  const world = new World();
  const body = { ...REFUSAL, code: "quota_daily", window: "quota_daily" };
  const failing = client(world, answering(429, body, { "retry-after": "36000" }));
  await assert.rejects(world.run(failing.sendBatch([])), { code: "quota_daily", retryAt: world.time + 36_000_000, attempts: 1 });
  await assert.rejects(world.run(failing.sendBatch([])), { attempts: 1 }, "a quota does not shut the gate for others");
  assert.deepEqual(world.slept, []);

  const shut = client(world, answering(429, REFUSAL, { "retry-after": "36000" }));
  await assert.rejects(world.run(shut.limits()), { code: "rate_limit_exceeded" });
  await assert.rejects(world.run(shut.limits()), { attempts: 0, retryAt: world.time + 36_000_000 });
});

test("overquota is not waited for: no waiting helps", async () => {
  const world = new World();
  const failing = client(world, answering(429, { ...REFUSAL, code: "overquota" }));
  await assert.rejects(world.run(failing.sendBatch([])), { code: "overquota", retryAt: undefined, attempts: 1 });
});

test("a caller's mistake is told at once, in every error shape", async () => {
  const shapes = [
    { code: "scope_missing", detail: "no", request_id: "req_9" },
    { error: "scope_missing", message: "no" },
    { error: { code: "SCOPE_MISSING", message: "no" } },
    { error_code: "scope_missing", message: "no", error: "The API key may not do this", request_id: "req_9" },
  ];
  for (const body of shapes) {
    const world = new World();
    const failing = client(world, answering(403, body, { "x-request-id": "req_9" }));
    const want = { name: "ApiError", code: "scope_missing", message: "no", status: 403, requestId: "req_9", attempts: 1 };
    await assert.rejects(world.run(failing.limits()), want);
  }
});

test("what fails for a moment is tried again; what is not an answer is a typed error", async () => {
  const world = new World();
  const answers = [answering(503, { code: "store_failed" }), answering(502, "<html>"), answering(200, { limits: [] })];
  assert.deepEqual(await world.run(client(world, () => answers.shift()()).limits()), { limits: [] });
  assert.deepEqual(world.slept, [1_000, 1_000]);

  const broken = client(world, () => Promise.reject(new TypeError("fetch failed")));
  const error = await world.run(broken.limits()).catch((error) => error);
  assert.ok(error instanceof UnreachableError);
  assert.deepEqual([error.code, error.status, error.attempts, error.cause.message], ["unreachable", 0, 5, "fetch failed"]);
});

test("R247: a read that has not changed is answered from memory, by its ETag", async () => {
  const world = new World();
  const asked = [];
  const fetch = async (url, { headers }) => {
    asked.push(headers["if-none-match"]);
    if (headers["if-none-match"] === '"1"') return new Response(null, { status: 304 });
    return answering(200, { limits: ["a"] }, { etag: '"1"' })();
  };
  const caching = client(world, fetch);
  const raw = () => world.run(caching.usage());
  assert.deepEqual([await raw(), await raw()], [{ limits: ["a"] }, { limits: ["a"] }]);
  assert.deepEqual(asked, [undefined, '"1"']);
});
