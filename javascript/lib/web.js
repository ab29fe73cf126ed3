// Browsers and bundlers. `init` has to be awaited once: a browser does not compile a module of this size synchronously.
import { begin, beginWith } from "./start.js";

export * from "./api.js";

/** Fetches the module that lies beside this package, or takes it as given. */
export function init(source) {
  return source === undefined ? begin(() => fetch(new URL("../dist/sendgate.wasm", import.meta.url))) : beginWith(source);
}
