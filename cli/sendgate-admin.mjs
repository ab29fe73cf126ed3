#!/usr/bin/env node
// The admin API of a Sendgate deployment from a shell. What it does stands in lib/commands.mjs, how it asks in lib/api.mjs.

import { main } from "./lib/main.mjs";

process.exitCode = await main(process.argv.slice(2), process.env, {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
