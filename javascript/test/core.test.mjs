// What the package adds to the core: conversions, errors, batches in place, a second start. What is decided is the vectors'.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as sendgate from "@sendgate/core";

const NOON = 1_800_000_000_000;
const THREE = { windows: [{ kind: "sliding", name: "minute", limit: 3, period_ms: 60_000 }] };

test("an instant is a number, a Date or a bigint, and nothing else", () => {
  const limiter = new sendgate.Limiter(THREE);
  assert.deepEqual(limiter.decide(1, NOON), new sendgate.Allow(NOON));
  assert.deepEqual(limiter.decide(1, new Date(NOON)), new sendgate.Allow(NOON));
  assert.deepEqual(limiter.decide(1, BigInt(NOON)), new sendgate.Allow(NOON));
  for (const bad of [-1, NaN, new Date(NaN), "soon"]) {
    assert.throws(() => limiter.decide(1, bad), { name: "SendgateError", code: "invalid_argument", field: "now" });
  }
  for (const bad of [-1, 0.5, 2 ** 32, "x"]) {
    assert.throws(() => limiter.decide(bad, NOON), { code: "invalid_argument", field: "cost" });
  }
  assert.equal(limiter.decide(1, NOON).kind, "defer");
  assert.equal(limiter.decide(4, NOON).kind, "reject");
});

test("a malformed policy is an error with the field and the core's word", () => {
  const policy = { windows: [{ ...THREE.windows[0], limit: 0 }] };
  assert.throws(() => new sendgate.Limiter(policy), { name: "SendgateError", code: "out_of_range", field: "limit" });
  assert.throws(() => new sendgate.Limiters("{}"), { code: "malformed_policy" });
  assert.throws(() => new sendgate.Limiter(THREE).load(new Uint8Array(3)), sendgate.SendgateError);
});

test("a batch answers in the order of its keys, again and again", () => {
  const limiters = new sendgate.Limiters(THREE);
  const keys = ["ann", "bö", "ann", "🦊", "ann", "x".repeat(5000), "ann"];
  assert.deepEqual([...limiters.admitMany(keys, 1, NOON)], [1, 1, 1, 1, 1, 1, 0]);
  assert.deepEqual([...limiters.admitMany(["ann", "bö"], 1, NOON)], [0, 1]);
  assert.deepEqual([...limiters.admitMany(new sendgate.PackedKeys(["ann", "bö", "bö"]), 1, NOON)], [0, 1, 0]);
  assert.deepEqual([...limiters.admitMany(["one", "two"], [4, 3], NOON)], [0, 1]);
  const { kinds, windows, instants } = limiters.decideMany(["two", "new", "new"], [1, 1, 4], NOON);
  assert.deepEqual([...kinds], [1, 0, 2]);
  assert.deepEqual([...windows], [0, 0, 0]);
  assert.equal(instants[1], NOON);
  assert.throws(() => limiters.admitMany(["a", "b"], [1], NOON), { code: "invalid_argument", field: "cost" });
  assert.throws(() => limiters.admitMany(["a", 7], 1, NOON), { field: "key" });
  // A key is its bytes, whoever encodes them, short or long.
  const encode = (text) => new TextEncoder().encode(text);
  for (const key of ["bö", "x".repeat(5000)]) {
    assert.deepEqual(limiters.usage(key, NOON), limiters.usage(encode(key), NOON));
    assert.notEqual(limiters.usage(key, NOON)[0].used, 0);
  }
});

test("a table that grows past its first memory keeps answering", () => {
  const limiters = new sendgate.Limiters(THREE);
  const keys = Array.from({ length: 200_000 }, (_, place) => `key-${place}`);
  assert.equal(limiters.admitMany(keys, 1, NOON).reduce((sum, one) => sum + one), 200_000);
  assert.equal(limiters.size, 200_000);
  assert.equal(limiters.decide("key-7", 2, NOON).kind, "allow");
  assert.equal(limiters.decide("key-7", 1, NOON).kind, "defer");
  assert.equal(limiters.evict(undefined, NOON + 3_600_000), 200_000);
});

