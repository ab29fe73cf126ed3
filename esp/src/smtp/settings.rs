//! What can be set for SMTP: `{"smtp": {...}}` of `PUT /sandbox/settings`.

use super::{fault, path, session::Terms};
use crate::{
    fields::{BadField, Fields},
    kept,
};
use sendgate_core::sql::{Sql, SqlError};
use serde_json::{Value, json};

/// The settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// Limits and periods in milliseconds of the windows a message must fit in.
    pub(crate) windows: Vec<(u64, u64)>,
    /// Recipients that are not there, in lower case.
    pub(crate) inactive: Vec<String>,
    /// The name and the password that are taken; `None` takes any.
    pub(crate) login: Option<(String, String)>,
    /// Whether a sender must have a password.
    pub(crate) auth_required: bool,
    /// Whether a password is taken on a secured connection only.
    pub(crate) auth_needs_tls: bool,
    /// The largest message.
    pub(crate) most_bytes: u64,
    /// The most recipients a message.
    pub(crate) most_recipients: u64,
    /// Faults by chance, in thousandths.
    pub(crate) chances: Vec<(String, u64)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            windows: Vec::new(),
            inactive: Vec::new(),
            login: None,
            auth_required: false,
            auth_needs_tls: false,
            most_bytes: DEFAULT_BYTES,
            most_recipients: DEFAULT_RECIPIENTS,
            chances: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads `value`, which stands at `smtp`.
    pub(crate) fn read(value: &Value) -> Result<Self, BadField> {
        let fields = Fields::of(value, "smtp", &KNOWN)?;
        let login = match (fields.text("username")?, fields.text("password")?) {
            (None, None) => None,
            (Some(name), Some(password)) if !name.is_empty() => Some((name.to_string(), password.to_string())),
            _ => return Err(BadField::new("smtp.username", "and password go together")),
        };
        Ok(Self {
            windows: windows(&fields)?,
            inactive: inactive(&fields)?,
            login,
            auth_required: fields.truth("auth_required")?.unwrap_or(false),
            auth_needs_tls: fields.truth("auth_needs_tls")?.unwrap_or(false),
            most_bytes: fields.number("most_bytes", 1, MOST_BYTES)?.unwrap_or(DEFAULT_BYTES),
            most_recipients: fields.number("most_recipients", 1, MOST_RECIPIENTS)?.unwrap_or(DEFAULT_RECIPIENTS),
            chances: chances(&fields)?,
        })
    }

    /// What is stored and shown.
    pub(crate) fn show(&self) -> Value {
        let windows: Vec<Value> =
            self.windows.iter().map(|(limit, period)| json!({ "limit": limit, "period_ms": period })).collect();
        let chances: Vec<Value> = self.chances.iter().map(|(fault, n)| chance_shown(fault, *n)).collect();
        json!({
            "windows": windows,
            "inactive": self.inactive,
            "username": self.login.as_ref().map(|(name, _)| name),
            "password": self.login.as_ref().map(|(_, password)| password),
            "auth_required": self.auth_required,
            "auth_needs_tls": self.auth_needs_tls,
            "most_bytes": self.most_bytes,
            "most_recipients": self.most_recipients,
            "chances": chances,
        })
    }

    /// The settings as they stand.
    pub(crate) fn load(sql: &mut dyn Sql) -> Result<Self, SqlError> {
        match kept::setting(sql, "smtp")? {
            None => Ok(Self::default()),
            Some(value) => Self::read(&value).map_err(|bad| SqlError(format!("{} {}", bad.field, bad.detail))),
        }
    }

    /// What a session is told.
    pub(crate) fn terms(&self, starttls: bool) -> Terms {
        Terms {
            most_bytes: usize::try_from(self.most_bytes).unwrap_or(usize::MAX),
            most_recipients: usize::try_from(self.most_recipients).unwrap_or(usize::MAX),
            auth_required: self.auth_required,
            auth_needs_tls: self.auth_needs_tls,
            starttls,
        }
    }
}

fn windows(fields: &Fields<'_>) -> Result<Vec<(u64, u64)>, BadField> {
    let mut windows = Vec::new();
    for (index, item) in fields.list("windows", MOST_WINDOWS)?.iter().enumerate() {
        let item = Fields::of(item, &format!("smtp.windows[{index}]"), &["limit", "period_ms"])?;
        let missing = |name: &str| BadField::new(item.path(name), "is missing");
        windows.push((
            item.number("limit", 0, MOST_CALLS)?.ok_or_else(|| missing("limit"))?,
            item.number("period_ms", 1, MOST_PERIOD_MS)?.ok_or_else(|| missing("period_ms"))?,
        ));
    }
    Ok(windows)
}

