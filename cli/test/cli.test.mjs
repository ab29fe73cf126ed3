// The command line against a deployment on workerd, and against a resolver that the test plays.
//
// tests/tests/admin_cli.rs starts the deployment and runs this; it says where everything is:
// SENDGATE_URL, SENDGATE_ADMIN_TOKEN, and RESOLVER_PORT, at which the deployment asks for DNS records.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../sendgate-admin.mjs", import.meta.url));
const { SENDGATE_URL, SENDGATE_ADMIN_TOKEN, RESOLVER_PORT } = process.env;
const work = mkdtempSync(join(tmpdir(), "sendgate-admin-"));
/** What the resolver has: "name TYPE" and its records. */
const zone = new Map();
let resolver;

before(async () => {
  resolver = createServer((request, response) => {
    const query = new URL(request.url, "http://resolver").searchParams;
    const number = { CNAME: 5, MX: 15, TXT: 16 }[query.get("type")];
    const found = zone.get(`${query.get("name")} ${query.get("type")}`) ?? [];
    response.setHeader("content-type", "application/dns-json");
    response.end(
      JSON.stringify({ Status: found.length > 0 ? 0 : 3, Answer: found.map((data) => ({ type: number, data })) }),
    );
  });
  await new Promise((resolve) => resolver.listen(Number(RESOLVER_PORT), "127.0.0.1", resolve));
});

after(() => {
  resolver.close();
  rmSync(work, { recursive: true });
});

/** Runs the command line, and returns how it ended and what it printed. */
function run(words, { env = {}, input = "" } = {}) {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [cli, ...words],
      { env: { PATH: process.env.PATH, SENDGATE_URL, SENDGATE_ADMIN_TOKEN, ...env } },
      (error, out, err) => resolve({ code: error ? error.code : 0, out, err }),
    );
    child.stdin.end(input);
  });
}

/** The same, which has to end well; its answer. */
async function done(words, more) {
  const { code, out, err } = await run([...words, "--json"], more);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

async function send(key, from) {
  const message = { from, to: "ann@example.com", subject: "Hello", text_body: "Hi" };
  const response = await fetch(`${SENDGATE_URL}/v1/send`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ messages: [message] }),
  });
  const answer = await response.json();
  return [response.status, answer.code];
}

/** An account whose mail leaves to the simulator. */
function configuration() {
  return {
    plan: "hobby",
    providers: [
      {
        name: "main",
        kind: "sandbox",
        base_url: `${SENDGATE_URL}/sandbox/esp`,
        credential_value: "re_from-a-file-and-never-shown",
      },
    ],
  };
}

async function make(account) {
  const file = join(work, `${account}.json`);
  writeFileSync(file, JSON.stringify(configuration()));
  return done(["accounts", "create", account, "--data", `@${file}`]);
}

test("an account is made, changed, suspended, resumed and closed", async () => {
  const made = await make("lived");
  assert.deepEqual([made.name, made.status, made.plan, made.in_force], ["lived", "active", "hobby", true]);
  assert.equal((await done(["accounts", "suspend", "lived"])).status, "suspended");
  assert.equal((await done(["accounts", "resume", "lived"])).status, "active");
  const patch = ["accounts", "change", "lived", "--data", '{"max_messages": 7}'];
  assert.equal((await done(patch)).config.max_messages, 7);
  const planned = await done(["plan", "set", "lived", "pro", "--figure", "requests_per_minute=600"]);
  assert.deepEqual([planned.plan, planned.config.plan_figures], ["pro", { requests_per_minute: 600 }]);
  assert.equal((await done(["accounts", "close", "lived"])).status, "closed");
  const { out } = await run(["accounts", "show", "lived"]);
  assert.match(out, /^status +closed$/m);
});

