//! The diagnostic codes of `codes.toml` as static data.

/// The severity of a diagnostic; `strict` stops at [`Severity::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    /// The name that users see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// The properties of a code. `template` is the message; `{name}` is replaced by the detail of that name.
#[derive(Debug)]
pub struct DiagnosticKind {
    pub code: &'static str,
    pub severity: Severity,
    pub template: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/codes.rs"));

impl Code {
    /// The properties of this code.
    pub fn kind(self) -> &'static DiagnosticKind {
        &DIAGNOSTICS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_indexes_its_kind() {
        for (place, kind) in DIAGNOSTICS.iter().enumerate() {
            let code = Code::ALL[place];
            assert_eq!(code as usize, place);
            assert_eq!(code.kind().code, kind.code);
        }
    }
}
