// Tables for people.

/** Rows under their headings, in columns as wide as they need. */
export function table(headings, rows) {
  const cells = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(cell))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) => row.map((text, column) => text.padEnd(widths[column])).join("  ").trimEnd();
  return `${cells.map(line).join("\n")}\n`;
}

/** Names and values below each other. */
export function list(pairs) {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`.trimEnd()).join("\n") + "\n";
}

/** A value in one line, without characters that a terminal would take as orders. */
export function cell(value) {
  if (value === undefined || value === null) return "-";
  const text = Array.isArray(value) && value.every((one) => typeof one !== "object") ? value.join(" ") : value;
  const plain = typeof text === "object" ? JSON.stringify(text) : String(text);
  // eslint-disable-next-line no-control-regex -- these are the ones to take out
  return plain.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?") || "-";
}
