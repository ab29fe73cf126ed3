// The commands: what each is called, what it takes, what it asks and how its answer is shown.

import { readFileSync } from "node:fs";
import { Misused } from "./api.mjs";
import { list, table } from "./print.mjs";

/** What a command leaves: its answer, the same for people, and whether something was looked at and is not as it should be. */
const shown = (answer, text, isBad = false) => ({ answer, text, isBad });

const option = (description, more = {}) => ({ type: "string", description, ...more });
const many = (description) => option(description, { multiple: true });
const DATA = { data: option("the body as JSON, or @FILE, or @- for standard input") };
const PAGING = {
  after: option("begin behind this entry"),
  limit: option("entries a page", { number: true }),
  max: option("entries in all", { number: true }),
};
const KEY = {
  scope: many("what it may do: send, read, suppressions; give it once for each"),
  "ip-allow": many("a network that it may be used from, such as 192.0.2.0/24"),
  domain: many("a domain that it may send from"),
  "expires-at": option("when it ends, such as 2027-01-01T00:00:00Z"),
};

/** Every command: `words` as they are typed, `takes` the names of its arguments. */
export const COMMANDS = [
  {
    words: "accounts list",
    help: "every account, in the order of their names",
    options: PAGING,
    async run(api, [], given) {
      const accounts = await all(api, ["accounts"], "accounts", given);
      const row = (one) => [one.name, one.status, one.plan, one.revision, one.in_force ? "yes" : "no", one.updated_at];
      return shown(accounts, table(["name", "status", "plan", "revision", "in force", "updated"], accounts.map(row)));
    },
  },
  {
    words: "accounts show",
    takes: ["account"],
    help: "an account and its configuration",
    run: async (api, [account]) => account_(await api.ask("GET", ["accounts", account])),
  },
  {
    words: "accounts create",
    takes: ["account"],
    help: "make an account; --data is its configuration",
    options: DATA,
    run: async (api, [name], given) =>
      account_(await api.ask("POST", ["accounts"], { body: { name, config: data(given) ?? {} } })),
  },
  {
    words: "accounts change",
    takes: ["account"],
    help: "change an account's configuration by a JSON merge patch (RFC 7396)",
    options: DATA,
    run: async (api, [account], given) => patched(api, account, needed(data(given), "--data")),
  },
  {
    words: "accounts suspend",
    takes: ["account"],
    help: "refuse an account's requests and hold its mail",
    run: (api, [account]) => patched(api, account, { status: "suspended" }),
  },
  {
    words: "accounts resume",
    takes: ["account"],
    help: "let an account send again",
    run: (api, [account]) => patched(api, account, { status: "active" }),
  },
  {
    words: "accounts close",
    takes: ["account"],
    help: "close an account: its mail is held, its name stays taken",
    run: async (api, [account]) => account_(await api.ask("DELETE", ["accounts", account])),
  },
  {
    words: "plan set",
    takes: ["account", "plan"],
    help: "give an account another plan, and its own figures over it",
    options: { figure: many("a figure of its own, such as requests_per_minute=600; without any it has none") },
    async run(api, [account, plan], given) {
      const plan_figures = given.figure && Object.fromEntries(given.figure.map(figure));
      return account_(await api.ask("PUT", ["accounts", account, "plan"], { body: { plan, plan_figures } }));
    },
  },
  {
    words: "keys list",
    takes: ["account"],
    help: "an account's keys, the revoked ones too",
    async run(api, [account]) {
      const { keys } = await api.ask("GET", ["accounts", account, "keys"]);
      const row = (key) => [key.id, key.revoked ? "revoked" : "good", key.scopes, key.expires_at, key.ip_allow, key.domains];
      return shown(keys, table(["id", "status", "scopes", "expires", "networks", "domains"], keys.map(row)));
    },
  },
  {
    words: "keys create",
    takes: ["account"],
    help: "make a key; it is shown this once",
    options: { id: option("its id; made up when it is not given"), ...KEY },
    run: async (api, [account], given) =>
      key_(await api.ask("POST", ["accounts", account, "keys"], { body: { id: given.id, ...keyOf(given) } })),
  },
  {
    words: "keys change",
    takes: ["account", "key"],
    help: "change what a key may do; an option given as none takes the bound away",
    options: KEY,
    run: async (api, [account, id], given) =>
      key_(await api.ask("PATCH", ["accounts", account, "keys", id], { body: keyOf(given) })),
  },
  {
    words: "keys rotate",
    takes: ["account", "key"],
    help: "make a key in a key's place; the old one works on for a day",
    options: {
      id: option("the new key's id; made up when it is not given"),
      "overlap-ms": option("how long the old one works on; 0 revokes it", { number: true }),
    },
    run: async (api, [account, id], given) =>
      key_(
        await api.ask("POST", ["accounts", account, "keys", id, "rotate"], {
          body: { id: given.id, overlap_ms: given["overlap-ms"] },
        }),
      ),
  },
  {
    words: "keys revoke",
    takes: ["account", "key"],
    help: "end a key at once",
    run: async (api, [account, id]) => key_(await api.ask("DELETE", ["accounts", account, "keys", id])),
  },
  {
    words: "providers list",
    takes: ["account"],
    help: "where an account's mail leaves to, the preferred one first",
    async run(api, [account]) {
      const { providers } = await api.ask("GET", ["accounts", account, "providers"]);
      const row = (one) => [one.name, one.kind, one.base_url, one.credential, one.reports];
      return shown(providers, table(["name", "kind", "address", "credential", "reports"], providers.map(row)));
    },
  },
  {
    words: "providers show",
    takes: ["account", "provider"],
    help: "a provider",
    run: async (api, [account, name]) => plain(await api.ask("GET", ["accounts", account, "providers", name])),
  },
  {
    words: "providers add",
    takes: ["account"],
    help: "add a provider; a credential goes in by --data @FILE or @-, and is sealed",
    options: DATA,
    run: async (api, [account], given) =>
      plain(await api.ask("POST", ["accounts", account, "providers"], { body: needed(data(given), "--data") })),
  },
  {
    words: "providers change",
    takes: ["account", "provider"],
    help: "change a provider by a JSON merge patch (RFC 7396)",
    options: DATA,
    run: async (api, [account, name], given) =>
      plain(await api.ask("PATCH", ["accounts", account, "providers", name], { body: needed(data(given), "--data") })),
  },
  {
    words: "providers remove",
    takes: ["account", "provider"],
    help: "take a provider away",
    run: async (api, [account, name]) => plain(await api.ask("DELETE", ["accounts", account, "providers", name])),
  },
  {
    words: "domains list",
    takes: ["account"],
    help: "an account's sending domains",
    async run(api, [account]) {
      const { domains } = await api.ask("GET", ["accounts", account, "domains"]);
      const found = (one) => one.records.filter((record) => record.state === "found").length;
      const row = (one) => [one.name, one.state, `${found(one)} of ${one.records.length}`, one.checked_at, one.warnings];
      return shown(domains, table(["name", "state", "records", "checked", "warnings"], domains.map(row)));
    },
  },
  {
    words: "domains show",
    takes: ["account", "domain"],
    help: "a domain and the DNS records that it needs",
    run: async (api, [account, name]) => domain_(await api.ask("GET", ["accounts", account, "domains", name])),
  },
  {
    words: "domains add",
    takes: ["account", "domain"],
    help: "give an account a domain; --data is what its providers made for it: {\"main\": {\"dkim\": \"...\"}}",
    options: DATA,
    run: async (api, [account, name], given) =>
      domain_(await api.ask("POST", ["accounts", account, "domains"], { body: { name, providers: data(given) } })),
  },
  {
    words: "domains change",
    takes: ["account", "domain"],
    help: "put other values of its providers in the place of a domain's",
    options: DATA,
    run: async (api, [account, name], given) =>
      domain_(
        await api.ask("PATCH", ["accounts", account, "domains", name], {
          body: { providers: needed(data(given), "--data") },
        }),
      ),
  },
  {
    words: "domains check",
    takes: ["account", "domain"],
    help: "look at a domain's DNS records now; ends with 4 unless all that are required are there",
    async run(api, [account, name]) {
      const domain = await api.ask("POST", ["accounts", account, "domains", name, "check"]);
      return { ...domain_(domain), isBad: domain.outcome !== "matches" };
    },
  },
  {
    words: "domains remove",
    takes: ["account", "domain"],
    help: "take a domain away",
    run: async (api, [account, name]) => plain(await api.ask("DELETE", ["accounts", account, "domains", name])),
  },
  {
    words: "audit list",
    help: "who changed what, oldest first",
    options: PAGING,
    async run(api, [], given) {
      const lines = await all(api, ["audit"], "audit", given);
      const row = (one) => [one.seq, one.at, one.actor, one.action, one.target];
      return shown(lines, table(["number", "at", "who", "what", "to what"], lines.map(row)));
    },
  },
  {
    words: "audit verify",
    help: "walk the audit log's chain; ends with 4 when it is broken",
    options: { from: option("a place that was kept elsewhere, SEQ:HASH: that history must be there") },
    async run(api, [], given) {
      let place = place_(given.from);
      for (;;) {
        const step = await api.ask("GET", ["audit", "verify"], { query: place });
        if (step.result === "more" && step.seq > (place.seq ?? -1)) {
          place = { seq: step.seq, hash: step.hash };
          continue;
        }
        const isWhole = step.result === "whole";
        const text = isWhole
          ? `whole: ${step.seq} rows. Keep this place elsewhere, and verify from it later:\n${step.seq}:${step.hash}\n`
          : `broken: ${step.detail ?? step.result}\n`;
        return shown(step, text, !isWhole);
      }
    },
  },
];