test("lists come page by page and print as tables", async () => {
  for (const name of ["page-a", "page-b", "page-c"]) await make(name);
  const names = (accounts) => accounts.map((account) => account.name).filter((name) => name.startsWith("page-"));
  const all = await done(["accounts", "list", "--limit", "1"]);
  assert.deepEqual(names(all), ["page-a", "page-b", "page-c"]);
  assert.deepEqual(names(await done(["accounts", "list", "--after", "page-a", "--max", "1"])), ["page-b"]);
  const { out } = await run(["accounts", "list"]);
  assert.match(out, /^NAME +STATUS +PLAN +REVISION +IN FORCE +UPDATED$/m);
  assert.match(out, /^page-a +active +hobby +1 +yes +\d{4}-/m);
});

test("a key is made, bound, rotated and revoked, and shown once", async () => {
  await make("keyed");
  const made = await done(["keys", "create", "keyed", "--id", "k1", "--scope", "send", "--domain", "shop.example"]);
  assert.match(made.key, /^sg_keyed_k1_/);
  assert.deepEqual(await send(made.key, "a@shop.example"), [202, undefined]);
  assert.deepEqual(await send(made.key, "a@other.example"), [403, "from_not_allowed"]);
  const changed = ["keys", "change", "keyed", "k1", "--domain", "none", "--expires-at", "2999-01-01T00:00:00Z"];
  assert.deepEqual((await done(changed)).domains, undefined);
  assert.deepEqual(await send(made.key, "a@other.example"), [202, undefined]);
  const rotated = await done(["keys", "rotate", "keyed", "k1", "--id", "k2", "--overlap-ms", "0"]);
  assert.deepEqual(await send(made.key, "a@shop.example"), [401, "key_revoked"]);
  assert.deepEqual(await send(rotated.key, "a@shop.example"), [202, undefined]);
  await done(["keys", "revoke", "keyed", "k2"]);
  const { out } = await run(["keys", "list", "keyed"]);
  assert.match(out, /^k1 +revoked +send/m);
  assert.match(out, /^k2 +revoked +send/m);
  assert.ok(!out.includes(made.key) && !out.includes(rotated.key));
});

test("a provider's credential comes from standard input and is not shown", async () => {
  await make("provided");
  const provider = { ...configuration().providers[0], name: "second", credential_value: "re_from-standard-input" };
  const added = await run(["providers", "add", "provided", "--data", "@-"], { input: JSON.stringify(provider) });
  assert.equal(added.code, 0, added.err);
  const listed = await run(["providers", "list", "provided"]);
  assert.match(listed.out, /^second +sandbox +http/m);
  for (const { out } of [added, listed]) assert.ok(!out.includes("re_from"), out);
  await done(["providers", "change", "provided", "second", "--data", '{"timeout_ms": 3000}']);
  assert.equal((await done(["providers", "show", "provided", "second"])).timeout_ms, 3000);
  await done(["providers", "remove", "provided", "second"]);
  assert.equal((await done(["providers", "list", "provided"])).length, 1);
});

// R074, R075: pending, and verified by what the resolver has, on workerd.
test("a domain is verified by its records alone", async () => {
  await make("domained");
  const { key } = await done(["keys", "create", "domained", "--scope", "send"]);
  const added = await done(["domains", "add", "domained", "Shop.example", "--data", '{"main": {"selector": "s1"}}']);
  assert.equal(added.state, "pending");
  assert.deepEqual(await send(key, "a@shop.example"), [403, "domain_not_verified"]);
  const early = await run(["domains", "check", "domained", "shop.example"]);
  assert.equal(early.code, 4, early.err);
  assert.match(early.out, /^missing +yes +TXT +_sendgate\.shop\.example +sendgate=[0-9a-f]{32}$/m);

  for (const record of added.records) zone.set(`${record.name} ${record.type}`, [`"${record.value}"`]);
  zone.set("s1._domainkey.shop.example TXT", ['"v=DKIM1; k=rsa; " "p=AAAA"']);
  const checked = await run(["domains", "check", "domained", "shop.example"]);
  assert.equal(checked.code, 0, checked.out + checked.err);
  assert.deepEqual(await send(key, "a@shop.example"), [202, undefined]);
  const { out } = await run(["domains", "list", "domained"]);
  assert.match(out, /^shop\.example +verified +4 of 4/m);
  await done(["domains", "change", "domained", "shop.example", "--data", "{}"]);
  await done(["domains", "remove", "domained", "shop.example"]);
  assert.deepEqual(await send(key, "a@shop.example"), [403, "from_not_allowed"]);
});

