//! The reason why a source cannot be read completely.

use std::io;

use respstream_core::diagnostics::Code;
use respstream_core::diagnostics::{Detail, Diagnostic};

/// Why a source cannot be read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub reason: String,
}

impl Problem {
    pub fn unreadable(error: &io::Error) -> Self {
        Self { code: Code::Unreadable, reason: reason(error) }
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
