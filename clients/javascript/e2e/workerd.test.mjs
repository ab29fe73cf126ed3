// The client against Sendgate itself: scripts/with-server.sh names it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, Sendgate } from "../src/index.js";

const { SENDGATE_URL: baseUrl, SENDGATE_KEY: key } = process.env;
const letter = (to, subject) => ({ from: "orders@shop.example", to, subject, text_body: "It is on its way." });

test("R243-R248: the client against workerd", async (t) => {
  const statuses = [];
  const fetch = async (url, init) => {
    const response = await globalThis.fetch(url, init);
    statuses.push(response.status);
    return response;
  };
  const client = new Sendgate({ baseUrl, key, fetch });

  await t.test("single sends are one request, and a refused one fails alone", async () => {
    await client.suppressions.add({ email: "left@example.com", reason: "unsubscribe" });
    statuses.length = 0;
    const settled = await Promise.allSettled([
      client.send(letter("ann@example.com", "Order 1")),
      client.send(letter("left@example.com", "Order 2")),
      client.send(letter("nobody", "Order 3")),
    ]);
    assert.deepEqual(settled.map(({ value, reason }) => value?.status ?? reason.code), ["queued", "suppressed", "invalid_message"]);
    assert.deepEqual(statuses, [202]);
    const found = await client.message(settled[0].value.message_id);
    assert.equal(found.id ?? found.message_id, settled[0].value.message_id);
  });

  await t.test("the same key sends once", async () => {
    const send = () => client.send(letter("ann@example.com", "Order 4"), { idempotencyKey: "order-4" });
    assert.equal((await send()).message_id, (await send()).message_id);
  });

  await t.test("the list of suppressions in pages, in and out", async () => {
    const report = await client.suppressions.import("email\r\na@example.com\r\nb@example.com\r\nno address\r\n");
    assert.deepEqual([report.read, report.added, report.rejected], [3, 2, 1]);
    const listed = [];
    for await (const { email } of client.suppressions.all({ limit: 2, reason: "manual" })) listed.push(email);
    assert.deepEqual(listed.sort(), ["a@example.com", "b@example.com"]);
    assert.equal((await client.suppressions.update("a@example.com", { active: false })).status, "inactive");
    assert.equal(await client.suppressions.remove("b@example.com"), undefined);
    await assert.rejects(client.suppressions.get("b@example.com"), { name: "ApiError", code: "not_found", status: 404 });
    assert.match(await client.suppressions.export({ format: "csv" }), /a@example\.com,manual,account/);
  });

  await t.test("thirty readers at once keep the key's ten a second, and none is refused", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => client.limits()));
    assert.ok(answers.every(({ limits }) => limits.some(({ name }) => name === "messages_per_request")));
    assert.ok(!statuses.includes(429), String(statuses));
  });

  await t.test("R247: what has not changed is answered from memory; what would become of a send is asked without sending", async () => {
    const usage = await client.usage();
    assert.deepEqual([await client.usage(), statuses.at(-1)], [usage, 304]);
    const { decision, recipients } = await client.checkLimits({ messages: 3, recipients: 5 });
    assert.deepEqual([decision, recipients, (await client.usage()).usage], ["allow", 5, usage.usage]);
  });

  await t.test("a wrong key is a typed error", async () => {
    const stranger = new Sendgate({ baseUrl, key: "sg_dev_k1_wrong_wrong" });
    const error = await stranger.limits().catch((error) => error);
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.code, error.status, error.attempts], ["invalid_key", 401, 1]);
  });
});
