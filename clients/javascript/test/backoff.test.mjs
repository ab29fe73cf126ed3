// R245: the same waits as the core's, by the shared vectors.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Backoff } from "../src/index.js";

const file = new URL("../../../tests/vectors/backoff.json", import.meta.url);

test("every shared vector of backoff", () => {
  const { cases, total } = JSON.parse(readFileSync(file, "utf8"));
  assert.equal(cases.length, total);
  const whole = (value) => (value === undefined ? undefined : BigInt(value));
  for (const { id, comment, policy, attempts, entropy, now, hint, want } of cases) {
    const { base_ms: baseMs, cap_ms: capMs, max_attempts: maxAttempts, jitter } = policy;
    const got = new Backoff({ baseMs, capMs, maxAttempts, jitter }).next(attempts, BigInt(entropy), whole(now), whole(hint));
    const exhausted = want.exhausted?.attempts;
    assert.deepEqual(got, exhausted === undefined ? want : { exhausted }, `case ${id}: ${comment}`);
  }
  console.log(`vectors: ${total} passed, 0 failed, 0 skipped`);
});
