//! What can be set: windows, quotas and the recipients a provider holds inactive, for each dialect.

use crate::{
    dialect::Dialect,
    fate::Rule,
    json::{self, BadField, Fields},
    store,
    window::Window,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use sendgate_core::{
    http::HttpResponse,
    sql::{Param, Sql, SqlError},
};
use serde_json::{Map, Value, json};

/// The settings of one dialect. A field that a dialect does not know keeps its empty value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Settings {
    /// Every window a call must fit in.
    pub(crate) windows: Vec<Window>,
    /// Recipients on the provider's own suppression list, in lower case.
    pub(crate) inactive: Vec<String>,
    /// Recipients a UTC day.
    pub(crate) daily_quota: Option<u64>,
    /// Recipients a UTC month.
    pub(crate) monthly_quota: Option<u64>,
    /// Whether recipients at example.com and test.com are refused, as the real Resend does.
    pub(crate) refuse_example_recipients: bool,
    /// What becomes of messages to some addresses.
    pub(crate) fates: Vec<Rule>,
    /// Recipients in any second, as Amazon counts; `None` for no bound.
    pub(crate) max_send_rate: Option<u64>,
    /// Recipients in any 24 hours, as Amazon counts; `None` for no bound.
    pub(crate) max_24_hour_send: Option<u64>,
    /// Addresses and domains that Amazon's sandbox knows; `None` when everything counts as verified.
    pub(crate) verified: Option<Vec<String>>,
    /// Domains that may send; `None` for any.
    pub(crate) domains: Option<Vec<String>>,
    /// Whether a suppressed recipient is left out where it would otherwise refuse the call.
    pub(crate) drop_suppressed_recipients: bool,
    /// The access key that signs.
    pub(crate) access_key: String,
    /// The secret that it signs with.
    pub(crate) secret_key: String,
}

impl Settings {
    /// What holds when nothing was set.
    pub(crate) fn default_of(dialect: Dialect) -> Self {
        let one = |window| Self { windows: vec![window], ..Self::default() };
        match dialect {
            Dialect::Resend => one(RESEND_WINDOW),
            Dialect::Postmark => {
                Self { inactive: POSTMARK_INACTIVE.iter().map(ToString::to_string).collect(), ..Self::default() }
            }
            Dialect::Ses => Self {
                max_send_rate: Some(SES_SANDBOX_RATE),
                max_24_hour_send: Some(SES_SANDBOX_DAY),
                access_key: SES_ACCESS_KEY.to_string(),
                secret_key: SES_SECRET_KEY.to_string(),
                ..Self::default()
            },
            Dialect::Brevo => one(BREVO_WINDOW),
            Dialect::MailerSend => one(MAILERSEND_WINDOW),
            Dialect::Esp
            | Dialect::SendGrid
            | Dialect::Mailgun
            | Dialect::Cloudflare
            | Dialect::Mailtrap
            | Dialect::SparkPost => Self::default(),
        }
    }

    fn read(dialect: Dialect, fields: &Fields<'_>) -> Result<Self, BadField> {
        fields.only(known(dialect))?;
        let mut settings = Self::default_of(dialect);
        if let Some(windows) = fields.list("windows")? {
            settings.windows = windows_of(&fields.path("windows"), windows)?;
        }
        if let Some(inactive) = fields.list("inactive")? {
            settings.inactive = inactive_of(&fields.path("inactive"), inactive)?;
        }
        settings.daily_quota = fields.number("daily_quota", 0, MOST_CALLS)?;
        settings.monthly_quota = fields.number("monthly_quota", 0, MOST_CALLS)?;
        settings.refuse_example_recipients = fields.truth("refuse_example_recipients")?.unwrap_or(false);
        settings.drop_suppressed_recipients = fields.truth("drop_suppressed_recipients")?.unwrap_or(false);
        if let Some(rules) = fields.list("fates")? {
            settings.fates = Rule::read(&fields.path("fates"), rules)?;
        }
        if fields.has("max_send_rate") {
            settings.max_send_rate = fields.number("max_send_rate", 0, MOST_CALLS)?;
        }
        if fields.has("max_24_hour_send") {
            settings.max_24_hour_send = fields.number("max_24_hour_send", 0, MOST_CALLS)?;
        }
        for (name, texts) in [("verified", &mut settings.verified), ("domains", &mut settings.domains)] {
            *texts = fields.list(name)?.map(|items| words_of(&fields.path(name), items)).transpose()?;
        }
        for (name, text) in [("access_key", &mut settings.access_key), ("secret_key", &mut settings.secret_key)] {
            if let Some(given) = fields.text(name)? {
                if given.is_empty() || given.len() > MOST_KEY_BYTES {
                    return Err(BadField::new(fields.path(name), format!("must be from 1 to {MOST_KEY_BYTES} bytes")));
                }
                *text = given.to_string();
            }
        }
        Ok(settings)
    }

