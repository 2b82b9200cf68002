//! Generates Rust tables from the event catalogues and the diagnostic codes. The modules next to the TOML files include
//! them.
//!
//! An error in a catalogue stops the build with a message that names the entry.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

use toml::{Table, Value};

const RESPONSES: &str = "src/protocols/responses/catalogue.toml";
const CHAT: &str = "src/protocols/chat/catalogue.toml";
const MESSAGES: &str = "src/protocols/messages/catalogue.toml";
/// The index fields by slot, without `_index`; the order of `INDEX_FIELDS`.
const INDEXES: [&str; 5] = ["output", "content", "summary", "command", "annotation"];
const CODES: &str = "src/diagnostics/codes.toml";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let responses = read(RESPONSES);
    let events = rows(&responses, "event");
    let mut out = String::new();
    write_events(&events, &mut out);
    write_lengths(&events, &mut out);
    write("responses.rs", &out);
    write("chat.rs", &chat_tables(&read(CHAT)));
    write("messages.rs", &messages_tables(&read(MESSAGES)));
    let codes = read(CODES);
    let mut out = String::new();
    write_diagnostics(&rows(&codes, "diagnostic"), &mut out);
    write("codes.rs", &out);
}

fn read(path: &str) -> Table {
    println!("cargo::rerun-if-changed={path}");
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn write(name: &str, text: &str) {
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join(name), text).expect("OUT_DIR is writable");
}

fn rows<'a>(catalogue: &'a Table, name: &str) -> Vec<&'a Table> {
    let rows = catalogue[name].as_array().expect("an array of tables");
    rows.iter().map(|row| row.as_table().expect("a table")).collect()
}

/// A string member, or "" if it is missing.
fn text<'a>(row: &'a Table, name: &str) -> &'a str {
    row.get(name)
        .map_or("", |value| value.as_str().unwrap_or_else(|| panic!("{name} is a string: {row}")))
}

fn write_events(events: &[&Table], out: &mut String) {
    writeln!(out, "pub static EVENTS: [Entry; {}] = [", events.len())
        .expect("writing to a String cannot fail");
    for event in events {
        let fold = event["fold"].as_table().expect("fold is a table");
        let phase = text(fold, "phase");
        let variant = variant(phase);
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
        writeln!(out, "    Entry {{ {} }},", members.join(", "))
            .expect("writing to a String cannot fail");
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
                let slot = INDEXES.iter().position(|name| *name == field);
                (
                    member,
                    format!("{:?}", Some(slot.unwrap_or_else(|| panic!("an index in {target}")))),
                )
            }
            None => (path, "None".to_owned()),
        };
        format!("Step {{ member: {member:?}, index: {index} }}")
    };
    target.split('.').filter(|path| !path.is_empty()).map(step).collect::<Vec<_>>().join(", ")
}

/// The names of the fields that event objects decode on creation: strings and integers, in order.
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

/// For each length of an event type, the indices of the types of that length.
fn write_lengths(events: &[&Table], out: &mut String) {
    let length = |event: &Table| text(event, "type").len();
    let longest = events.iter().map(|event| length(event)).max().expect("there are events");
    writeln!(out, "static BY_LENGTH: [&[u16]; {}] = [", longest + 1)
        .expect("writing to a String cannot fail");
    for wanted in 0..=longest {
        let places: Vec<usize> =
            (0..events.len()).filter(|&place| length(events[place]) == wanted).collect();
        writeln!(out, "    &{places:?},").expect("writing to a String cannot fail");
    }
    out.push_str("];\n");
}

/// The events and the rules of Chat Completions.
fn chat_tables(catalogue: &Table) -> String {
    let mut out = String::new();
    write_entries(catalogue, &mut out);
    write_declared(catalogue, &mut out);
    let scopes = catalogue["rules"].as_table().expect("rules is a table");
    for (scope, rules) in scopes {
        let rules = rules.as_table().expect("a scope is a table");
        let name = scope.to_uppercase();
        writeln!(out, "static {name}: [Rule; {}] = [", rules.len())
            .expect("writing to a String cannot fail");
        for (member, rule) in rules {
            let rule = rule.as_table().expect("a rule is a table");
            let op = camel(text(rule, "op"));
            let [into, kind] = ["into", "kind"].map(|name| variant(text(rule, name)));
            writeln!(
                out,
                "    Rule {{ name: {member:?}, op: Op::{op}, into: Scope::{into}, kind: Kind::{kind} }},"
            )
            .expect("writing to a String cannot fail");
        }
        out.push_str("];\n");
        write_rule_of(scope, rules, &mut out);
    }
    out
}

/// The function that finds the rule of a member in a scope: the compiler makes a search by size of the `match`.
fn write_rule_of(scope: &str, rules: &Table, out: &mut String) {
    let name = scope.to_uppercase();
    writeln!(out, "#[inline]\nfn {scope}_rule(name: &[u8]) -> Option<&'static Rule> {{")
        .expect("writing to a String cannot fail");
    writeln!(out, "    Some(match name {{").expect("writing to a String cannot fail");
    for (number, member) in rules.keys().enumerate() {
        writeln!(out, "        b{member:?} => &{name}[{number}],")
            .expect("writing to a String cannot fail");
    }
    out.push_str("        _ => return None,\n    })\n}\n");
}