async function all(api, path, name, given) {
  const entries = [];
  const paging = { after: given.after, limit: given.limit, most: given.max };
  for await (const entry of api.pages(path, name, paging)) entries.push(entry);
  return entries;
}

async function patched(api, account, config) {
  return account_(await api.ask("PATCH", ["accounts", account], { body: { config } }));
}

function account_(account) {
  const { config, ...head } = account;
  return shown(account, list(Object.entries(head)) + (config ? `config\n${JSON.stringify(config, null, 2)}\n` : ""));
}

function key_(key) {
  const { key: secret, ...rest } = key;
  const text = secret ? `\nThe key, shown this once:\n${secret}\n` : "";
  return shown(key, list(Object.entries(rest)) + text);
}

function domain_(domain) {
  const { records = [], ...head } = domain;
  const row = (one) => [one.state ?? "not checked", one.required ? "yes" : "no", one.type, one.name, one.merged ?? one.value];
  return shown(
    domain,
    `${list(Object.entries(head))}\n${table(["state", "required", "type", "name", "value to publish"], records.map(row))}`,
  );
}

const plain = (answer) => shown(answer, list(Object.entries(answer)));

/** A key's settings as the API has them. `none` takes a bound away. */
function keyOf(given) {
  const bound = (value) => (value === "none" || value?.[0] === "none" ? null : value);
  return {
    scopes: given.scope,
    ip_allow: bound(given["ip-allow"]),
    domains: bound(given.domain),
    expires_at: bound(given["expires-at"]),
  };
}

function figure(text) {
  const [name, value, ...rest] = text.split("=");
  if (!name || value === undefined || rest.length > 0) throw new Misused("--figure takes name=value");
  return [name, /^\d+$/.test(value) ? Number(value) : value];
}

function place_(text) {
  if (text === undefined) return {};
  const [, seq, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (hash === undefined) throw new Misused("--from takes SEQ:HASH, as audit verify prints it");
  return { seq: Number(seq), hash };
}

/** The JSON of --data, in place, from a file, or from standard input. */
function data(given) {
  if (given.data === undefined) return undefined;
  let text = given.data;
  if (text.startsWith("@")) {
    try {
      text = readFileSync(text === "@-" ? 0 : text.slice(1), "utf8");
    } catch (error) {
      throw new Misused(`--data: the file cannot be read (${error.code})`);
    }
  }
  try {
    return JSON.parse(text);
  } catch {
    // The text may hold a credential: it is not repeated.
    throw new Misused("--data is not JSON");
  }
}

function needed(value, name) {
  if (value === undefined) throw new Misused(`${name} is needed`);
  return value;
}
