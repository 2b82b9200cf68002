//! Plans: how the value of each type is built, as Python derived it from the SDK's annotations.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use respstream_core::json::Kind;

use super::model::Model;

/// What a value may be. Numbers name other nodes.
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
    /// A union whose member the kind of the JSON value tells.
    Union(Union),
    /// A union of models that one string member tells apart.
    Tagged(Tagged),
    /// Whatever the SDK makes of it.
    Sdk(Sdk),
}

/// What the SDK does with a value: strictly, raising what is no match, and loosely.
pub struct Sdk {
    pub validate: Py<PyAny>,
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

pub struct Tagged {
    pub key: Box<str>,
    pub variants: HashMap<Box<str>, usize>,
    /// No variant matches without the tag.
    pub required: bool,
    pub construct: Py<PyAny>,
}

/// All nodes so far, and the one of each event type.
#[derive(Clone, Default)]
pub struct Table {
    nodes: Vec<Arc<Node>>,
    pub events: HashMap<Box<str>, usize>,
}

impl Table {
    pub fn node(&self, place: usize) -> Option<&Node> {
        self.nodes.get(place).map(AsRef::as_ref)
    }

    /// A node, to be kept.
    pub fn shared(&self, place: usize) -> Option<&Arc<Node>> {
        self.nodes.get(place)
    }

    /// Adds a node, given as a tuple of its kind and arguments.
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
            "tagged" => Node::Tagged(tagged(spec)?),
            "sdk" => Node::Sdk(Sdk {
                validate: spec.get_item(1)?.unbind(),
                construct: spec.get_item(2)?.unbind(),
            }),
            _ => return Err(PyValueError::new_err(format!("no kind of node: {kind}"))),
        };
        self.nodes.push(Arc::new(node));
        Ok(())
    }
}

fn literal(words: &Bound<'_, PyAny>) -> PyResult<Vec<(Box<str>, Py<PyString>)>> {
    words
        .try_iter()?
        .map(|word| {
            let word = word?.cast_into::<PyString>()?;
            Ok((word.to_str()?.into(), word.unbind()))
        })
        .collect()
}

fn union(spec: &Bound<'_, PyTuple>) -> PyResult<Union> {
    let place = |at: usize| -> PyResult<Option<usize>> { spec.get_item(at)?.extract() };
    Ok(Union {
        nullable: spec.get_item(1)?.extract()?,
        string: place(2)?,
        int: place(3)?,
        float: place(4)?,
        boolean: place(5)?,
        array: place(6)?,
        object: place(7)?,
        lax: spec.get_item(8)?.extract()?,
        construct: spec.get_item(9)?.unbind(),
    })
}

impl Union {
    /// The member for a value; none if there is none that could match without coercion.
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

/// A number without fraction and exponent.
pub fn is_integer(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

fn tagged(spec: &Bound<'_, PyTuple>) -> PyResult<Tagged> {
    let variants: HashMap<String, usize> = spec.get_item(2)?.extract()?;
    Ok(Tagged {
        key: spec.get_item(1)?.extract::<String>()?.into(),
        variants: variants.into_iter().map(|(tag, node)| (tag.into(), node)).collect(),
        required: spec.get_item(3)?.extract()?,
        construct: spec.get_item(4)?.unbind(),
    })
}
