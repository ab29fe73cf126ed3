// The command line: which command, with which options, and how it ends.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Api, Misused, Refused, Unreached } from "./api.mjs";
import { COMMANDS } from "./commands.mjs";
import { cell } from "./print.mjs";

/** How a command ends. */
export const EXIT = { ok: 0, refused: 1, misused: 2, unreached: 3, bad: 4 };

const GLOBAL = {
  url: { type: "string", description: "where the deployment is; else SENDGATE_URL" },
  "token-file": { type: "string", description: "a file with the operator's token; else SENDGATE_ADMIN_TOKEN" },
  token: { type: "string", description: "the token itself; others on this machine can see it" },
  json: { type: "boolean", description: "print the answer as JSON" },
  help: { type: "boolean", short: "h", description: "print this" },
};

/**
 * Runs one command.
 *
 * @param {string[]} words the command line without the program
 * @param {Record<string, string | undefined>} env
 * @param {{out: (text: string) => void, err: (text: string) => void}} io
 * @returns {Promise<number>} how the process is to end, one of EXIT
 */
export async function main(words, env, io) {
  try {
    const command = COMMANDS.find((one) => one.words === words.slice(0, 2).join(" "));
    if (!command) return overview(words, io);
    const { values, positionals } = read(words.slice(2), command);
    if (values.help) {
      io.out(helpOf(command));
      return EXIT.ok;
    }
    const takes = command.takes ?? [];
    if (positionals.length !== takes.length || positionals.includes("")) throw new Misused(usage(command));
    const api = new Api(needed(values.url ?? env.SENDGATE_URL, "--url or SENDGATE_URL"), token(values, env));
    const { answer, text, isBad } = await command.run(api, positionals, values);
    io.out(values.json ? `${JSON.stringify(answer, null, 2)}\n` : text);
    if (answer.in_force === false) io.err(NOT_YET);
    return isBad ? EXIT.bad : EXIT.ok;
  } catch (error) {
    return failed(error, io);
  }
}

function read(words, command) {
  const options = { ...GLOBAL, ...command.options };
  const known = Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple }]) => [name, { type, ...(short && { short }), ...(multiple && { multiple }) }]),
  );
  let read;
  try {
    read = parseArgs({ args: words, options: known, allowPositionals: true });
  } catch (error) {
    // The text may name what was given, and that may be a token.
    const name = /'(-{1,2}[a-z-]+)/.exec(error.message)?.[1];
    throw new Misused(`${name ? `${name} is wrong. ` : ""}${usage(command)}`);
  }
  const values = { ...read.values };
  for (const [name, { number }] of Object.entries(options)) {
    if (!number || values[name] === undefined) continue;
    if (!/^\d{1,15}$/.test(values[name])) throw new Misused(`--${name} takes a whole number`);
    values[name] = Number(values[name]);
  }
  return { values, positionals: read.positionals };
}

function token(values, env) {
  if (values.token !== undefined) return values.token;
  if (values["token-file"] === undefined) {
    return needed(env.SENDGATE_ADMIN_TOKEN, "SENDGATE_ADMIN_TOKEN or --token-file");
  }
  try {
    return readFileSync(values["token-file"], "utf8").trim();
  } catch (error) {
    throw new Misused(`--token-file: the file cannot be read (${error.code})`);
  }
}

function failed(error, io) {
  if (error instanceof Misused) {
    io.err(`sendgate-admin: ${error.message}\n`);
    return EXIT.misused;
  }
  if (error instanceof Unreached) {
    io.err(`sendgate-admin: ${error.message}\n`);
    return EXIT.unreached;
  }
  if (error instanceof Refused) {
    const { code, request_id, errors = [] } = error.problem;
    io.err(`sendgate-admin: ${cell(code ?? error.status)}: ${cell(error.message)}\n`);
    for (const { field, detail } of errors) io.err(`  ${cell(field)}: ${cell(detail)}\n`);
    if (request_id) io.err(`  request ${cell(request_id)}\n`);
    return EXIT.refused;
  }
  throw error;
}

function overview(words, io) {
  const isAsked = words.length === 0 || words.includes("--help") || words.includes("-h");
  const [group] = words;
  const some = COMMANDS.filter((one) => one.words.startsWith(`${group} `));
  const shown = some.length > 0 ? some : COMMANDS;
  const lines = shown.map((one) => [`${one.words} ${(one.takes ?? []).map((name) => name.toUpperCase()).join(" ")}`.trim(), one.help]);
  const width = Math.max(...lines.map(([line]) => line.length));
  const text =
    "Usage: sendgate-admin COMMAND ... [--json] [--help]\n\n" +
    lines.map(([line, help]) => `  ${line.padEnd(width)}  ${help}\n`).join("") +
    `\nEvery command takes:\n${optionsOf(GLOBAL)}\n` +
    "It ends with 0 when it was done, 1 when the deployment refused, 2 when the command is wrong, 3 when the\n" +
    "deployment was not reached, and 4 when what was looked at is not as it should be.\n";
  (isAsked ? io.out : io.err)(text);
  return isAsked ? EXIT.ok : EXIT.misused;
}

function helpOf(command) {
  const options = command.options ? `\n${optionsOf(command.options)}` : "";
  return `${usage(command)}\n\n${command.help}\n${options}\nEvery command takes:\n${optionsOf(GLOBAL)}`;
}

function usage(command) {
  const takes = (command.takes ?? []).map((name) => ` ${name.toUpperCase()}`).join("");
  return `Usage: sendgate-admin ${command.words}${takes}${command.options ? " [OPTIONS]" : ""}`;
}

function optionsOf(options) {
  const lines = Object.entries(options).map(([name, { type, short, description }]) => [
    `${short ? `-${short}, ` : ""}--${name}${type === "string" ? " VALUE" : ""}`,
    description,
  ]);
  const width = Math.max(...lines.map(([line]) => line.length));
  return lines.map(([line, description]) => `  ${line.padEnd(width)}  ${description}\n`).join("");
}

function needed(value, name) {
  if (!value) throw new Misused(`${name} is needed`);
  return value;
}

const NOT_YET = "sendgate-admin: written, and not yet in force: the account's object has not confirmed it; it is told again\n";
