//! `POST /v1/suppressions/import`: a list of any length as CSV, JSON or JSON lines, in one stream.
//!
//! An import takes what it can and says by line what it could not: one bad row of a million must not keep the others off the
//! list, because an address that is not suppressed is mailed.
//!
//! A host hands the body over in the pieces in which it comes. It is never whole in memory, and a thousand entries are a
//! transaction: whatever else is asked of the account is answered in between. So an import that breaks off has done a part of
//! its work. It is sent again as it was: what is on the list already is unchanged.

use super::{
    super::{
        Account, Operation, Reply,
        query::{Query, wrong},
        routes::{self, Found},
    },
    Wanted,
    imports::{self, Status, View},
    judge, manage, refuse,
    rows::{Cells, Raw, Rows},
};
use crate::{
    address::Address,
    front::{MAX_BODY_BYTES, Pass},
    http::HttpResponse,
    problem::{Code, Flaw, Problem},
    sql::{Sql, SqlError},
    suppression::{Imported, Importer},
    time::UnixMillis,
};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use serde::Serialize;
use serde_json::Value;

/// An import under way: what a host holds of it between its pieces.
pub struct Import {
    pass: Pass,
    id: String,
    started_at: UnixMillis,
    bytes: u64,
    rows: Rows,
    judged: Judged,
}

/// What became of a request to import.
pub enum Begun {
    /// It is refused; its body is not read.
    Answer(HttpResponse),
    /// Its pieces may come.
    Import(Box<Import>),
}

/// How the stream of an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It came whole.
    Whole,
    /// It goes on past the largest body.
    TooLong,
    /// The connection broke.
    Broken,
}

/// Whether an account takes this request's body in pieces: with [`Account::begin_import`].
#[must_use]
pub fn comes_in_pieces(pass: &str) -> bool {
    serde_json::from_str(pass).is_ok_and(|pass: Pass| match routes::find(&pass.method, &pass.path) {
        Found::Route(route, _) => route.operation == Operation::ImportSuppressions,
        Found::OtherMethod(_) | Found::Nothing => false,
    })
}

/// The entries of an import, and what was wrong with the others.
#[derive(Default)]
struct Judged {
    columns: Option<Vec<Option<Column>>>,
    importer: Importer,
    read: u64,
    rejected: u64,
    errors: Vec<BadRow>,
    /// Nothing more is taken: the columns have no name.
    refused: Option<Problem>,
    /// Only the form is looked at.
    is_rehearsal: bool,
}

/// A row that was not taken.
#[derive(Serialize)]
pub(super) struct BadRow {
    /// The row's line in a CSV or in JSON lines, or the item's place in a JSON list, counted from 1.
    line: u64,
    field: String,
    code: &'static str,
    detail: String,
}

impl Account {
    /// Begins an import that comes in pieces. Hand each of them to [`Import::feed`], [`keep`](Account::keep_import) what that
    /// calls for, and [`end`](Account::end_import) it.
    ///
    /// # Errors
    /// The store's; the host rolls back.
    pub fn begin_import(&mut self, pass: &str, sql: &mut dyn Sql, now: UnixMillis) -> Result<Begun, SqlError> {
        let pass: Pass = serde_json::from_str(pass).map_err(|error| SqlError(format!("{error}")))?;
        let found = routes::find(&pass.method, &pass.path);
        if let Some(refusal) = self.refusal(&pass, &found, sql, now)? {
            return self.answer(&pass, refusal, sql, now).map(Begun::Answer);
        }
        let import = match Import::begin(&pass, now) {
            Ok(import) => import,
            Err(problem) => {
                let refusal = Reply::problem(&problem, &pass.request_id, None, now);
                return self.answer(&pass, refusal, sql, now).map(Begun::Answer);
            }
        };
        import.save(Status::Running, sql, now)?;
        Ok(Begun::Import(Box::new(import)))
    }

    /// Writes what an import has ready, and how far it is.
    ///
    /// # Errors
    /// The store's; the host rolls back, and the import has ended.
    pub fn keep_import(&mut self, import: &mut Import, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        import.judged.importer.write(sql, now)?;
        import.save(Status::Running, sql, now)
    }

