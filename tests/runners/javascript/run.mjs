// The vectors through the npm package: all suites as JSON, three of them through the typed API as well.
//
// Called with `in FILE` or `out FILE` it exchanges limiter states with Rust instead: see core/examples/exchange.
import { readdirSync, readFileSync } from "node:fs";
import * as sendgate from "../../../javascript/lib/node.js";
import { run, statesIn, statesOut, Stop, SUITES } from "./vectors.mjs";

const folder = new URL("../../vectors/", import.meta.url);

function load() {
  const found = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.includes(".schema."));
  const known = SUITES.map((suite) => `${suite}.json`);
  if (found.sort().join() !== known.sort().join()) throw new Stop(`tests/vectors holds ${found}, the runner knows ${known}`);
  return Object.fromEntries(SUITES.map((suite) => [suite, read(new URL(`${suite}.json`, folder))]));
}

const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const [what, file] = process.argv.slice(2);
let passed;
if (what === undefined) passed = run(sendgate, load(), console.log);
else if (what === "in" && file) passed = statesIn(sendgate, read(file), console.log);
else if (what === "out" && file) passed = statesOut(sendgate, read(file), console.log);
else throw new Stop("usage: run.mjs [in FILE | out FILE]");
process.exitCode = passed ? 0 : 1;
