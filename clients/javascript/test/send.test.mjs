// R244, R246: single sends become requests; C11: nobody's outcome is lost; a retried time-out cannot send twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Sendgate } from "../src/index.js";
import { Server, World, accept, answering, letter } from "./world.mjs";

function client(world, fetch, options = {}) {
  return new Sendgate({ baseUrl: "http://api.example/", key: "sg_k", fetch, clock: world.clock, random64: () => 0n, ...options });
}

const generous = (world, answers) => new Server(world, { limit: 1_000, periodMs: 1_000 }, answers);
const sizes = (server) => server.requests.map(({ body }) => JSON.parse(body).messages.length);
const all = (count) => Array.from({ length: count }, (_, n) => n);

test("R244: single sends of one moment become requests of at most the limit", async () => {
  const world = new World();
  const server = generous(world, (_, init) => accept(init));
  const polite = client(world, server.fetch, { batchMax: 100 });
  const outcomes = await world.run(Promise.all(all(250).map((n) => polite.send(letter(n)))));
  assert.deepEqual(outcomes.map((outcome) => outcome.message_id), all(250).map((n) => `msg_${n}`));
  assert.deepEqual(sizes(server), [100, 100, 50]);
  assert.equal(server.requests[0].url, "http://api.example/v1/send");
});

test("R244: a message waits for others no longer than the delay, and not at all after a flush", async () => {
  const world = new World();
  const server = generous(world, (_, init) => accept(init));
  const polite = client(world, server.fetch, { batchDelayMs: 25 });
  await world.run(polite.send(letter(1)));
  assert.equal(world.time - 1_796_119_200_000, 25);
  const sent = polite.send(letter(2));
  polite.flush();
  await world.run(sent);
  assert.equal(world.time - 1_796_119_200_000, 25);
  assert.deepEqual(sizes(server), [1, 1]);
});

test("R244: a request is bounded in bytes, too", async () => {
  const world = new World();
  const server = generous(world, (_, init) => accept(init));
  const text = JSON.stringify(letter("é"));
  const polite = client(world, server.fetch, { batchBytes: 2 * new TextEncoder().encode(text).length });
  await world.run(Promise.all(all(5).map(() => polite.send(letter("é")))));
  assert.deepEqual(sizes(server), [2, 2, 1]);
});

test("R244: a plan's smaller limit is learned, by its refusal or by GET /v1/limits", async () => {
  const world = new World();
  const most = 10;
  const server = generous(world, (url, init) => {
    if (url.endsWith("/v1/limits")) return { body: { limits: [{ name: "messages_per_request", limit: most }] } };
    if (JSON.parse(init.body).messages.length <= most) return accept(init);
    return { status: 400, body: { code: "too_many_messages", window: "batch_max" } };
  });
  const polite = client(world, server.fetch, { batchMax: 40 });
  const outcomes = await world.run(Promise.all(all(40).map((n) => polite.send(letter(n)))));
  assert.equal(new Set(outcomes.map((outcome) => outcome.message_id)).size, 40);
  assert.equal(server.requests.filter(({ body }) => JSON.parse(body).messages.length > most).length, 3);

  const told = client(world, server.fetch, { batchMax: 40 });
  await world.run(told.limits());
  server.requests = [];
  await world.run(Promise.all(all(40).map((n) => told.send(letter(n)))));
  assert.deepEqual(sizes(server), [10, 10, 10, 10]);
});

test("C11: a message that is refused fails alone, and the rest of its request is queued", async () => {
  const world = new World();
  const server = generous(world, (_, init) => {
    const answer = accept(init);
    const flaw = { field: "messages[1].to[0]", code: "invalid_address", detail: "no @" };
    answer.body.messages[1] = { status: "rejected", error: { code: "invalid_message", errors: [flaw] } };
    return answer;
  });
  const polite = client(world, server.fetch);
  const settled = await world.run(Promise.allSettled(all(3).map((n) => polite.send(letter(n)))));
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  const { code, status, requestId, errors } = settled[1].reason;
  assert.deepEqual([code, status, requestId, errors[0].field], ["invalid_message", 202, "req_1", "messages[0].to[0]"]);
});

