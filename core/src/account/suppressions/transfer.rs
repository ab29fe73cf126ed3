//! `POST /v1/suppressions/import` and `GET /v1/suppressions/export`: the list as CSV or JSON.
//!
//! An import takes what it can and says by line what it could not: one bad row of a million must not keep the others off the
//! list, because an address that is not suppressed is mailed. It is one transaction.

use super::{
    super::Reply,
    Wanted, judge,
    manage::{self, View, fetch},
    refuse,
};
use crate::{
    address::Address,
    front::Pass,
    problem::{Code, Flaw, Problem},
    sql::{Sql, SqlError},
    suppression::{Entry, Imported, Importer, Listed},
    time::UnixMillis,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

#[derive(Serialize)]
struct Report {
    /// Rows or items read, the header not counted.
    read: u64,
    #[serde(flatten)]
    imported: Imported,
    /// Rows that were not taken.
    rejected: u64,
    /// The first hundred of them.
    errors: Vec<BadRow>,
}

#[derive(Serialize)]
struct BadRow {
    /// The row's line in the CSV, or the item's place in the JSON list, both counted from 1.
    line: u64,
    field: String,
    code: &'static str,
    detail: String,
}

/// An import under way.
struct Import<'a> {
    importer: Importer,
    report: Report,
    sql: &'a mut dyn Sql,
    now: UnixMillis,
}

/// Takes a CSV with a header, a CSV of addresses alone, or JSON: a list of entries, bare or as `suppressions` of an object.
pub(in super::super) fn import(
    pass: &Pass,
    body: &[u8],
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<Reply, SqlError> {
    let body = body.strip_prefix(BOM).unwrap_or(body);
    let report = Report { read: 0, imported: Imported::default(), rejected: 0, errors: Vec::new() };
    let mut import = Import { importer: Importer::default(), report, sql, now };
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let read = match first {
        None => Err(Problem::new(Code::InvalidSuppression, "the import is empty")),
        Some(b'[' | b'{') => import.json(body)?,
        Some(_) => import.csv(body)?,
    };
    if let Err(problem) = read {
        return refuse(&problem, pass, now);
    }
    let Import { importer, mut report, sql, now } = import;
    report.imported = importer.finish(sql, now)?;
    manage::json(&report)
}

impl Import<'_> {
    fn json(&mut self, body: &[u8]) -> Result<Result<(), Problem>, SqlError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Object<'a> {
            #[serde(borrow)]
            suppressions: Vec<&'a RawValue>,
        }
        let list: Result<Vec<&RawValue>, _> = serde_json::from_slice(body);
        let list = list.or_else(|_| serde_json::from_slice(body).map(|Object { suppressions }| suppressions));
        let Ok(list) = list else {
            let detail = "want a JSON list of entries, or an object whose one field suppressions is that list";
            return Ok(Err(Problem::new(Code::InvalidSuppression, detail)));
        };
        for (line, item) in (1..).zip(list) {
            match serde_json::from_str::<Wanted>(item.get()) {
                Ok(wanted) => self.take(line, &wanted)?,
                Err(_) => self.reject(line, bad("", "wrong_shape", super::FIELDS)),
            }
        }
        Ok(Ok(()))
    }

    fn csv(&mut self, body: &[u8]) -> Result<Result<(), Problem>, SqlError> {
        let mut rows = Rows::of(body);
        let Some((_, first)) = rows.next() else { return Ok(Ok(())) };
        let is_list = first.len() == 1 && first.first().is_some_and(|cell| Address::parse(cell.trim()).is_ok());
        let columns: Vec<Option<Column>> = if is_list {
            alloc::vec![Some(Column::Email)]
        } else {
            first.iter().map(|name| Column::named(name.trim())).collect()
        };
        if !columns.contains(&Some(Column::Email)) {
            let detail =
                "the first line of a CSV must name its columns, email among them: email,reason,scope,expires_at,active";
            return Ok(Err(Problem::new(Code::InvalidSuppression, detail)));
        }
        if is_list {
            rows = Rows::of(body);
        }
        for (line, cells) in rows {
            if cells.len() == 1 && cells.first().is_some_and(|cell| cell.trim().is_empty()) {
                continue;
            }
            if cells.len() != columns.len() {
                let detail = format!("has {} cells where the header has {}", cells.len(), columns.len());
                self.reject(line, bad("", "wrong_shape", &detail));
                continue;
            }
            let mut wanted = Wanted::default();
            for (column, cell) in columns.iter().zip(&cells).filter(|(_, cell)| !cell.trim().is_empty()) {
                if let Some(column) = column {
                    column.put(&mut wanted, cell.trim());
                }
            }
            self.take(line, &wanted)?;
        }
        Ok(Ok(()))
    }

    fn take(&mut self, line: u64, wanted: &Wanted) -> Result<(), SqlError> {
        // An entry whose time is over stops nothing: a list that was exported some time ago may hold some.
        let judged: Result<(String, Entry), Vec<Flaw>> = judge(wanted, self.now);
        match judged {
            Ok((key, entry)) => {
                self.report.read += 1;
                self.importer.take(key, entry, self.sql, self.now)
            }
            Err(flaws) => {
                let flaw = flaws.into_iter().next();
                self.reject(line, flaw.unwrap_or_else(|| bad("", "wrong_shape", super::FIELDS)));
                Ok(())
            }
        }
    }

    fn reject(&mut self, line: u64, flaw: Flaw) {
        self.report.read += 1;
        self.report.rejected += 1;
        if self.report.errors.len() < MAX_ERRORS {
            let Flaw { field, code, detail } = flaw;
            self.report.errors.push(BadRow { line, field, code, detail });
        }
    }
}