fn inactive(fields: &Fields<'_>) -> Result<Vec<String>, BadField> {
    let address = |(index, item): (usize, &Value)| match item.as_str().filter(|text| path::check(text, true).is_ok()) {
        Some(address) => Ok(address.to_lowercase()),
        None => Err(BadField::new(format!("smtp.inactive[{index}]"), "must be an address")),
    };
    fields.list("inactive", MOST_INACTIVE)?.iter().enumerate().map(address).collect()
}

fn chances(fields: &Fields<'_>) -> Result<Vec<(String, u64)>, BadField> {
    let mut chances = Vec::new();
    for (index, item) in fields.list("chances", MOST_CHANCES)?.iter().enumerate() {
        let path = format!("smtp.chances[{index}]");
        let item = Fields::of(item, &path, &["fault", "stage", "reply", "stored", "per_thousand"])?;
        let chance = item.number("per_thousand", 0, 1_000)?;
        let chance = chance.ok_or_else(|| BadField::new(item.path("per_thousand"), "is missing"))?;
        chances.push((fault::text(&item)?, chance));
    }
    Ok(chances)
}

/// A chance in the members it was set with.
fn chance_shown(text: &str, per_thousand: u64) -> Value {
    let mut words = text.splitn(3, ' ');
    let (fault, stage, rest) = (words.next(), words.next(), words.next().unwrap_or_default());
    let (stored, reply) = match rest.strip_prefix("stored") {
        Some(rest) => (true, rest.trim_start()),
        None => (false, rest),
    };
    let mut shown = json!({ "fault": fault, "per_thousand": per_thousand });
    if let (Some(stage), Some(members)) = (stage, shown.as_object_mut()) {
        members.insert("stage".into(), stage.into());
        members.insert("stored".into(), stored.into());
        if !reply.is_empty() {
            members.insert("reply".into(), reply.into());
        }
    }
    shown
}

const KNOWN: [&str; 9] = [
    "windows",
    "inactive",
    "username",
    "password",
    "auth_required",
    "auth_needs_tls",
    "most_bytes",
    "most_recipients",
    "chances",
];
/// Postfix's default (`message_size_limit`).
const DEFAULT_BYTES: u64 = 10_240_000;
/// RFC 5321 section 4.5.3.1.8: a server takes at least so many.
const DEFAULT_RECIPIENTS: u64 = 100;
/// A message stands in memory whole.
const MOST_BYTES: u64 = 100_000_000;
/// More than any provider takes.
const MOST_RECIPIENTS: u64 = 10_000;
/// The same bounds as for the HTTP dialects.
const MOST_WINDOWS: usize = 16;
const MOST_INACTIVE: usize = 2_000;
const MOST_CALLS: u64 = 1_000_000_000;
const MOST_PERIOD_MS: u64 = 31_622_400_000;
/// As many as there are stages and acts.
const MOST_CHANCES: usize = 24;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_shown_can_be_set_again() {
        let value = json!({
            "windows": [{ "limit": 2, "period_ms": 1000 }],
            "inactive": ["Gone@Example.com"],
            "username": "shop", "password": "secret",
            "auth_required": true, "auth_needs_tls": true,
            "most_bytes": 1000, "most_recipients": 2,
            "chances": [
                { "fault": "server_error", "per_thousand": 5 },
                { "fault": "reply", "stage": "message", "stored": true, "reply": "451 4.3.0 lost", "per_thousand": 1000 },
            ],
        });
        let settings = Settings::read(&value).unwrap();
        assert_eq!(settings.inactive, ["gone@example.com"]);
        assert_eq!(settings.chances[1].0, "reply message stored 451 4.3.0 lost");
        assert_eq!(Settings::read(&settings.show()).unwrap(), settings);
        assert_eq!(Settings::read(&json!({})).unwrap(), Settings::default());
    }

    #[test]
    fn a_wrong_setting_names_its_field() {
        let field = |value: Value| Settings::read(&value).unwrap_err().field;
        assert_eq!(field(json!({ "window": [] })), "smtp.window");
        assert_eq!(field(json!({ "windows": [{ "limit": 1 }] })), "smtp.windows[0].period_ms");
        assert_eq!(field(json!({ "inactive": ["x"] })), "smtp.inactive[0]");
        assert_eq!(field(json!({ "username": "a" })), "smtp.username");
        assert_eq!(
            field(json!({ "chances": [{ "fault": "closing", "per_thousand": 1001 }] })),
            "smtp.chances[0].per_thousand"
        );
    }
}
