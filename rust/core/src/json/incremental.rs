//! An incremental check of a text that arrives line by line.

use super::grammar::Grammar;
use super::lexer;
use crate::work::work;

/// The state of the text after the lines so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// A valid prefix of a text, or only white space.
    Open,
    /// Exactly one value, with white space around it.
    Whole,
    /// No further line can make the text valid.
    Broken,
}

/// Checks a JSON text whose lines arrive one by one, without CR or LF, as if newlines joined them.
///
/// No token spans lines, so each line is read once. The limits on depth, digits and size do not apply.
#[derive(Clone, Debug)]
pub struct LineCheck {
    grammar: Grammar,
    started: bool,
    object: bool,
    broken: bool,
}

impl Default for LineCheck {
    fn default() -> Self {
        Self::new()
    }
}

impl LineCheck {
    pub fn new() -> Self {
        Self { grammar: Grammar::new(), started: false, object: false, broken: false }
    }

    /// Reads the next line; returns the new state.
    pub fn push(&mut self, line: &[u8]) -> State {
        work(line.len() + 1);
        let start = lexer::skip_space(line, 0);
        if self.broken || start == line.len() {
            return self.state();
        }
        if !self.started {
            self.started = true;
            self.object = line[start] == b'{';
        }
        let end = self.grammar.run(line, start, &mut ());
        self.broken = !end.is_ok_and(|end| lexer::skip_space(line, end) == line.len());
        self.state()
    }

    pub fn state(&self) -> State {
        match (self.broken, self.grammar.ended()) {
            (true, _) => State::Broken,
            (false, true) => State::Whole,
            (false, false) => State::Open,
        }
    }

    /// Whether the first character that is not white space is `{`.
    pub fn is_object(&self) -> bool {
        self.object
    }

    /// The brackets that would close all open levels, innermost first; empty if the text is broken.
    pub fn closers(&self) -> Vec<u8> {
        if self.broken { Vec::new() } else { self.grammar.closers() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(lines: &[&str]) -> String {
        let mut check = LineCheck::new();
        lines.iter().map(|line| format!("{:?}", check.push(line.as_bytes())).remove(0)).collect()
    }

    #[test]
    fn each_line_updates_the_state() {
        let rows: &[(&[&str], &str)] = &[
            (&["", " ", "{", "\"a\"", ":", "[", "]", "}", "", "x"], "OOOOOOOWWB"),
            (&["1", "2"], "WB"),
            (&["[1", "2]"], "OB"),
            (&["[1,", "2]"], "OW"),
            (&["[1.", "5]"], "BB"),
            (&["[tru", "e]"], "BB"),
            (&["\"a", "b\""], "BB"),
            (&["{}{}"], "B"),
            (&["{]"], "B"),
            (&["[}"], "B"),
            (&["{\"a\"}"], "B"),
            (&["{,", "}"], "BB"),
            (&["[1,", "]"], "OB"),
            (&["{\"a\":1,", "}"], "OB"),
            (&["\u{feff}{}"], "B"),
        ];
        for (lines, expected) in rows {
            assert_eq!(states(lines), *expected, "{lines:?}");
        }
    }

    #[test]
    fn closers_come_innermost_first() {
        let mut check = LineCheck::new();
        check.push(b" {\"a\":[[{");
        assert!(check.is_object());
        assert_eq!(check.closers(), b"}]]}");
        check.push(b"]");
        assert_eq!((check.state(), check.closers()), (State::Broken, Vec::new()));
    }

    #[test]
    fn depth_is_unbounded() {
        let mut check = LineCheck::new();
        for level in 0..100_000_usize {
            let line: &[u8] = if level.is_multiple_of(3) { b"[" } else { b"{\"a\":" };
            assert_eq!(check.push(line), State::Open);
        }
        let closers = check.closers();
        assert_eq!(closers.len(), 100_000);
        // The last line opened an array or left a key without a value; a number completes both.
        check.push(b"1");
        assert_eq!(check.push(&closers), State::Whole);
    }
}
