import { Message as Raw } from "../dist/raw.js";
import { lifted } from "./errors.js";

/** Below these fields names are the caller's own, and stay as they are. */
const FREE = new Set(["headers", "metadata", "data", "provider_options"]);

/** `textBody` as the API spells it: `text_body`. */
const spelled = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A message as Sendgate's API takes it, read strictly: every fault is reported at once. */
export class Message {
  /** For the other classes of this package. */
  raw;

  constructor(fields) {
    this.raw = fields instanceof Raw ? fields : lifted(() => new Raw(JSON.stringify(plain(fields))));
  }

  /** Reads a message from its JSON text, in the API's own spelling. */
  static fromJson(text) {
    return new Message(lifted(() => new Raw(`${text}`)));
  }

  toJson() {
    return this.raw.json();
  }

  get size() {
    return this.raw.size();
  }

  get recipientCount() {
    return this.raw.recipients();
  }

  get class() {
    return this.raw.class();
  }
}

/** A value as JSON has it: names in the API's spelling, bytes in base64, dates as RFC 3339. */
function plain(value) {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "not a date" : value.toISOString();
  if (value instanceof Uint8Array) return base64(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, held]) => held !== undefined);
  return Object.fromEntries(
    entries.map(([name, held]) => {
      const field = spelled(name);
      return [field, FREE.has(field) ? held : plain(held)];
    }),
  );
}

function base64(bytes) {
  let text = "";
  // More arguments than this are too many for some engines.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