/// The events of an API whose entries have an operation and no rules.
fn write_entries(catalogue: &Table, out: &mut String) {
    let entry = |event: &Table| {
        let (ty, class, op) = (text(event, "type"), text(event, "class"), text(event, "op"));
        let (op, eager) = (camel(op), eager(event));
        format!("Entry {{ ty: {ty:?}, class: {class:?}, op: EventOp::{op}, eager: &{eager:?} }}")
    };
    write_static("EVENTS", "Entry", &rows(catalogue, "event"), entry, out);
}

/// A static array of the rows of a catalogue.
fn write_static(
    name: &str,
    ty: &str,
    rows: &[&Table],
    row: impl Fn(&Table) -> String,
    out: &mut String,
) {
    writeln!(out, "pub static {name}: [{ty}; {}] = [", rows.len())
        .expect("writing to a String cannot fail");
    for one in rows {
        writeln!(out, "    {},", row(one)).expect("writing to a String cannot fail");
    }
    out.push_str("];\n");
}

/// The events, deltas and blocks of Anthropic Messages.
fn messages_tables(catalogue: &Table) -> String {
    let mut out = String::new();
    write_entries(catalogue, &mut out);
    let delta = |delta: &Table| {
        let [ty, member, target] = ["type", "member", "target"].map(|name| text(delta, name));
        let [members, blocks] = ["members", "blocks"].map(|name| texts(delta, name));
        let op = camel(text(delta, "op"));
        format!(
            "DeltaRule {{ ty: {ty:?}, op: DeltaOp::{op}, member: {member:?}, target: {target:?}, members: &{members:?}, \
             blocks: &{blocks:?} }}"
        )
    };
    write_static("DELTAS", "DeltaRule", &rows(catalogue, "delta"), delta, &mut out);
    let block = |block: &Table| {
        let (ty, member, kind) = (text(block, "type"), text(block, "text"), text(block, "kind"));
        format!("BlockKind {{ ty: {ty:?}, text: {member:?}, kind: Kind::{} }}", variant(kind))
    };
    write_static("BLOCKS", "BlockKind", &rows(catalogue, "block"), block, &mut out);
    write_declared(catalogue, &mut out);
    let reasons = catalogue["stop_reasons"].as_table().expect("stop_reasons is a table");
    let incomplete = texts(reasons, "incomplete");
    writeln!(out, "pub static INCOMPLETE: [&str; {}] = {incomplete:?};", incomplete.len())
        .expect("writing to a String cannot fail");
    out
}

/// A list of strings; empty if it is missing.
fn texts<'a>(row: &'a Table, name: &str) -> Vec<&'a str> {
    let list = row.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().map(|text| text.as_str().expect("a string")).collect()
}

/// The members of objects in a message that the SDK declares.
fn write_declared(catalogue: &Table, out: &mut String) {
    for (object, members) in catalogue["declared"].as_table().expect("declared is a table") {
        let members: Vec<_> = members.as_array().expect("a list").iter().collect();
        let members: Vec<_> = members.iter().map(|name| name.as_str().expect("a name")).collect();
        let name = object.to_uppercase();
        writeln!(out, "pub static DECLARED_{name}: [&str; {}] = {members:?};", members.len())
            .expect("writing to a String cannot fail");
    }
}

/// The name of a variant; `None` for "".
fn variant(name: &str) -> String {
    if name.is_empty() { "None".to_owned() } else { camel(name) }
}

fn write_diagnostics(kinds: &[&Table], out: &mut String) {
    out.push_str("/// The codes, in the order of [`DIAGNOSTICS`].\n");
    out.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\n#[repr(u8)]\npub enum Code {\n");
    for kind in kinds {
        writeln!(out, "    /// {}\n    {},", text(kind, "doc"), camel(text(kind, "code")))
            .expect("writing to a String cannot fail");
    }
    let names: Vec<_> =
        kinds.iter().map(|kind| format!("Self::{}", camel(text(kind, "code")))).collect();
    writeln!(
        out,
        "}}\nimpl Code {{\n    /// All codes, in the order of [`DIAGNOSTICS`].\n    pub const ALL: [Self; {}] = [{}];\n}}",
        names.len(),
        names.join(", ")
    )
    .expect("writing to a String cannot fail");
    writeln!(out, "pub static DIAGNOSTICS: [DiagnosticKind; {}] = [", kinds.len())
        .expect("writing to a String cannot fail");
    for kind in kinds {
        let (code, severity, template) =
            (text(kind, "code"), camel(text(kind, "severity")), text(kind, "template"));
        writeln!(
            out,
            "    DiagnosticKind {{ code: {code:?}, severity: Severity::{severity}, template: {template:?} }},"
        )
        .expect("writing to a String cannot fail");
    }
    out.push_str("];\n");
}

/// `bad_json` as `BadJson`.
fn camel(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}
