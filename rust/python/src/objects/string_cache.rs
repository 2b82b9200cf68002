//! A cache of Python strings that repeat in a stream: tokens, which are short, and ids.

use pyo3::prelude::*;
use pyo3::types::PyString;
use respstream_core::json;

/// Number of entries for short strings. Each string has one possible entry; a newer string replaces an older one there.
const SHORT_ENTRIES: usize = 256;
/// Shorter strings are cached although they are no ids.
pub const SHORT: usize = 16;
/// How many of the latest ids are cached.
const ID_ENTRIES: usize = 4;

/// The bytes of a short string, padded with zeros; the last byte is their number, with [`ESCAPED`] if they have escapes.
type ShortKey = [u8; 16];
const ESCAPED: u8 = 0x80;

/// The latest strings that were made from JSON texts.
#[derive(Default)]
pub struct StringCache {
    short: Vec<(ShortKey, Option<Py<PyString>>)>,
    ids: Vec<(Vec<u8>, Py<PyString>)>,
}

impl StringCache {
    /// The string of this text.
    pub fn get<'py>(&mut self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
        match text.len() {
            0..SHORT => self.short(py, text, 0),
            SHORT..=128 => self.id(py, text),
            _ => new_string(py, text),
        }
    }

    /// The string of a JSON text without quotes that has escapes.
    pub fn escaped<'py>(&mut self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
        match text.len() {
            0..SHORT => self.short(py, text, ESCAPED),
            _ => Ok(decoded(py, text)),
        }
    }

    fn short<'py>(
        &mut self,
        py: Python<'py>,
        text: &[u8],
        form: u8,
    ) -> PyResult<Bound<'py, PyString>> {
        let mut key = [0; 16];
        key[..text.len()].copy_from_slice(text);
        key[15] = text.len() as u8 | form;
        if self.short.is_empty() {
            self.short.resize_with(SHORT_ENTRIES, Default::default);
        }
        let (cached_key, cached) = &mut self.short[entry_of(key)];
        if *cached_key == key
            && let Some(string) = cached
        {
            return Ok(string.bind(py).clone());
        }
        let string = if form == ESCAPED { decoded(py, text) } else { new_string(py, text)? };
        (*cached_key, *cached) = (key, Some(string.clone().unbind()));
        Ok(string)
    }

    fn id<'py>(&mut self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
        if let Some((_, cached)) = self.ids.iter().find(|(bytes, _)| bytes == text) {
            return Ok(cached.bind(py).clone());
        }
        let string = new_string(py, text)?;
        if self.ids.len() == ID_ENTRIES {
            self.ids.remove(0);
        }
        self.ids.push((text.to_vec(), string.clone().unbind()));
        Ok(string)
    }
}

/// Fibonacci hashing: cheap, and sufficient where a collision costs one string.
fn entry_of(key: ShortKey) -> usize {
    let key = u128::from_le_bytes(key);
    let mixed = ((key >> 64) as u64).rotate_left(29) ^ key as u64;
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % SHORT_ENTRIES
}

fn decoded<'py>(py: Python<'py>, text: &[u8]) -> Bound<'py, PyString> {
    let mut wtf8 = Vec::with_capacity(text.len());
    json::decode_wtf8_body(text, &mut wtf8);
    PyString::new(py, &json::finish_wtf8(&wtf8))
}

fn new_string<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // CPython checks the UTF-8 again. Text from a decoder is valid, so the fallback is not taken for it.
    PyString::from_bytes(py, text)
        .or_else(|_| Ok(PyString::new(py, &String::from_utf8_lossy(text))))
}