    fn show(&self, dialect: Dialect) -> Value {
        let windows: Vec<Value> =
            self.windows.iter().map(|window| json!({ "limit": window.limit, "period_ms": window.period_ms })).collect();
        let mut all = Map::new();
        for (name, value) in [
            ("windows", Value::from(windows)),
            ("inactive", Value::from(self.inactive.clone())),
            ("daily_quota", self.daily_quota.map_or(Value::Null, Value::from)),
            ("monthly_quota", self.monthly_quota.map_or(Value::Null, Value::from)),
            ("refuse_example_recipients", Value::from(self.refuse_example_recipients)),
            ("fates", self.fates.iter().map(Rule::show).collect()),
            ("max_send_rate", Value::from(self.max_send_rate)),
            ("max_24_hour_send", Value::from(self.max_24_hour_send)),
            ("verified", Value::from(self.verified.clone())),
            ("domains", Value::from(self.domains.clone())),
            ("drop_suppressed_recipients", Value::from(self.drop_suppressed_recipients)),
            ("access_key", Value::from(self.access_key.clone())),
            ("secret_key", Value::from(self.secret_key.clone())),
        ] {
            if known(dialect).contains(&name) {
                all.insert(name.to_string(), value);
            }
        }
        Value::Object(all)
    }
}

/// The settings of `dialect` as they stand.
pub(crate) fn load(sql: &mut dyn Sql, dialect: Dialect) -> Result<Settings, SqlError> {
    let value = stored(sql)?;
    let settings = Fields::of(&value, "").and_then(|all| all.object(dialect.word())).and_then(|fields| match fields {
        Some(fields) => Settings::read(dialect, &fields),
        None => Ok(Settings::default_of(dialect)),
    });
    settings.map_err(|bad| SqlError(format!("the stored settings: {} {}", bad.field, bad.detail)))
}

/// `GET /sandbox/settings`: every setting of every dialect.
pub(crate) fn show(sql: &mut dyn Sql) -> Result<HttpResponse, SqlError> {
    let mut all = Map::new();
    for dialect in Dialect::ALL {
        all.insert(dialect.word().to_string(), load(sql, dialect)?.show(dialect));
    }
    Ok(json::answer(200, &Value::Object(all)))
}

/// `PUT /sandbox/settings`: sets the named dialects anew; a dialect that is not named keeps what it has.
pub(crate) fn put(sql: &mut dyn Sql, body: &[u8]) -> Result<HttpResponse, SqlError> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Ok(json::problem(400, "invalid_json", "the body must be JSON", None));
    };
    let named = match named(&value) {
        Ok(named) => named,
        Err(bad) => return Ok(json::bad_field(&bad)),
    };
    let mut all = match stored(sql)? {
        Value::Object(all) => all,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    for (dialect, settings) in named {
        all.insert(dialect.word().to_string(), settings.show(dialect));
    }
    let text = Value::Object(all).to_string();
    let statement = "INSERT INTO sandbox_settings (id, json) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET json = ?1";
    sql.run(statement, &[Param::Text(&text)])?;
    show(sql)
}

/// Back to the defaults.
pub(crate) fn reset(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.run("DELETE FROM sandbox_settings", &[]).map(|_| ())
}

fn stored(sql: &mut dyn Sql) -> Result<Value, SqlError> {
    let rows = sql.run("SELECT json FROM sandbox_settings WHERE id = 1", &[])?;
    let Some(row) = rows.first() else { return Ok(Value::Object(Map::new())) };
    serde_json::from_str(store::text(row, 0)?).map_err(|error| SqlError(error.to_string()))
}

fn named(value: &Value) -> Result<Vec<(Dialect, Settings)>, BadField> {
    let fields = Fields::of(value, "")?;
    fields.only(&Dialect::ALL.map(Dialect::word))?;
    let mut named = Vec::new();
    for dialect in Dialect::ALL {
        if let Some(fields) = fields.object(dialect.word())? {
            named.push((dialect, Settings::read(dialect, &fields)?));
        }
    }
    Ok(named)
}

