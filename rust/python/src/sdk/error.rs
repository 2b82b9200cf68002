//! Why a value was not built.

use pyo3::prelude::*;

pub enum BuildError {
    /// The SDK's validation of the value fails.
    Invalid,
    /// The result is not certain, and the SDK must build the value.
    Uncertain,
    Raised(PyErr),
}

impl From<PyErr> for BuildError {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

pub type Built<'py> = Result<Bound<'py, PyAny>, BuildError>;

/// None if only the SDK can build the value.
pub fn certain<T>(built: Result<T, BuildError>) -> PyResult<Option<T>> {
    match built {
        Ok(value) => Ok(Some(value)),
        Err(BuildError::Invalid | BuildError::Uncertain) => Ok(None),
        Err(BuildError::Raised(error)) => Err(error),
    }
}
