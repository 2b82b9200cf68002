//! Writes the Rust tables of `catalogue.toml`; `src/catalogue.rs` holds their types and includes them.
//!
//! A mistake in the catalogue stops the build with a message that names the place.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

use toml::{Table, Value};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let events = read("src/protocols/responses/catalogue.toml");
    let codes = read("src/diagnostics/codes.toml");
    let events = rows(&events, "event");
    let mut out = String::new();
    write_events(&events, &mut out);
    write_lengths(&events, &mut out);
    write_diagnostics(&rows(&codes, "diagnostic"), &mut out);
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join("catalogue.rs"), out).expect("OUT_DIR can be written");
}

fn read(path: &str) -> Table {
    println!("cargo::rerun-if-changed={path}");
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn rows<'a>(catalogue: &'a Table, name: &str) -> Vec<&'a Table> {
    let rows = catalogue[name].as_array().expect("an array of tables");
    rows.iter().map(|row| row.as_table().expect("a table")).collect()
}

/// A string member, "" where there is none.
fn text<'a>(row: &'a Table, name: &str) -> &'a str {
    row.get(name)
        .map_or("", |value| value.as_str().unwrap_or_else(|| panic!("{name} is a string: {row}")))
}

fn write_events(events: &[&Table], out: &mut String) {
    writeln!(out, "pub static EVENTS: [Entry; {}] = [", events.len()).expect("a String takes all");
    for event in events {
        let fold = event["fold"].as_table().expect("fold is a table");
        let phase = text(fold, "phase");
        let variant = if phase.is_empty() { "None".to_owned() } else { camel(phase) };
        let members = [
            format!("ty: {:?}", text(event, "type")),
            format!("class: {:?}", text(event, "class")),
            format!("op: Op::{}", camel(text(fold, "op"))),
            format!("phase: Phase::{variant}"),
            format!("steps: &[{}]", steps(text(fold, "target"))),
            format!("value: {:?}", text(fold, "value")),
            format!("item: {:?}", text(fold, "item")),
            format!("part: {:?}", text(fold, "part")),
            format!("begins: {}", fold.get("begins").and_then(Value::as_bool).unwrap_or(true)),
            format!("status: {:?}", text(fold, "status")),
            format!("extend: {:?}", text(fold, "extend")),
            format!("eager: &{:?}", eager(event)),
            format!("terminal: {}", phase == "terminal"),
        ];
        writeln!(out, "    Entry {{ {} }},", members.join(", ")).expect("a String takes all");
    }
    out.push_str("];\n");
}

/// `content[content_index].text` as the elements of a slice of `Step`.
fn steps(target: &str) -> String {
    let step = |path: &str| {
        let (member, index) = match path.split_once('[') {
            Some((member, rest)) => {
                let field =
                    rest.strip_suffix("_index]").unwrap_or_else(|| panic!("an index in {target}"));
                (member, format!("Some(Index::{})", camel(field)))
            }
            None => (path, "None".to_owned()),
        };
        format!("Step {{ member: {member:?}, index: {index} }}")
    };
    target.split('.').filter(|path| !path.is_empty()).map(step).collect::<Vec<_>>().join(", ")
}

/// The names of the fields that the engines fill at once: strings and integers, in order.
fn eager(event: &Table) -> Vec<&str> {
    let fields = event.get("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let fields = fields.iter().map(|field| field.as_table().expect("a field is a table"));
    let scalar = |field: &&Table| {
        let notation = text(field, "type");
        let lazy = field.get("lazy").and_then(Value::as_bool).unwrap_or(false);
        !lazy && matches!(notation.strip_suffix(" | None").unwrap_or(notation), "str" | "int")
    };
    fields.filter(scalar).map(|field| text(field, "name")).collect()
}

/// For each length of a type, the places of the types of that length.
fn write_lengths(events: &[&Table], out: &mut String) {
    let length = |event: &Table| text(event, "type").len();
    let longest = events.iter().map(|event| length(event)).max().expect("there are events");
    writeln!(out, "static BY_LENGTH: [&[u16]; {}] = [", longest + 1).expect("a String takes all");
    for wanted in 0..=longest {
        let places: Vec<usize> =
            (0..events.len()).filter(|&place| length(events[place]) == wanted).collect();
        writeln!(out, "    &{places:?},").expect("a String takes all");
    }
    out.push_str("];\n");
}

fn write_diagnostics(kinds: &[&Table], out: &mut String) {
    out.push_str("/// What was diagnosed, in the order of [`DIAGNOSTICS`].\n");
    out.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\n#[repr(u8)]\npub enum Code {\n");
    for kind in kinds {
        writeln!(out, "    /// {}\n    {},", text(kind, "doc"), camel(text(kind, "code")))
            .expect("a String takes all");
    }
    writeln!(out, "}}\npub static DIAGNOSTICS: [DiagnosticKind; {}] = [", kinds.len())
        .expect("a String takes all");
    for kind in kinds {
        let (code, severity, template) =
            (text(kind, "code"), camel(text(kind, "severity")), text(kind, "template"));
        writeln!(
            out,
            "    DiagnosticKind {{ code: {code:?}, severity: Severity::{severity}, template: {template:?} }},"
        )
        .expect("a String takes all");
    }
    out.push_str("];\n");
}

/// `bad_json` as `BadJson`.
fn camel(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}