test("the audit log is listed, and its chain is whole from any place that was kept", async () => {
  await make("audited");
  const lines = await done(["audit", "list", "--limit", "2"]);
  assert.ok(lines.some((line) => line.action === "account.create" && line.target === "accounts/audited"));
  assert.deepEqual(lines.map((line) => line.seq), lines.map((_, place) => place + 1));
  const whole = await run(["audit", "verify"]);
  assert.equal(whole.code, 0, whole.err);
  const [, place] = /^(\d+:[0-9a-f]{64})$/m.exec(whole.out);
  await done(["accounts", "suspend", "audited"]);
  assert.equal((await run(["audit", "verify", "--from", place])).code, 0);
  const forged = place.replace(/:./, (start) => (start === ":0" ? ":1" : ":0"));
  const broken = await run(["audit", "verify", "--from", forged]);
  assert.equal(broken.code, 4);
  assert.match(broken.out, /^broken: row \d+ is changed$/m);
});

test("what the deployment refuses ends with 1 and says why", async () => {
  const missing = await run(["accounts", "show", "nobody"]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /^sendgate-admin: not_found: no such account\n {2}request req_/);
  const wrong = await run(["accounts", "create", "Wrong", "--data", "{}"]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /^ {2}name: a name is 1 to 32/m);
  const stranger = await run(["accounts", "list"], { env: { SENDGATE_ADMIN_TOKEN: "a-token-that-nobody-ever-made-here" } });
  assert.equal(stranger.code, 1);
  assert.match(stranger.err, /invalid_admin_token/);
});

test("a wrong command line ends with 2, asks nobody and repeats no secret", async () => {
  const file = join(work, "token");
  writeFileSync(file, `${SENDGATE_ADMIN_TOKEN}\n`);
  const cases = [
    ["accounts"],
    ["accounts", "lst"],
    ["accounts", "show"],
    ["accounts", "show", ""],
    ["accounts", "list", "--limit", "many"],
    ["accounts", "create", "x", "--data", '{"credential_value": "s3cret'],
    ["accounts", "create", "x", "--data", "@/nowhere/s3cret"],
    ["accounts", "list", "--tokn=s3cret"],
    ["accounts", "list", "--token", "s3cret with spaces"],
    ["accounts", "list", "--url", "http://sendgate.example"],
    ["accounts", "list", "--url", "ftp://127.0.0.1"],
    ["accounts", "list", "--url", "https://s3cret@sendgate.example"],
    ["accounts", "change", "x"],
    ["audit", "verify", "--from", "7"],
    ["plan", "set", "x", "pro", "--figure", "many"],
  ];
  for (const words of cases) {
    const { code, out, err } = await run(words);
    assert.equal(code, 2, words.join(" "));
    assert.ok(out === "" && err !== "" && !err.includes("s3cret"), `${words.join(" ")}: ${err}`);
  }
  const none = { SENDGATE_URL: "", SENDGATE_ADMIN_TOKEN: "" };
  assert.equal((await run(["accounts", "list"], { env: none })).code, 2);
  const flags = ["--url", SENDGATE_URL, "--token-file", file];
  assert.equal((await run(["accounts", "list", ...flags], { env: none })).code, 0);
});

test("help ends well, and a deployment that is not there ends with 3", async () => {
  for (const words of [[], ["--help"], ["keys", "--help"], ["keys", "create", "-h"]]) {
    const { code, out } = await run(words);
    assert.equal(code, 0, words.join(" "));
    assert.match(out, /^Usage: sendgate-admin/);
  }
  const gone = await run(["accounts", "list", "--url", "http://127.0.0.1:9"]);
  assert.equal(gone.code, 3);
  assert.match(gone.err, /was not reached/);
});
