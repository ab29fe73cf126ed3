//! A Durable Object's storage as core's [`Sql`].
//!
//! The externs are our own because every one must be `catch`: an exception that passes through an import without it
//! stops the whole instance. Cursors are always drained, for an undrained write is lost at commit.

use js_sys::{Array, ArrayBuffer, Promise, Uint8Array};
use sendgate_core::sql::{Param, Row, Sql, SqlError, Value};
use sendgate_core::time::UnixMillis;
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage` of a Durable Object.
    #[derive(Clone)]
    type DurableObjectStorage;
    #[wasm_bindgen(method, catch, getter)]
    fn sql(this: &DurableObjectStorage) -> Result<SqlStorage, JsValue>;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &DurableObjectStorage,
        work: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &DurableObjectStorage, at: f64) -> Result<Promise, JsValue>;
    #[cfg(feature = "sandbox")]
    #[wasm_bindgen(method, catch, js_name = getAlarm)]
    fn get_alarm(this: &DurableObjectStorage) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteAlarm)]
    fn delete_alarm(this: &DurableObjectStorage) -> Result<Promise, JsValue>;

    type SqlStorage;
    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &SqlStorage, statement: &JsValue, parameters: Vec<JsValue>) -> Result<Cursor, JsValue>;

    type Cursor;
    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> Result<RawCursor, JsValue>;

    type RawCursor;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &RawCursor) -> Result<Array, JsValue>;

    /// `ctx` of a Durable Object.
    type DurableObjectState;
    #[wasm_bindgen(method, catch, getter)]
    fn storage(this: &DurableObjectState) -> Result<DurableObjectStorage, JsValue>;
}

/// The SQLite database and the alarm of one Durable Object.
pub(crate) struct Storage {
    storage: DurableObjectStorage,
    sql: SqlStorage,
    statements: RefCell<HashMap<String, JsValue>>,
}

impl Storage {
    /// The storage behind the `ctx` that a Durable Object was made with.
    ///
    /// # Errors
    /// The class has no SQLite storage.
    pub(crate) fn of(state: &JsValue) -> Result<Self, JsValue> {
        let storage = state.unchecked_ref::<DurableObjectState>().storage()?;
        let sql = storage.sql()?;
        Ok(Self { storage, sql, statements: RefCell::default() })
    }

    /// Runs `work` in one transaction: all that it wrote stays, or, when it errs, nothing.
    ///
    /// # Errors
    /// What `work` returned, or what the store said.
    pub(crate) fn transaction<T, E: From<SqlError>>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut work = Some(work);
        let mut outcome = None;
        let committed = self.storage.transaction_sync(&mut || match work.take() {
            Some(work) => {
                let result = work(&mut &*self);
                let refused = result.is_err();
                outcome = Some(result);
                if refused { Err(JsValue::from_str("rolled back")) } else { Ok(()) }
            }
            None => Err(JsValue::from_str("a transaction ran twice")),
        });
        match (committed, outcome) {
            (_, Some(Err(error))) => Err(error),
            (Ok(_), Some(Ok(value))) => Ok(value),
            (Ok(_), None) => Err(SqlError("the transaction did not run".into()).into()),
            (Err(error), _) => Err(store_error(&error).into()),
        }
    }

    /// Sets the object's one alarm. Part of the transaction it is called in.
    ///
    /// # Errors
    /// What the store said.
    #[allow(clippy::cast_precision_loss, reason = "UnixMillis::MAX is far below 2^53")]
    pub(crate) fn set_alarm(&self, at: UnixMillis) -> Result<(), SqlError> {
        self.storage.set_alarm(at.as_millis() as f64).map(drop).map_err(|error| store_error(&error))
    }

    /// The instant the alarm stands at.
    ///
    /// # Errors
    /// What the store said.
    #[cfg(feature = "sandbox")]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    pub(crate) async fn alarm(&self) -> Result<Option<UnixMillis>, JsValue> {
        let alarm = wasm_bindgen_futures::JsFuture::from(self.storage.get_alarm()?).await?;
        Ok(alarm.as_f64().map(|at| UnixMillis::new(at as u64)))
    }

    /// Starts a statement and leaves its cursor where it stands: what [`Sql::run`] never does.
    ///
    /// # Errors
    /// What the store said.
    #[cfg(feature = "sandbox")]
    pub(crate) fn leave_undrained(&self, statement: &str) -> Result<(), JsValue> {
        self.sql.exec(&JsValue::from_str(statement), Vec::new()).map(drop)
    }

    /// Takes the alarm away.
    ///
    /// # Errors
    /// What the store said.
    pub(crate) fn delete_alarm(&self) -> Result<(), SqlError> {
        self.storage.delete_alarm().map(drop).map_err(|error| store_error(&error))
    }

    /// The statement as a JavaScript string, made once: handing over the text each time costs a copy and a decoding.
    fn statement(&self, text: &str) -> JsValue {
        let Ok(mut known) = self.statements.try_borrow_mut() else { return JsValue::from_str(text) };
        if let Some(statement) = known.get(text) {
            return statement.clone();
        }
        let statement = JsValue::from_str(text);
        if known.len() < MAX_STATEMENTS {
            known.insert(text.to_owned(), statement.clone());
        }
        statement
    }
}

impl Sql for &Storage {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let parameters = parameters.iter().map(parameter).collect::<Result<Vec<_>, _>>()?;
        let rows = self
            .sql
            .exec(&self.statement(statement), parameters)
            .and_then(|cursor| cursor.raw())
            .and_then(|rows| rows.to_array())
            .map_err(|error| store_error(&error))?;
        rows.iter().map(|row| row.unchecked_into::<Array>().iter().map(value).collect()).collect()
    }
}

#[allow(clippy::cast_precision_loss, reason = "larger integers are refused above")]
fn parameter(parameter: &Param<'_>) -> Result<JsValue, SqlError> {
    Ok(match *parameter {
        Param::Null => JsValue::NULL,
        Param::Integer(number) if number.unsigned_abs() > MAX_INTEGER => {
            return Err(SqlError(format!("an integer parameter must fit 53 bits, got {number}")));
        }
        Param::Integer(number) => JsValue::from_f64(number as f64),
        Param::Text(text) => JsValue::from_str(text),
        Param::Blob(bytes) => Uint8Array::from(bytes).into(),
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "only whole numbers in 53 bits pass")]
fn value(column: JsValue) -> Result<Value, SqlError> {
    if let Some(number) = column.as_f64() {
        return if number.fract() == 0.0 && number.abs() <= MAX_INTEGER as f64 {
            Ok(Value::Integer(number as i64))
        } else {
            Err(SqlError("a column holds a number that is no integer of 53 bits".into()))
        };
    }
    if let Some(text) = column.as_string() {
        return Ok(Value::Text(text));
    }
    if column.is_null() {
        return Ok(Value::Null);
    }
    match column.dyn_into::<ArrayBuffer>() {
        Ok(buffer) => Ok(Value::Blob(Uint8Array::new(&buffer).to_vec())),
        Err(_) => Err(SqlError("a column is of an unknown type".into())),
    }
}

fn store_error(error: &JsValue) -> SqlError {
    SqlError(crate::host::message(error))
}

/// Statements with a date in their text come and go; past this many, new ones are no longer remembered.
const MAX_STATEMENTS: usize = 512;

/// A JavaScript number holds every integer up to here: 2^53 - 1.
const MAX_INTEGER: u64 = (1 << 53) - 1;
