//! Builds events, those that repeat an earlier one as its copies.

use std::sync::Arc;

use pyo3::prelude::*;

use super::builder::{Builder, BuilderCache};
use super::error::certain;
use super::model::ObjectParts;
use super::nodes::{Node, NodeTable};
use super::patterns::{Patterns, Repeated};
use super::snapshots::SdkDraft;
use super::walk::copies_of;

/// Builds the events of a stream or of a connection, or of several streams one after the other.
#[derive(Default)]
pub struct EventBuilder {
    cache: BuilderCache,
    patterns: Patterns,
    /// The nodes that the patterns were made with.
    table: Arc<NodeTable>,
}

impl EventBuilder {
    /// Builds events with these nodes from now on.
    pub fn use_table(&mut self, table: Arc<NodeTable>) {
        if !Arc::ptr_eq(&self.table, &table) {
            self.patterns.clear();
            self.table = table;
        }
    }

    /// Releases what is of no use for a further stream.
    pub fn shrink(&mut self) {
        self.cache.shrink();
    }

    /// The event of a message, or a draft if its type is in `drafts`. None if the SDK must build it.
    pub fn event<'py>(
        &mut self,
        py: Python<'py>,
        name: Option<&[u8]>,
        text: &[u8],
        drafts: &[String],
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Events of the Assistants API, which the SDK parses in another way.
        if name.is_some_and(|name| name.starts_with(b"thread.")) {
            return Ok(None);
        }
        if let Some(repeated) = self.patterns.repeated(py, text, &mut self.cache.strings)? {
            let Repeated { node, parts, is_draft } = repeated;
            return finished(py, &node, parts, is_draft);
        }
        let mut builder = Builder::new(py, &self.table, &mut self.cache);
        let Some((node, parts)) = certain(builder.event(text))? else { return Ok(None) };
        let is_draft = !drafts.is_empty() && is_among(drafts, &node, &self.table);
        // An event that did not validate does not tell how the next one is built.
        if parts.extra_is_set == builder.validates()
            && let Some(leaves) = self.patterns.leaves(&node, text)
        {
            let copies = copies_of(&mut builder, &node, text, &leaves, &parts, is_draft)?;
            self.patterns.add(&node, text, leaves, copies);
        }
        finished(py, &node, parts, is_draft)
    }
}

fn is_among(kinds: &[String], node: &Arc<Node>, table: &NodeTable) -> bool {
    let is = |kind: &String| {
        let of_kind = table.events.get(&**kind).and_then(|plan| table.shared(plan.node));
        of_kind.is_some_and(|of_kind| Arc::ptr_eq(of_kind, node))
    };
    kinds.iter().any(is)
}

fn finished<'py>(
    py: Python<'py>,
    node: &Arc<Node>,
    parts: ObjectParts<'py>,
    is_draft: bool,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Node::Model(model) = &**node else { return Ok(None) };
    Ok(Some(if is_draft {
        SdkDraft::new(py, node, parts)?.into_any()
    } else {
        model.object(parts)?
    }))
}