test("C11: of a request that is refused whole, who is not at fault is asked again", async () => {
  const world = new World();
  const server = generous(world, (_, init) => {
    const { messages } = JSON.parse(init.body);
    const bad = messages.flatMap(({ subject }, n) => (Number(subject) % 2 ? [n] : []));
    if (bad.length < messages.length / 2) return accept(init);
    // A refusal names the first flaws only.
    const flaw = (n) => ({ field: `messages[${n}].from`, code: "from_not_allowed", detail: "not yours" });
    return { status: 400, body: { code: "invalid_message", request_id: "req_2", errors: bad.slice(0, 3).map(flaw) } };
  });
  const polite = client(world, server.fetch);
  const settled = await world.run(Promise.allSettled(all(20).map((n) => polite.send(letter(n)))));
  settled.forEach(({ status, value, reason }, n) => {
    if (status === "fulfilled") assert.equal(value.message_id, `msg_${n}`);
    else assert.deepEqual([reason.code, reason.errors[0].field, n % 2], ["from_not_allowed", "messages[0].from", 1]);
  });
  assert.ok(all(10).every((n) => settled[2 * n].status === "fulfilled"));
});

test("C11: a request that fails to the end fails each of its messages, and drops none", async () => {
  const world = new World();
  const polite = client(world, () => Promise.reject(new TypeError("fetch failed")));
  const settled = await world.run(Promise.allSettled(all(7).map((n) => polite.send(letter(n)))));
  assert.ok(settled.every(({ status, reason }) => status === "rejected" && reason.code === "unreachable"));
});

test("C11: an answer that has no word on a message fails that message", async () => {
  const world = new World();
  const polite = client(world, answering(202, { request_id: "req_1", messages: [{ message_id: "msg_0", status: "queued" }] }));
  const settled = await world.run(Promise.allSettled(all(2).map((n) => polite.send(letter(n)))));
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected"]);
  assert.equal(settled[1].reason.code, "unknown_answer");
});

test("C11: Retry-After comes first, with full jitter after it", async () => {
  const world = new World();
  let refusals = 1;
  const fetch = async (_, init) => {
    if (refusals-- > 0) return answering(429, { code: "rate_limit_exceeded" }, { "retry-after": "20" })();
    const { status, body } = accept(init);
    return answering(status, body)();
  };
  const polite = client(world, fetch, { random64: () => 2n ** 63n, batchDelayMs: 0 });
  await world.run(polite.send(letter(1)));
  // Half of the 1,001 instants after the twenty seconds.
  assert.equal(world.time - 1_796_119_200_000, 20_500);
});

test("a retried time-out carries the same idempotency key, and another request another one", async () => {
  const world = new World();
  const keys = [];
  let random = 0n;
  const fetch = async (_, init) => {
    keys.push(init.headers["idempotency-key"]);
    if (keys.length < 3) throw new DOMException("timed out", "TimeoutError");
    const { status, body } = accept(init);
    return answering(status, body)();
  };
  const polite = client(world, fetch, { random64: () => (random += 1n) });
  await world.run(polite.send(letter(1)));
  await world.run(polite.send(letter(2)));
  assert.equal(new Set(keys.slice(0, 3)).size, 1);
  assert.match(keys[0], /^auto-[0-9a-f]{32}$/);
  assert.notEqual(keys[3], keys[0]);
});

test("a key of the caller's own goes with its message alone", async () => {
  const world = new World();
  const server = generous(world, (_, init) => accept(init));
  const polite = client(world, server.fetch);
  const sends = [polite.send(letter(1), { idempotencyKey: "order-1" }), polite.send(letter(2)), polite.send(letter(3))];
  await world.run(Promise.all(sends));
  const one = server.requests.find(({ headers }) => headers["idempotency-key"] === "order-1");
  assert.equal(JSON.parse(one.body).messages.length, 1);
  assert.deepEqual(sizes(server).sort(), [1, 2]);
});

