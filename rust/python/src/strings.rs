//! Strings that come again and again: tokens, which are short, and ids.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Short strings have a place each, by their bytes; of two with the same place the later one stays.
const PLACES: usize = 256;
/// How many of the latest ids are kept.
const IDS: usize = 4;

/// The bytes of a short string, filled up with zeros, and their number.
type Short = [u8; 16];

/// The latest strings that were made of text without escapes.
#[derive(Default)]
pub struct Strings {
    short: Vec<(Short, Option<Py<PyString>>)>,
    ids: Vec<(Vec<u8>, Py<PyString>)>,
}

impl Strings {
    /// The string of this text.
    pub fn get<'py>(&mut self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
        match text.len() {
            0..16 => self.short(py, text),
            16..=128 => self.id(py, text),
            _ => make(py, text),
        }
    }

    fn short<'py>(&mut self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
        let mut key = [0; 16];
        key[..text.len()].copy_from_slice(text);
        key[15] = text.len() as u8;
        if self.short.is_empty() {
            self.short.resize_with(PLACES, Default::default);
        }
        let (known, string) = &mut self.short[place(key)];
        if *known == key
            && let Some(string) = string
        {
            return Ok(string.bind(py).clone());
        }
        let made = make(py, text)?;
        (*known, *string) = (key, Some(made.clone().unbind()));
        Ok(made)
    }

    fn id<'py>(&mut self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
        if let Some((_, known)) = self.ids.iter().find(|(bytes, _)| bytes == text) {
            return Ok(known.bind(py).clone());
        }
        let made = make(py, text)?;
        if self.ids.len() == IDS {
            self.ids.remove(0);
        }
        self.ids.push((text.to_vec(), made.clone().unbind()));
        Ok(made)
    }
}

/// Fibonacci hashing: cheap, and good enough where a collision costs one string.
fn place(key: Short) -> usize {
    let key = u128::from_le_bytes(key);
    let mixed = ((key >> 64) as u64).rotate_left(29) ^ key as u64;
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % PLACES
}

fn make<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // Python checks the text once more in any case; that of a decoder was valid.
    PyString::from_bytes(py, text)
        .or_else(|_| Ok(PyString::new(py, &String::from_utf8_lossy(text))))
}
