//! `GET /v1/suppressions/export`: the list as CSV or JSON, in parts.

use super::{
    super::Reply,
    manage::{self, Page, View, fetch},
    refuse,
};
use crate::{
    front::Pass,
    sql::{Sql, SqlError},
    suppression::Listed,
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A part of the list, with the same filters as a page. `x-next` names the `after` of the next part, as `Link` does.
pub(in super::super) fn export(pass: &Pass, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
    let asked = manage::asked(&pass.query, PART, PART, &["format"]);
    let asked = asked.and_then(|asked| {
        let format = asked.query.word("format", &[("csv", true), ("json", false)])?;
        Ok((asked, format.unwrap_or(true)))
    });
    let (asked, as_csv) = match asked {
        Ok(asked) => asked,
        Err(problem) => return refuse(&problem, pass, now),
    };
    let (entries, next) = match fetch(&asked, sql, now)? {
        Ok(page) => page,
        Err(problem) => return refuse(&problem, pass, now),
    };
    let mut reply = if as_csv {
        Reply { content_type: "text/csv; charset=utf-8", ..Reply::json(200, csv_of(&entries)) }
    } else {
        let suppressions = entries.into_iter().map(|entry| View::of(entry, now)).collect();
        manage::json(&Page { suppressions, next: next.clone() })?
    };
    if let Some(next) = next {
        let format = if as_csv { "csv" } else { "json" };
        reply
            .extra
            .push(("link".into(), format!("</v1/suppressions/export?format={format}&after={next}>; rel=\"next\"")));
        reply.extra.push(("x-next".into(), next));
    }
    Ok(reply)
}

/// With a header, the columns that an import takes and the day of creation; RFC 4180 line ends.
fn csv_of(entries: &[Listed]) -> Vec<u8> {
    let mut csv = String::from("email,reason,scope,expires_at,active,created_at\r\n");
    for entry in entries {
        let expires = entry.expires_at.map(|at| at.to_string()).unwrap_or_default();
        let active = if entry.active { "true" } else { "false" };
        let (email, created) = (quoted(&entry.address), entry.created_at.to_string());
        csv.push_str(&[&email, &*entry.reason, &entry.scope, &expires, active, &created].join(","));
        csv.push_str("\r\n");
    }
    csv.into_bytes()
}

/// A local part may be a quoted string, with commas and quotes in it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.into() }
}

/// Entries in one answer of an export: about 10 MB.
const PART: u64 = 100_000;
