// A storage for tests: SQLite as WebAssembly.
import initSqlJs from "sql.js";

const sql = await initSqlJs();

/** An empty database with what a Mailroom asks of its host. */
export function storage() {
  const database = new sql.Database();
  return {
    exec(statement, parameters) {
      const prepared = database.prepare(statement);
      try {
        prepared.bind(parameters);
        const rows = [];
        while (prepared.step()) rows.push(prepared.get());
        return rows;
      } finally {
        prepared.free();
      }
    },
  };
}
