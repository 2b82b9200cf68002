//! The tables: columns, schemas, batches and the summary.

pub mod batches;
mod builders;
mod cells;
pub mod columns;
mod descriptions;
mod rows;
pub mod schema;
pub mod summary;

pub use batches::{Batch, Tables};
pub use cells::{Cell, Series, Texts};
pub use columns::{Column, ColumnInfo, Depth, Kind, Nulls, Table};
pub use rows::{DeltaRows, DiagnosticRow, EventRow, ResponseItem, RunValues};
pub use schema::Selection;
pub use summary::Summary;
