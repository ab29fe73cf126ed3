// The trace through the npm package: `node trace.mjs TRACE LOG STATES`.
import { readFileSync, writeFileSync } from "node:fs";
import { Limiter, Limiters } from "../../javascript/lib/node.js";

const [trace, logFile, stateFile] = process.argv.slice(2);
const limiters = [];
const tables = [];
const log = [];

const hex = (bytes) => Buffer.from(bytes).toString("hex");

function said(decision) {
  switch (decision.kind) {
    case "allow":
      return `allow ${decision.chargedAt}`;
    case "defer":
      return `defer ${decision.retryAt} ${decision.window}`;
    case "reject":
      return `reject ${decision.window}`;
    default:
      throw new Error(`a decision is called ${decision.kind}`);
  }
}

const held = (usage) =>
  ["usage", ...usage.map((at) => `${at.limit} ${at.used} ${at.remaining} ${at.nextAt} ${at.fullAt}`)].join(" ");

function single(one, op, [cost, now]) {
  switch (op) {
    case "d": {
      const decision = one.limiter.decide(+cost, +now);
      if (decision.kind === "allow") one.chargedAt = decision.chargedAt;
      return said(decision);
    }
    case "p":
      return said(one.limiter.peek(+cost, +now));
    case "c":
      one.chargedAt = one.limiter.charge(+cost, +now);
      return `charged ${one.chargedAt}`;
    case "r": {
      const at = one.chargedAt;
      if (at === undefined) return "nothing";
      one.chargedAt = undefined;
      one.limiter.refund(+cost, at, +now);
      return `refunded ${at}`;
    }
    case "u":
      return held(one.limiter.usage(+cost));
    case "s": {
      const { state } = one.limiter;
      one.limiter.free();
      one.limiter = new Limiter(one.policy);
      one.limiter.load(state);
      return `state ${hex(state)}`;
    }
    default:
      throw new Error(`the trace has the unknown operation ${op}`);
  }
}

function keyed(one, op, words) {
  const { table } = one;
  switch (op) {
    case "D": {
      const [key, cost, now] = words;
      const decision = table.decide(key, +cost, +now);
      if (decision.kind === "allow") one.charged = [key, decision.chargedAt];
      return said(decision);
    }
    case "P":
      return said(table.peek(words[0], +words[1], +words[2]));
    case "R": {
      if (one.charged === undefined) return "nothing";
      const [key, at] = one.charged;
      one.charged = undefined;
      table.refund(key, +words[0], at, +words[1]);
      return `refunded ${at}`;
    }
    case "B":
      return `batch ${table.admitMany(words.slice(2), +words[0], +words[1]).join("")}`;
    case "U":
      return held(table.usage(words[0], +words[1]));
    case "S": {
      const state = table.state(words[0]);
      return `state ${hex(state)} ${+table.load(words[1], state)}`;
    }
    case "E": {
      const before = table.size;
      return `evicted ${table.evict(undefined, +words[0])} of ${before}`;
    }
    default:
      throw new Error(`the trace has the unknown operation ${op}`);
  }
}

for (const line of readFileSync(trace, "utf8").split("\n")) {
  const [op, place, ...words] = line.split(" ");
  if (op === "" || op === "sendgate-trace") continue;
  if (op === "limiter") limiters.push({ policy: words.join(" "), limiter: new Limiter(words.join(" ")) });
  else if (op === "table") tables.push({ keys: +words[0], table: new Limiters(words.slice(1).join(" ")) });
  else if (op >= "a") log.push(single(limiters[place], op, words));
  else log.push(keyed(tables[place], op, words));
}
writeFileSync(logFile, `${log.join("\n")}\n`);
const states = limiters.map((one) => hex(one.limiter.state));
for (const { keys, table } of tables) for (let key = 0; key < keys; key++) states.push(hex(table.state(`k${key}`)));
writeFileSync(stateFile, `${states.join("\n")}\n`);