test("R246: more than may wait is refused before it is taken", async () => {
  const world = new World();
  const server = generous(world, (_, init) => accept(init));
  const polite = client(world, server.fetch, { maxPending: 3 });
  const settled = await world.run(Promise.allSettled(all(4).map((n) => polite.send(letter(n)))));
  assert.deepEqual(settled.map(({ reason }) => reason?.code), [undefined, undefined, undefined, "queue_full"]);
  await world.run(polite.send(letter(5)));
});

test("R246: ten thousand sends at once keep a limit of two requests a second, and are never refused", async () => {
  const world = new World();
  const server = new Server(world, { limit: 2, periodMs: 1_000 }, (_, init) => accept(init));
  const polite = client(world, server.fetch, { batchMax: 500 });
  const outcomes = await world.run(Promise.all(all(10_000).map((n) => polite.send(letter(n)))));
  assert.equal(new Set(outcomes.map((outcome) => outcome.message_id)).size, 10_000);
  assert.deepEqual([server.requests.length, server.refused], [20, 0]);
});

test("every call goes where the contract has it", async () => {
  const world = new World();
  const seen = [];
  const fetch = async (url, { method, headers, body }) => {
    seen.push(`${method} ${url.slice("http://api.example".length)}${body === undefined ? "" : ` ${body}`}`);
    assert.equal(headers.authorization, "Bearer sg_k");
    return method === "DELETE" ? answering(204)() : answering(200, { limits: [], suppressions: [], next: null })();
  };
  const api = client(world, fetch);
  const { suppressions } = api;
  await world.run(
    (async () => {
      await api.message("msg_1/2");
      await api.messages({ status: "queued", limit: 5 });
      await api.cancel("msg_1");
      await api.reschedule("msg_1", "2026-12-01T10:00:00Z");
      await api.sendBulk({ message: {} });
      await api.checkLimits({ recipients: 3 });
      await api.usage();
      await api.alerts({ after: 3, limit: undefined });
      await api.forget("a+b@example.com");
      for await (const entry of suppressions.all({ reason: "manual" })) assert.fail(entry);
      await suppressions.get("a+b@example.com");
      await suppressions.add({ email: "a@example.com" });
      await suppressions.update("a@example.com", { active: false }, { scope: "class:bulk" });
      await suppressions.remove("a@example.com");
      await suppressions.import("email\r\na@example.com\r\n");
      await suppressions.import([{ email: "a@example.com" }]);
      await suppressions.export({ format: "json" });
    })(),
  );
  assert.deepEqual(seen, [
    "GET /v1/messages/msg_1%2F2",
    "GET /v1/messages?status=queued&limit=5",
    "POST /v1/messages/msg_1/cancel",
    'PATCH /v1/messages/msg_1 {"send_at":"2026-12-01T10:00:00Z"}',
    'POST /v1/send/bulk {"message":{}}',
    'POST /v1/limits/check {"recipients":3}',
    "GET /v1/usage",
    "GET /v1/alerts?after=3",
    "DELETE /v1/subjects/a%2Bb%40example.com",
    "GET /v1/suppressions?reason=manual",
    "GET /v1/suppressions/a%2Bb%40example.com",
    'POST /v1/suppressions {"email":"a@example.com"}',
    'PATCH /v1/suppressions/a%40example.com?scope=class%3Abulk {"active":false}',
    "DELETE /v1/suppressions/a%40example.com",
    "POST /v1/suppressions/import email\r\na@example.com\r\n",
    'POST /v1/suppressions/import [{"email":"a@example.com"}]',
    "GET /v1/suppressions/export?format=json",
  ]);
});
