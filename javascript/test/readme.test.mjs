// The README's code runs as it stands.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

test("the README says what comes out", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, code] = /```js\n([^]*?)```/.exec(readme);
  const wanted = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((found) => found[1]);
  const printed = [];
  const body = code.replace(/import (\{.*?\}) from "@sendgate\/core";/, "const $1 = sendgate;");
  const run = new Function("sendgate", "console", `return (async () => {${body}})()`);
  await run(await import("@sendgate/core"), { log: (...words) => printed.push(words.join(" ")) });
  assert.ok(wanted.length > 0);
  assert.deepEqual(printed, wanted);
});