    /// Ends an import, and answers its request.
    ///
    /// # Errors
    /// The store's; the host rolls back.
    pub fn end_import(
        &mut self,
        mut import: Box<Import>,
        ended: Ended,
        sql: &mut dyn Sql,
        now: UnixMillis,
    ) -> Result<HttpResponse, SqlError> {
        let reply = import.end(ended, sql, now)?;
        self.answer(&import.pass, reply, sql, now)
    }
}

/// Takes an import that came whole: all that can be known of its form is known before anything is written.
pub(in super::super) fn import(
    pass: &Pass,
    body: &[u8],
    sql: &mut dyn Sql,
    now: UnixMillis,
) -> Result<Reply, SqlError> {
    let rehearsed = Import::begin(pass, now).and_then(|mut import| {
        import.judged.is_rehearsal = true;
        let _read = import.feed(body, now);
        import.finish_rows(now)
    });
    let mut import = match rehearsed.and_then(|()| Import::begin(pass, now)) {
        Ok(import) => import,
        Err(problem) => return refuse(&problem, pass, now),
    };
    let mut rest = body;
    while !rest.is_empty() {
        rest = rest.get(import.feed(rest, now)..).unwrap_or_default();
        if !rest.is_empty() {
            import.judged.importer.write(sql, now)?;
        }
    }
    import.end(Ended::Whole, sql, now)
}

impl Import {
    fn begin(pass: &Pass, now: UnixMillis) -> Result<Self, Problem> {
        let query = Query::read(&pass.query, &["id"])?;
        let id = match query.text("id") {
            Some(id) if imports::is_id(id) => id.into(),
            Some(_) => return Err(wrong("id", "must be 1 to 64 of A-Z, a-z, 0-9, - and _")),
            None => ["imp_", pass.request_id.strip_prefix("req_").unwrap_or(&pass.request_id)].concat(),
        };
        let rows = Rows::Start(Vec::new());
        Ok(Self { pass: pass.clone(), id, started_at: now, bytes: 0, rows, judged: Judged::default() })
    }

    /// Reads on in a piece of the body, and returns how many bytes of it were read. Where that is not all of them, enough waits
    /// for [`Account::keep_import`]; then the rest of the piece is to come again.
    #[must_use]
    pub fn feed(&mut self, piece: &[u8], now: UnixMillis) -> usize {
        let judged = &mut self.judged;
        let read = if judged.refused.is_some() {
            piece.len()
        } else {
            self.rows.feed(piece, &mut |line, raw| judged.row(line, raw, now))
        };
        self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        read
    }

    fn finish_rows(&mut self, now: UnixMillis) -> Result<(), Problem> {
        let judged = &mut self.judged;
        let finished = match judged.refused {
            None => self.rows.finish(&mut |line, raw| judged.row(line, raw, now)),
            Some(_) => Ok(()),
        };
        let refused = judged.refused.take();
        refused.map_or(finished.map_err(|detail| Problem::new(Code::InvalidSuppression, detail)), Err)
    }

    fn end(&mut self, ended: Ended, sql: &mut dyn Sql, now: UnixMillis) -> Result<Reply, SqlError> {
        let (status, problem) = match ended {
            Ended::Whole => {
                self.finish_rows(now).map_or_else(|p| (Status::Failed, Some(p)), |()| (Status::Finished, None))
            }
            Ended::TooLong => {
                let detail = format!("a body is at most {MAX_BODY_BYTES} bytes");
                (Status::Failed, Some(Problem::new(Code::BodyTooLarge, detail)))
            }
            Ended::Broken => {
                (Status::Interrupted, Some(Problem::new(Code::InvalidSuppression, "the import broke off")))
            }
        };
        self.judged.importer.write(sql, now)?;
        self.save(status, sql, now)?;
        let Some(problem) = problem else { return manage::json(&self.view(status, now)) };
        let Imported { added, updated, .. } = self.judged.importer.done();
        let kept = added.saturating_add(updated);
        let detail = format!("{}; {kept} entries before that were taken, and may come again", problem.detail);
        refuse(&Problem { detail, ..problem }, &self.pass, now)
    }

