//! The reason why a source cannot be read completely.

use std::error::Error;
use std::{fmt, io};

use respstream_core::diagnostics::Code;
use respstream_core::diagnostics::{Detail, Diagnostic};

/// Why a source cannot be read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl Error for Problem {}

impl Problem {
    /// The problem of an error of reading; an error that contains a problem is that problem.
    pub fn unreadable(error: &io::Error) -> Self {
        let contained = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        contained.cloned().unwrap_or_else(|| Self { code: Code::Unreadable, reason: reason(error) })
    }

    fn detail(&self) -> Detail {
        vec![("reason", self.reason.as_str().into())]
    }

    pub fn message(&self) -> String {
        self.code.kind().message(&self.detail())
    }

    /// The problem as a diagnostic at an offset. The line is 0: it is unknown.
    pub fn diagnostic(&self, offset: u64) -> Diagnostic {
        Diagnostic {
            code: self.code,
            offset,
            length: 0,
            line: 0,
            sequence: None,
            response_id: None,
            detail: self.detail(),
            place: None,
        }
    }
}

/// The text of a system error, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}