fn bad(field: &str, code: &'static str, detail: &str) -> Flaw {
    Flaw { field: field.into(), code, detail: detail.into() }
}

/// A column that an import knows; others are passed over, because providers' exports have many.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Email,
    Reason,
    Scope,
    ExpiresAt,
    Active,
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "email" | "address" | "recipient" => Some(Self::Email),
            "reason" => Some(Self::Reason),
            "scope" => Some(Self::Scope),
            "expires_at" => Some(Self::ExpiresAt),
            "active" => Some(Self::Active),
            _ => None,
        }
    }

    fn put(self, wanted: &mut Wanted, cell: &str) {
        let value = Some(match (self, cell.to_ascii_lowercase().as_str()) {
            (Self::Active, "true" | "1" | "yes") => Value::Bool(true),
            (Self::Active, "false" | "0" | "no") => Value::Bool(false),
            _ => Value::from(cell),
        });
        match self {
            Self::Email => wanted.email = value,
            Self::Reason => wanted.reason = value,
            Self::Scope => wanted.scope = value,
            Self::ExpiresAt => wanted.expires_at = value,
            Self::Active => wanted.active = value,
        }
    }
}

/// The rows of a CSV (RFC 4180, either line end) with the line each begins on.
struct Rows<'a> {
    reader: csv_core::Reader,
    rest: &'a [u8],
    line: u64,
    is_over: bool,
}

impl<'a> Rows<'a> {
    /// Goes on by so many bytes, and counts the lines that end in them: the reader's own count is behind by one after CR LF.
    fn consume(&mut self, bytes: usize) {
        let (consumed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, &[]));
        let ends = consumed.iter().filter(|byte| **byte == b'\n').count();
        self.line += u64::try_from(ends).unwrap_or_default();
        self.rest = rest;
    }

    fn of(body: &'a [u8]) -> Self {
        Self { reader: csv_core::Reader::new(), rest: body, line: 1, is_over: false }
    }
}

impl Iterator for Rows<'_> {
    type Item = (u64, Vec<String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let ends = self.rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.consume(ends);
        let line = self.line;
        let (mut cells, mut cell) = (Vec::new(), Vec::new());
        let mut out = [0; 512];
        loop {
            let (result, read, written) = self.reader.read_field(self.rest, &mut out);
            self.consume(read);
            cell.extend_from_slice(out.get(..written).unwrap_or_default());
            match result {
                csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => {}
                csv_core::ReadFieldResult::Field { record_end } => {
                    cells.push(String::from_utf8_lossy(&cell).into_owned());
                    cell.clear();
                    if record_end {
                        return Some((line, cells));
                    }
                }
                csv_core::ReadFieldResult::End => {
                    self.is_over = true;
                    return (!cells.is_empty()).then_some((line, cells));
                }
            }
        }
    }
}

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
        let views: Vec<View> = entries.into_iter().map(|entry| View::of(entry, now)).collect();
        manage::json(&serde_json::json!({ "suppressions": views, "next": next }))?
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

/// What some programs put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// A report names so many bad rows.
const MAX_ERRORS: usize = 100;
/// Entries in one answer of an export: about 10 MB.
const PART: u64 = 100_000;
