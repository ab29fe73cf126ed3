import { Gate as Raw } from "../dist/raw.js";
import { instant, units } from "./decision.js";
import { lifted } from "./errors.js";

const numbers = (list) => Uint32Array.from(list, (one) => units(one));

/** Several dimensions, each with its own windows and cost, all charged or none. */
export class Gate {
  #raw;

  constructor(dimensions) {
    this.#raw = lifted(() => new Raw(JSON.stringify(dimensions)));
  }

  decide(costs, now = Date.now(), options = {}) {
    const { status = "active" } = options;
    return JSON.parse(lifted(() => this.#raw.decide(numbers(costs), status, instant(now))));
  }

  peek(costs, now = Date.now(), options = {}) {
    const { held = [], status = "active" } = options;
    return JSON.parse(lifted(() => this.#raw.peek(numbers(costs), numbers(held), status, instant(now))));
  }

  explain(costs, now = Date.now(), options = {}) {
    const { held = [], status = "active" } = options;
    return JSON.parse(lifted(() => this.#raw.explain(numbers(costs), numbers(held), status, instant(now))));
  }

  charge(dimension, cost, now = Date.now()) {
    return lifted(() => this.#raw.charge(units(dimension, "dimension"), units(cost), instant(now)));
  }

  free() {
    this.#raw.free();
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.free();
  }
}
