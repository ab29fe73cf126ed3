//! The host's storage as core's [`Sql`]: a JavaScript object with `exec`, and perhaps `transaction`.
//!
//! Every import is `catch`: an exception that passes through one without it leaves the instance half way.

use js_sys::{Array, Uint8Array};
use sendgate_core::sql::{Param, Row, Sql, SqlError, Value};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What the host gives: see `Storage` in `lib/index.d.ts`.
    pub type Storage;
    #[wasm_bindgen(method, catch)]
    fn exec(this: &Storage, statement: &str, parameters: Array) -> Result<JsValue, JsValue>;
    /// Runs the work in one transaction, and rolls back when it throws.
    #[wasm_bindgen(method, catch)]
    fn transaction(this: &Storage, work: &mut dyn FnMut() -> Result<(), JsValue>) -> Result<JsValue, JsValue>;
}

impl Storage {
    /// Runs `work` in one transaction: all that it wrote stays, or, when it errs, nothing.
    pub(crate) fn transact<T, E: From<SqlError>>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut work = Some(work);
        let mut outcome = None;
        let committed = self.transaction(&mut || match work.take() {
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
            (Err(_), _) => Err(SqlError("the transaction failed".into()).into()),
        }
    }
}

impl Sql for &Storage {
    fn run(&mut self, statement: &str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let parameters = parameters.iter().map(parameter).collect::<Result<Array, _>>()?;
        // What the store says may hold the statement, and with it an address: it goes no further.
        let rows = self.exec(statement, parameters).map_err(|_| SqlError("a statement failed".into()))?;
        let rows: Array = rows.dyn_into().map_err(|_| SqlError("exec must return a list of rows".into()))?;
        rows.iter().map(row).collect()
    }
}

fn row(row: JsValue) -> Result<Row, SqlError> {
    let columns: Array = row.dyn_into().map_err(|_| SqlError("a row must be a list of its columns".into()))?;
    columns.iter().map(value).collect()
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
    if column.is_bigint() {
        let number = i64::try_from(column).ok().filter(|number| number.unsigned_abs() <= MAX_INTEGER);
        return number.map(Value::Integer).ok_or_else(|| SqlError("a column holds an integer above 53 bits".into()));
    }
    match column.dyn_into::<Uint8Array>() {
        Ok(bytes) => Ok(Value::Blob(bytes.to_vec())),
        Err(_) => Err(SqlError("a column is of an unknown type".into())),
    }
}

/// What a JavaScript number holds exactly.
const MAX_INTEGER: u64 = (1 << 53) - 1;
