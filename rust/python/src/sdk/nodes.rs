//! Nodes: how a value of each type is built, as Python derived it from the SDK's annotations.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use respstream_core::json::Kind;

use super::model::Model;

/// The type of a value. Numbers are the indexes of other nodes.
pub enum Node {
    Any,
    Str,
    Int,
    Float,
    Bool,
    /// One of these strings.
    Literal(Vec<(Box<str>, Py<PyString>)>),
    List(usize),
    Dict(usize),
    Model(Box<Model>),
    /// A union whose member follows from the kind of the JSON value.
    Union(Union),
    /// A union of models that one string member (pydantic's discriminator) distinguishes.
    Discriminated(DiscriminatedUnion),
    /// Any other type: the SDK builds the value.
    Sdk(SdkFunctions),
}

/// The SDK's functions for a value.
pub struct SdkFunctions {
    /// Raises if the value does not match.
    pub validate: Py<PyAny>,
    /// Builds the value without validation.
    pub construct: Py<PyAny>,
}

pub struct Union {
    pub nullable: bool,
    pub string: Option<usize>,
    pub int: Option<usize>,
    pub float: Option<usize>,
    pub boolean: Option<usize>,
    pub array: Option<usize>,
    pub object: Option<usize>,
    /// A member of the union coerces scalars of other kinds.
    pub lax: bool,
    pub construct: Py<PyAny>,
}

pub struct DiscriminatedUnion {
    pub discriminator: Box<str>,
    pub variants: HashMap<Box<str>, usize>,
    /// No variant matches an object without the discriminator.
    pub required: bool,
    pub construct: Py<PyAny>,
}

/// How the events of a type are built. `alone`: only those that validate without a function of the SDK; it builds the others.
#[derive(Clone, Copy)]
pub struct EventPlan {
    pub node: usize,
    pub alone: bool,
}

/// All nodes so far, and the plan of each event type. `validates`: the SDK validates events before it constructs them.
#[derive(Clone, Default)]
pub struct NodeTable {
    nodes: Vec<Arc<Node>>,
    pub events: HashMap<Box<str>, EventPlan>,
    pub validates: bool,
}

impl NodeTable {
    pub fn new(validates: bool) -> Self {
        Self { nodes: Vec::new(), events: HashMap::new(), validates }
    }

    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index).map(AsRef::as_ref)
    }

    pub fn shared(&self, index: usize) -> Option<&Arc<Node>> {
        self.nodes.get(index)
    }

    /// Adds a node from a tuple of its kind and arguments.
    pub fn push(&mut self, spec: &Bound<'_, PyAny>) -> PyResult<()> {
        let spec = spec.cast::<PyTuple>()?;
        let kind: String = spec.get_item(0)?.extract()?;
        let node = match kind.as_str() {
            "any" => Node::Any,
            "str" => Node::Str,
            "int" => Node::Int,
            "float" => Node::Float,
            "bool" => Node::Bool,
            "literal" => Node::Literal(literal(&spec.get_item(1)?)?),
            "list" => Node::List(spec.get_item(1)?.extract()?),
            "dict" => Node::Dict(spec.get_item(1)?.extract()?),
            "model" => Node::Model(Box::new(Model::new(spec)?)),
            "union" => Node::Union(union(spec)?),
            "tagged" => Node::Discriminated(discriminated_union(spec)?),
            "sdk" => Node::Sdk(SdkFunctions {
                validate: spec.get_item(1)?.unbind(),
                construct: spec.get_item(2)?.unbind(),
            }),
            _ => return Err(PyValueError::new_err(format!("unknown kind of node: {kind}"))),
        };
        self.nodes.push(Arc::new(node));
        Ok(())
    }
}

fn literal(values: &Bound<'_, PyAny>) -> PyResult<Vec<(Box<str>, Py<PyString>)>> {
    values
        .try_iter()?
        .map(|value| {
            let value = value?.cast_into::<PyString>()?;
            Ok((value.to_str()?.into(), value.unbind()))
        })
        .collect()
}

fn union(spec: &Bound<'_, PyTuple>) -> PyResult<Union> {
    let node = |position: usize| -> PyResult<Option<usize>> { spec.get_item(position)?.extract() };
    Ok(Union {
        nullable: spec.get_item(1)?.extract()?,
        string: node(2)?,
        int: node(3)?,
        float: node(4)?,
        boolean: node(5)?,
        array: node(6)?,
        object: node(7)?,
        lax: spec.get_item(8)?.extract()?,
        construct: spec.get_item(9)?.unbind(),
    })
}

impl Union {
    /// The member for a value. None if no member could match without coercion.
    pub fn member(&self, kind: Kind, text: &[u8]) -> Option<usize> {
        match kind {
            Kind::Null => None,
            Kind::String => self.string,
            Kind::Number if is_integer(text) => self.int,
            Kind::Number => self.float,
            Kind::True | Kind::False => self.boolean,
            Kind::Array => self.array,
            Kind::Object => self.object,
        }
    }
}

/// Whether a number has neither fraction nor exponent.
pub fn is_integer(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

fn discriminated_union(spec: &Bound<'_, PyTuple>) -> PyResult<DiscriminatedUnion> {
    let variants: HashMap<String, usize> = spec.get_item(2)?.extract()?;
    Ok(DiscriminatedUnion {
        discriminator: spec.get_item(1)?.extract::<String>()?.into(),
        variants: variants.into_iter().map(|(value, node)| (value.into(), node)).collect(),
        required: spec.get_item(3)?.extract()?,
        construct: spec.get_item(4)?.unbind(),
    })
}
