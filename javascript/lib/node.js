// Node, Deno and Bun: the module is read when the package is imported, so everything can be used at once.
import { readFileSync } from "node:fs";
import { initSync } from "./start.js";

initSync(readFileSync(new URL("../dist/sendgate.wasm", import.meta.url)));

export * from "./api.js";
