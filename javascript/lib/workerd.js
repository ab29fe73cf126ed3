// Cloudflare Workers and whatever else imports a .wasm file as a compiled module: ready when imported.
import module from "../dist/sendgate.wasm";
import { initSync } from "./start.js";

initSync(module);

export * from "./api.js";