fn windows_of(path: &str, items: &[Value]) -> Result<Vec<Window>, BadField> {
    if items.len() > MOST_WINDOWS {
        return Err(BadField::new(path, format!("must hold at most {MOST_WINDOWS} windows, got {}", items.len())));
    }
    let mut windows = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let fields = Fields::of(item, &format!("{path}[{index}]"))?;
        fields.only(&["limit", "period_ms"])?;
        let limit = fields.number("limit", 0, MOST_CALLS)?;
        let period_ms = fields.number("period_ms", 1, MOST_PERIOD_MS)?;
        windows.push(Window {
            limit: limit.ok_or_else(|| BadField::new(fields.path("limit"), "is missing"))?,
            period_ms: period_ms.ok_or_else(|| BadField::new(fields.path("period_ms"), "is missing"))?,
        });
    }
    Ok(windows)
}

fn inactive_of(path: &str, items: &[Value]) -> Result<Vec<String>, BadField> {
    if items.len() > MOST_INACTIVE {
        return Err(BadField::new(path, format!("must hold at most {MOST_INACTIVE} addresses, got {}", items.len())));
    }
    let address = |(index, item): (usize, &Value)| match item.as_str().and_then(crate::address::one) {
        Some(address) => Ok(address.to_lowercase()),
        None => Err(BadField::new(format!("{path}[{index}]"), "must be an address")),
    };
    items.iter().enumerate().map(address).collect()
}

/// What can be set for a dialect.
const fn known(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Resend => {
            &["windows", "inactive", "fates", "daily_quota", "monthly_quota", "domains", "refuse_example_recipients"]
        }
        Dialect::Ses => &[
            "windows",
            "inactive",
            "fates",
            "max_send_rate",
            "max_24_hour_send",
            "verified",
            "access_key",
            "secret_key",
        ],
        Dialect::Mailgun | Dialect::Postmark | Dialect::SendGrid => {
            &["windows", "inactive", "fates", "daily_quota", "monthly_quota", "domains"]
        }
        Dialect::Cloudflare => {
            &["windows", "inactive", "fates", "daily_quota", "monthly_quota", "domains", "drop_suppressed_recipients"]
        }
        Dialect::Esp | Dialect::Brevo | Dialect::MailerSend | Dialect::Mailtrap | Dialect::SparkPost => {
            &["windows", "inactive", "fates", "daily_quota", "monthly_quota"]
        }
    }
}

/// Addresses or domains, in lower case.
fn words_of(path: &str, items: &[Value]) -> Result<Vec<String>, BadField> {
    if items.len() > MOST_INACTIVE {
        return Err(BadField::new(path, format!("must hold at most {MOST_INACTIVE} texts, got {}", items.len())));
    }
    let word = |(index, item): (usize, &Value)| match item.as_str().filter(|text| !text.is_empty()) {
        Some(text) => Ok(text.to_lowercase()),
        None => Err(BadField::new(format!("{path}[{index}]"), "must be an address or a domain")),
    };
    items.iter().enumerate().map(word).collect()
}

/// Amazon's sandbox: one recipient a second and 200 in 24 hours.
const SES_SANDBOX_RATE: u64 = 1;
const SES_SANDBOX_DAY: u64 = 200;
/// The example credential of Amazon's own documentation: known to everyone, and good for nothing else.
const SES_ACCESS_KEY: &str = "AKIDEXAMPLE";
const SES_SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// Brevo's published rate for transactional mail.
const BREVO_WINDOW: Window = Window { limit: 1_000, period_ms: 1_000 };
/// MailerSend's published rate for single messages.
const MAILERSEND_WINDOW: Window = Window { limit: 120, period_ms: 60_000 };
/// Far longer than any key.
const MOST_KEY_BYTES: usize = 1_000;
/// Resend's published default for a team: 5 requests a second.
const RESEND_WINDOW: Window = Window { limit: 5, period_ms: 1_000 };
/// Postmark's test addresses that stand for a recipient one may no longer write to. The real Postmark takes the first
/// message to them and marks them inactive then; here they are inactive from the start.
const POSTMARK_INACTIVE: [&str; 2] =
    ["hardbounce@bounce-testing.postmarkapp.com", "unsubscribe@bounce-testing.postmarkapp.com"];
/// As many windows as anyone would stack.
const MOST_WINDOWS: usize = 16;
/// Keeps the settings' row well under 2 MB.
const MOST_INACTIVE: usize = 2_000;
/// Far more calls than a test makes.
const MOST_CALLS: u64 = 1_000_000_000;
/// 366 days.
const MOST_PERIOD_MS: u64 = 31_622_400_000;
