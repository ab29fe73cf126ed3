// Starts the module, once.
import start, { initSync as startSync } from "../dist/raw.js";

/** The module's memory, when it runs. */
export let memory;
let starting;

/** Starts it from its bytes or a compiled module. A second call does nothing. */
export function initSync(source) {
  if (!memory) memory = startSync({ module: source }).memory;
}

/** Starts it from whatever `beginWith` takes, which `get` gives if it has to. */
export async function begin(get) {
  if (memory) return;
  starting ??= Promise.resolve(get()).then((source) => start({ module_or_path: source }));
  try {
    const { memory: started } = await starting;
    memory ??= started;
  } catch (error) {
    // The next call may find the network well again.
    starting = undefined;
    throw error;
  }
}

/** Starts it from a URL, a Response, bytes or a compiled module. */
export function beginWith(source) {
  return begin(() => source);
}