    fn view(&self, status: Status, now: UnixMillis) -> View<'_> {
        let Judged { importer, read, rejected, errors, .. } = &self.judged;
        let Imported { added, updated, unchanged, duplicates } = importer.done();
        View {
            id: &self.id,
            status,
            started_at: self.started_at,
            updated_at: now,
            bytes: self.bytes,
            read: *read,
            added,
            updated,
            unchanged,
            duplicates,
            rejected: *rejected,
            errors,
        }
    }

    fn save(&self, status: Status, sql: &mut dyn Sql, now: UnixMillis) -> Result<(), SqlError> {
        imports::save(&self.view(status, now), sql)
    }
}

impl Judged {
    /// Whether the next row may come.
    fn row(&mut self, line: u64, raw: Raw<'_>, now: UnixMillis) -> bool {
        match raw {
            // What single rows say changes nothing of the form.
            Raw::Json(_) | Raw::TooLong if self.is_rehearsal => {}
            Raw::Cells(_) if self.is_rehearsal && self.columns.is_some() => {}
            // What an export tells beyond an entry's own fields may stand there.
            Raw::Json(text) => match serde_json::from_slice::<Wanted>(text) {
                Ok(wanted) => self.take(line, &wanted, now),
                Err(_) => self.reject(line, bad("", "wrong_shape", super::FIELDS)),
            },
            Raw::TooLong => {
                self.reject(line, bad("", "row_too_long", "is longer than 16,384 bytes; is a quote not closed?"))
            }
            Raw::Cells(cells) => self.cells(line, cells, now),
        }
        !self.importer.is_due() && self.refused.is_none()
    }

    fn cells(&mut self, line: u64, cells: &Cells, now: UnixMillis) {
        if cells.len() == 1 && cells.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        let Some(columns) = &self.columns else { return self.header(line, cells, now) };
        if cells.len() != columns.len() {
            let detail = format!("has {} cells where the header has {}", cells.len(), columns.len());
            return self.reject(line, bad("", "wrong_shape", &detail));
        }
        let mut wanted = Wanted::default();
        for (column, cell) in columns.iter().zip(cells.iter()) {
            if let (Some(column), false) = (column, cell.trim().is_empty()) {
                column.put(&mut wanted, cell.trim());
            }
        }
        self.take(line, &wanted, now);
    }

    /// The first row names the columns, or is the first address of a list of addresses alone.
    fn header(&mut self, line: u64, cells: &Cells, now: UnixMillis) {
        let is_list = cells.len() == 1 && cells.iter().all(|cell| Address::parse(cell.trim()).is_ok());
        if is_list {
            self.columns = Some(alloc::vec![Some(Column::Email)]);
            if !self.is_rehearsal {
                self.cells(line, cells, now);
            }
            return;
        }
        let columns: Vec<Option<Column>> = cells.iter().map(|name| Column::named(name.trim())).collect();
        if columns.contains(&Some(Column::Email)) {
            self.columns = Some(columns);
        } else {
            self.refused = Some(Problem::new(Code::InvalidSuppression, NO_HEADER));
        }
    }

    fn take(&mut self, line: u64, wanted: &Wanted, now: UnixMillis) {
        // An entry whose time is over stops nothing: a list that was exported some time ago may hold some.
        match judge(wanted, now) {
            Ok((key, entry)) => {
                self.read += 1;
                self.importer.take(key, entry);
            }
            Err(flaws) => {
                let flaw = flaws.into_iter().next();
                self.reject(line, flaw.unwrap_or_else(|| bad("", "wrong_shape", super::FIELDS)));
            }
        }
    }

    fn reject(&mut self, line: u64, flaw: Flaw) {
        self.read += 1;
        self.rejected += 1;
        if self.errors.len() < MAX_ERRORS {
            let Flaw { field, code, detail } = flaw;
            self.errors.push(BadRow { line, field, code, detail });
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
        let value = Some(Value::from(cell));
        match self {
            Self::Email => wanted.email = value,
            Self::Reason => wanted.reason = value,
            Self::Scope => wanted.scope = value,
            Self::ExpiresAt => wanted.expires_at = value,
            Self::Active => {
                wanted.active = match cell.to_ascii_lowercase().as_str() {
                    "true" | "1" | "yes" => Some(Value::Bool(true)),
                    "false" | "0" | "no" => Some(Value::Bool(false)),
                    _ => value,
                };
            }
        }
    }
}

const NO_HEADER: &str =
    "the first line of a CSV must name its columns, email among them: email,reason,scope,expires_at,active";
/// A report names so many bad rows.
const MAX_ERRORS: usize = 100;
