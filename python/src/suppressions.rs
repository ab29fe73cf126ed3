//! A suppression list in memory.

use crate::error;
use pyo3::{
    prelude::*,
    types::{PyBytes, PyIterator, PyString},
};
use sendgate_core::{
    address::Address,
    suppression::{SetBuilder, SuppressionSet},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An exact set of suppressed addresses, in about seven and a half bytes each, without the addresses themselves.
///
/// Addresses are compared as they are suppressed everywhere in Sendgate: in lower case, the domain in ASCII. ``key`` is 16
/// secret random bytes that belong to the saved bytes; fresh ones are drawn when it is absent, see ``Suppressions.key``.
/// Threads may share a set.
///
/// Raises InvalidInput for a malformed address, and when there are more than 100,000,000.
///
/// >>> from sendgate import Suppressions
/// >>> suppressed = Suppressions(["Ann@Example.com"])
/// >>> "ann@example.com" in suppressed
/// True
/// >>> suppressed.contains_many(["ann@example.com", "bob@example.com"])
/// [True, False]
#[pyclass(module = "sendgate", frozen)]
pub(crate) struct Suppressions {
    key: [u8; 16],
    set: Mutex<SuppressionSet>,
}

#[pymethods]
impl Suppressions {
    #[new]
    #[pyo3(signature = (addresses=None, *, key=None))]
    fn new(addresses: Option<&Bound<'_, PyAny>>, key: Option<[u8; 16]>) -> PyResult<Self> {
        let key = match key {
            Some(key) => key,
            None => drawn()?,
        };
        let mut builder = SuppressionSet::builder(key);
        if let Some(addresses) = addresses {
            if let Ok(expected) = addresses.len() {
                builder = builder.expect(expected);
            }
            take_all(&mut builder, addresses.try_iter()?)?;
        }
        Ok(Self { key, set: Mutex::new(builder.build().map_err(error::too_many)?) })
    }

    /// Goes on from saved bytes, which are checked as a whole.
    ///
    /// Raises InvalidInput when they are not a set that was saved under this key.
    #[staticmethod]
    fn from_bytes(data: &[u8], key: [u8; 16]) -> PyResult<Self> {
        let set = SuppressionSet::from_bytes(key, data).map_err(error::set)?;
        Ok(Self { key, set: Mutex::new(set) })
    }

    /// The set as bytes, less than six for each address of millions; whoever has them and the key can test a guess.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.locked().to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// The key of the saved bytes. Keep it apart from them.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.key)
    }

    /// Adds an address; whether it was not there before.
    fn add(&self, address: &str) -> PyResult<bool> {
        self.locked().add(&listed(address)?).map_err(error::too_many)
    }

    /// Takes an address out; whether it was there.
    fn remove(&self, address: &str) -> PyResult<bool> {
        Ok(self.locked().remove(&listed(address)?))
    }

    /// Whether each of these addresses is suppressed, in their order; faster than one by one.
    fn contains_many(&self, addresses: Vec<Bound<'_, PyString>>) -> PyResult<Vec<bool>> {
        let keys = addresses.iter().map(|address| listed(address.to_str()?)).collect::<PyResult<Vec<_>>>()?;
        Ok(self.locked().contains_many(&keys))
    }

    /// Bytes of memory that the set has taken.
    #[getter]
    fn memory_bytes(&self) -> usize {
        self.locked().memory_bytes()
    }

    /// The same addresses, going on by themselves.
    fn __copy__(&self) -> Self {
        Self { key: self.key, set: Mutex::new(self.locked().clone()) }
    }

    /// As ``__copy__``.
    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        self.__copy__()
    }

    /// Whoever has the bytes and the key can test a guess, so they do not go together unasked.
    fn __reduce__(&self) -> PyResult<()> {
        Err(error::no_pickle("Suppressions hold a secret key and are not pickled: store to_bytes() and key apart"))
    }

    fn __contains__(&self, address: &str) -> PyResult<bool> {
        Ok(self.locked().contains(&listed(address)?))
    }

    fn __len__(&self) -> usize {
        self.locked().len()
    }

    fn __repr__(&self) -> String {
        format!("<sendgate.Suppressions of {} addresses>", self.locked().len())
    }
}

impl Suppressions {
    /// A lock left by a thread that panicked is taken over: the set changes by single steps.
    fn locked(&self) -> MutexGuard<'_, SuppressionSet> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_all(builder: &mut SetBuilder<'_>, addresses: Bound<'_, PyIterator>) -> PyResult<()> {
    for address in addresses {
        let address = address?;
        builder.push(&listed(address.cast::<PyString>()?.to_str()?)?);
    }
    Ok(())
}

/// The form under which an address is suppressed.
fn listed(address: &str) -> PyResult<String> {
    Ok(Address::parse(address).map_err(error::address)?.key())
}

fn drawn() -> PyResult<[u8; 16]> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|error| pyo3::exceptions::PyOSError::new_err(error.to_string()))?;
    Ok(key)
}
