// What the senders share: where the recorder is, and mailboxes as texts.

export const base = `http://127.0.0.1:${process.argv[2]}/sandbox`;

/** `"Name" <address>`, with the name quoted as RFC 5322 says, and letters as they are. */
export const quoted = ({ address, name }) =>
  name ? `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}" <${address}>` : address;
export const allQuoted = (list = []) => list.map(quoted);
export const joined = (list) => allQuoted(list).join(', ') || undefined;

/** Without what is not there. */
export const filled = (fields) =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  );
export const isInline = (file) => file.disposition === 'inline';
export const assert = (taken, answer) => {
  if (!taken) throw new Error(`not taken: ${JSON.stringify(answer)}`);
};