test("a full table refuses a further key, and a state moves to another", () => {
  const limiters = new sendgate.Limiters(THREE, { mostKeys: 1 });
  assert.equal(limiters.admit("ann", 3, NOON), true);
  assert.equal(limiters.admit("bob", 1, NOON), false);
  const limiter = new sendgate.Limiter(THREE);
  limiter.load(limiters.state("ann"));
  assert.equal(limiter.admit(1, NOON), false);
  assert.equal(limiters.load("bob", limiter.state), false);
});

test("a suppression set is saved and loaded under its key", () => {
  const set = new sendgate.Suppressions(["Ann@Example.com", "bob@example.com"]);
  assert.equal(set.has("ann@EXAMPLE.com"), true);
  assert.deepEqual([...set.hasMany(["x@example.com", "bob@example.com"])], [0, 1]);
  assert.equal(set.remove("bob@example.com") && set.add("eve@example.com"), true);
  const again = sendgate.Suppressions.fromBytes(set.toBytes(), set.key);
  assert.equal(again.size, 2);
  assert.throws(() => sendgate.Suppressions.fromBytes(set.toBytes(), new Uint8Array(16)), { code: "wrong_key" });
  assert.throws(() => set.add("no address"), sendgate.SendgateError);
  assert.throws(() => new sendgate.Suppressions([], { key: new Uint8Array(15) }), { field: "key" });
  assert.equal(sendgate.normalizeAddress("Ann@EXAMPLE.com"), "ann@example.com");
});

test("a message's faults come all at once, and its fields in either spelling", () => {
  const fields = { from: "a@shop.example", to: ["ann@example.com"], subject: "Hi", textBody: "Hello" };
  const message = new sendgate.Message({
    ...fields,
    sendAt: new Date(NOON),
    metadata: { orderId: "stays" },
    attachments: [{ filename: "a.bin", content: new Uint8Array(20_000), contentType: "application/octet-stream" }],
  });
  const read = JSON.parse(message.toJson());
  assert.equal(read.text_body, "Hello");
  assert.deepEqual(read.metadata, { orderId: "stays" });
  assert.equal(atob(read.attachments[0].content).length, 20_000);
  assert.equal(Date.parse(read.send_at), NOON);
  assert.equal(sendgate.Message.fromJson(message.toJson()).toJson(), message.toJson());
  assert.throws(() => new sendgate.Message({ subject: 7 }), (error) => {
    assert.ok(error instanceof sendgate.InvalidMessage);
    const named = error.errors.map((fault) => fault.field);
    return named.includes("from") && named.includes("subject") && named.includes("to");
  });
});

test("a provider's call, its answer and its reports", () => {
  assert.ok(sendgate.providers().includes("resend"));
  const resend = new sendgate.Provider("resend", "re_test");
  const message = new sendgate.Message({ from: "a@shop.example", to: "ann@example.com", subject: "Hi", textBody: "Hello" });
  const request = resend.build(message, "id-1", NOON);
  assert.equal(request.url, "https://api.resend.com/emails");
  assert.equal(request.headers["Idempotency-Key"], "id-1");
  assert.equal(JSON.parse(new TextDecoder().decode(request.body)).subject, "Hi");
  const answer = resend.classify(429, { "Retry-After": "2" }, "{}", NOON);
  assert.equal(answer.outcome, "throttled");
  assert.equal(answer.retryAt, NOON + 2000);
  assert.throws(() => resend.parseWebhook({}, "{}", { secrets: ["whsec_AAAA"] }), { name: "WebhookRefused" });
  assert.throws(() => new sendgate.Provider("pigeon"), { code: "unknown_variant" });
  assert.throws(() => new sendgate.Provider("mailgun", "k").build(message, "id-1"), { code: "provider_incomplete", field: "domain" });
  assert.equal(JSON.stringify(resend).includes("re_test"), false);
});

test("starting a second time does nothing", async () => {
  await sendgate.init();
  sendgate.initSync(new Uint8Array());
  assert.equal(sendgate.version(), "0.1.0");
});
