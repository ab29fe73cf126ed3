// The Mailroom over a storage of the host's: alone, and against the ESP simulator.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { Mailroom, Message, NotSent, Provider, RateLimited, StoreFailed } from "@sendgate/core";
import { storage } from "./storage.mjs";

const NOON = 1_800_000_000_000;
const hello = (to = "ann@example.com") =>
  new Message({ from: "Shop <a@shop.example>", to: [to], subject: "Hi", textBody: "Hello" });
const taken = { status: 200, headers: {}, body: '{"id":"1f0c2d2a-0000-4000-8000-000000000000"}' };

test("what was submitted is handed to the transport once, and traced", async () => {
  const asked = [];
  const transport = async (request) => (asked.push(request), taken);
  const mailroom = new Mailroom(storage(), new Provider("resend", "re_test"), { transport });
  const [receipt] = mailroom.submit(hello(), { idempotencyKey: "one" });
  assert.deepEqual(mailroom.submit(hello(), { idempotencyKey: "one" }), [receipt]);
  assert.equal(receipt.status, "queued");
  assert.equal(mailroom.isEmpty, false);
  assert.equal(await mailroom.drain({ timeoutMs: 10_000 }), true);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].headers.Authorization, "Bearer re_test");
  assert.equal(mailroom.trace(receipt.messageId).status, "sent");
  assert.equal(mailroom.trace("none"), null);
  assert.ok(Array.isArray(mailroom.limits()) && Array.isArray(mailroom.usage()));
});

test("a host that delivers itself: a limit waits, a refused connection is tried again", async () => {
  let now = NOON;
  const store = storage();
  const account = { batch: { max_messages: 1 }, providers: [{ kind: "resend", credential: "KEY", windows: [{ kind: "sliding", name: "second", limit: 1, period_ms: 1000 }] }] };
  const open = () => new Mailroom(store, account, { secrets: { KEY: "re_test" }, clock: () => now });
  const mailroom = open();
  mailroom.submit([hello(), hello("bob@example.com")]);
  const first = mailroom.next();
  assert.equal(first.kind, "due");
  assert.equal(first.attempt, 1);
  // The unit under way is held until its answer is there.
  assert.equal(mailroom.next(), null);
  mailroom.settle(first, taken);
  const { kind, at } = mailroom.next();
  assert.equal(kind, "wait_until");
  assert.ok(at > NOON);
  // Another one over the same store goes on where this one ends.
  now = at;
  const again = open();
  const second = again.next();
  again.settle(second, "not_sent");
  assert.equal(again.isEmpty, false);
  now = again.next().at;
  const third = again.next();
  assert.equal(third.attempt, 2);
  again.settle(third, taken);
  assert.equal(again.next(), null);
  assert.equal(again.isEmpty, true);
});

test("an account's own window refuses with the instant, and a failing store accepts nothing", () => {
  let [now, works] = [NOON, true];
  const store = storage();
  const failing = { exec: (...call) => (works ? store.exec(...call) : assert.fail("ann@example.com is in the way")) };
  const account_windows = [{ kind: "sliding", name: "minute", limit: 1, period_ms: 60_000 }];
  const mailroom = new Mailroom(failing, new Provider("resend", "k"), { plan: "pro", account_windows, clock: () => now });
  mailroom.submit(hello());
  assert.throws(() => mailroom.submit(hello()), (error) => error instanceof RateLimited && error.retryAt > NOON && error.window === "minute");
  now += 120_000;
  works = false;
  assert.throws(() => mailroom.submit(hello()), (error) => error instanceof StoreFailed && !error.message.includes("ann"));
  works = true;
  assert.equal(mailroom.submit(hello())[0].status, "queued");
});

test("a configuration that cannot be is refused at once", () => {
  const account = (fields) => ({ providers: [{ kind: "resend", credential: "KEY", ...fields }] });
  assert.throws(() => new Mailroom(storage(), account({})), { code: "missing_credential" });
  assert.throws(() => new Mailroom(storage(), account({ kind: "pigeon" }), { secrets: { KEY: "k" } }), { code: "mailroom_config" });
  assert.throws(() => new Mailroom(storage(), new Provider("smtp", "", { baseUrl: "smtp://127.0.0.1:25" })), { code: "mailroom_config" });
});

let simulator;
before(async () => {
  const program = process.env.SIMULATOR;
  if (!program) throw new Error("SIMULATOR names no sendgate-simulator");
  const started = spawn(program, ["--port", "0", "--smtp-port", "0", "--smtps-port", "0", "--state", ":memory:"]);
  let printed = "";
  const url = await new Promise((resolve, reject) => {
    started.stdout.on("data", (chunk) => {
      printed += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(printed);
      if (found) resolve(found[0]);
    });
    started.on("error", reject);
    started.on("exit", () => reject(new Error(`the simulator did not start: ${printed}`)));
  });
  simulator = { process: started, url };
});
after(() => simulator?.process.kill());

test("a message goes through fetch to the simulator, and a dead port is surely not sent", async () => {
  const provider = new Provider("resend", "re_test", { baseUrl: `${simulator.url}/sandbox/resend` });
  const mailroom = new Mailroom(storage(), provider);
  mailroom.run();
  const [receipt] = mailroom.submit(hello());
  assert.equal(await mailroom.drain({ timeoutMs: 20_000 }), true);
  await mailroom.stop();
  assert.equal(mailroom.trace(receipt.messageId).status, "sent");
  const seen = await (await fetch(`${simulator.url}/sandbox/messages`)).json();
  assert.ok(JSON.stringify(seen).includes("ann@example.com"));

  const { fetchTransport } = await import("@sendgate/core");
  const nobody = provider.build(hello(), "id-1");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  nobody.url = `http://127.0.0.1:${server.address().port}/`;
  server.close();
  await once(server, "close");
  await assert.rejects(fetchTransport()(nobody, { timeoutMs: 5000 }), NotSent);
});
