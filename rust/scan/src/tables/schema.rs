//! The selected columns of a table, and their Arrow schema.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Metadata, Schema, SchemaRef, TimeUnit};

use crate::tables::columns::{ColumnInfo, Depth, Kind, Nulls, Table, VERSION};
use crate::tables::descriptions;

/// The selected columns of a table.
#[derive(Clone, Debug)]
pub struct Selection {
    pub table: Table,
    /// The positions of the selected columns in the table, in the selected order.
    pub positions: Vec<usize>,
    pub schema: SchemaRef,
}

impl Selection {
    /// Selects the named columns, or all but the extra ones. In a `split` the numbers of responses are null.
    /// The error is the name of an unknown column.
    pub fn new(table: Table, names: Option<&[String]>, split: bool) -> Result<Self, String> {
        let columns = table.columns();
        let positions = match names {
            None => (0..columns.len()).filter(|position| !columns[*position].extra).collect(),
            Some(names) => {
                names.iter().map(|name| find(&columns, name)).collect::<Result<Vec<_>, _>>()?
            }
        };
        let fields: Fields =
            positions.iter().map(|position| field(table, columns[*position], split)).collect();
        let metadata = Metadata::from_iter([
            ("respstream.table".to_owned(), table.name().to_owned()),
            ("respstream.version".to_owned(), VERSION.to_owned()),
        ]);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        Ok(Self { table, positions, schema })
    }

    /// Whether the column of that name is selected.
    pub fn has(&self, name: &str) -> bool {
        self.schema.field_with_name(name).is_ok()
    }

    /// How much of a source has to be read for the rows; without columns, for their number.
    fn depth(&self) -> Depth {
        let columns = self.table.columns();
        let least = columns.iter().map(|column| column.depth).min();
        let selected = self.positions.iter().map(|position| columns[*position].depth);
        selected.chain(least).max().unwrap_or(Depth::Whole)
    }
}

/// How much of a source has to be read for these tables. Tables that need different depths are read whole.
pub fn depth(selections: &[Selection]) -> Depth {
    let mut depths = selections.iter().map(Selection::depth);
    let first = depths.next().unwrap_or(Depth::Events);
    if depths.all(|depth| depth == first) { first } else { Depth::Whole }
}

fn find(columns: &[&ColumnInfo], name: &str) -> Result<usize, String> {
    columns.iter().position(|column| column.name == name).ok_or_else(|| name.to_owned())
}

fn field(table: Table, column: &ColumnInfo, split: bool) -> Field {
    let nullable = match column.nulls {
        Nulls::Required => false,
        Nulls::RequiredUnlessSplit => split,
        Nulls::Nullable => true,
    };
    let described = descriptions::of(table.name()).iter().find(|(name, _)| *name == column.name);
    let pairs = described.map_or(&[][..], |(_, pairs)| pairs);
    let metadata: Metadata = pairs.iter().copied().collect();
    Field::new(column.name, data_type(column.kind), nullable).with_metadata(metadata)
}

/// The fields of a tool call.
pub fn tool_call_fields() -> Fields {
    ["type", "call_id", "name", "arguments"]
        .map(|name| Field::new(name, DataType::LargeUtf8, true))
        .into_iter()
        .collect()
}

fn data_type(kind: Kind) -> DataType {
    let list = |inner| DataType::List(Arc::new(Field::new("item", inner, true)));
    match kind {
        Kind::Text => DataType::LargeUtf8,
        Kind::Dictionary => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8))
        }
        Kind::Int => DataType::Int64,
        Kind::Double => DataType::Float64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::TextList => list(DataType::LargeUtf8),
        Kind::ToolCalls => list(DataType::Struct(tool_call_fields())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(table: Table, names: &[&str]) -> Selection {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Selection::new(table, Some(&names), false).expect("the columns exist")
    }

    #[test]
    fn extra_columns_are_selected_by_name_only() {
        let all = Selection::new(Table::Events, None, false).expect("a selection");
        assert!(!all.has("payload") && all.has("delta"));
        assert!(select(Table::Events, &["payload"]).has("payload"));
    }

    #[test]
    fn an_unknown_column_is_an_error() {
        let found = Selection::new(Table::Items, Some(&["text".to_owned(), "x".to_owned()]), false);
        assert_eq!(found.err().as_deref(), Some("x"));
    }

    #[test]
    fn every_column_is_described() {
        for table in Table::ALL {
            let described: Vec<_> =
                descriptions::of(table.name()).iter().map(|found| found.0).collect();
            let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
            assert_eq!(described, names);
        }
    }

    #[test]
    fn numbers_of_responses_are_nullable_in_a_split() {
        for (split, nullable) in [(false, false), (true, true)] {
            let selection = Selection::new(Table::Responses, None, split).expect("a selection");
            let field = selection.schema.field_with_name("stream_index").expect("a field");
            assert_eq!(field.is_nullable(), nullable);
        }
    }

    #[test]
    fn the_depth_is_that_of_the_columns() {
        let events = select(Table::Events, &["delta"]);
        let usage = select(Table::Responses, &["total_tokens"]);
        let text = select(Table::Responses, &["total_tokens", "output_text"]);
        assert_eq!(depth(std::slice::from_ref(&events)), Depth::Events);
        assert_eq!(depth(&[select(Table::Events, &["delta", "response_id"])]), Depth::Whole);
        assert_eq!(depth(std::slice::from_ref(&usage)), Depth::Lifecycle);
        assert_eq!(depth(&[text]), Depth::Whole);
        assert_eq!(depth(&[events, usage]), Depth::Whole);
        assert_eq!(depth(&[select(Table::Items, &[])]), Depth::Whole);
        assert_eq!(depth(&[select(Table::Responses, &[])]), Depth::Lifecycle);
    }
}
