//! The events of `messages.stream()` whose deltas only continue the content of one block.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyString, PyTuple, PyType};

use super::growing_text::GrowingText;
use super::made_classes::SdkClass;
use crate::objects::cpython::dict_of;

/// What grows in a block.
enum Grown {
    /// A text, which the event has too.
    Text(GrowingText),
    /// The input of a tool: its JSON so far is in the dict of the SDK, under the index of the block.
    Input { buffers: Py<PyDict>, parse: Py<PyAny> },
}

/// A block of the SDK's message while deltas of one class continue it. The member of the block is set as the SDK sets it.
#[pyclass(module = "respstream._native")]
pub struct SdkBlockRun {
    event: Py<PyType>,
    delta: Py<PyType>,
    index: Py<PyInt>,
    content: Py<PyList>,
    block: Py<PyAny>,
    block_type: Py<PyAny>,
    member: Py<PyString>,
    grown_member: Py<PyString>,
    grown: Grown,
    made: Py<SdkClass>,
    /// The members of the event that is made, with None for those that vary.
    made_members: Py<PyDict>,
}

#[pymethods]
impl SdkBlockRun {
    /// `event`: one whose delta continued the block; `content`: the blocks; `members`: those of the delta and of the block;
    /// `made`: the class of the event that is made of a delta, and its type; `buffers`, `parse`: for the input of a tool.
    #[new]
    #[pyo3(signature = (event, content, members, made, made_type, buffers = None, parse = None))]
    fn new<'py>(
        event: &Bound<'py, PyAny>,
        content: Bound<'py, PyList>,
        members: (Bound<'py, PyString>, Bound<'py, PyString>),
        made: Py<SdkClass>,
        made_type: Py<PyString>,
        buffers: Option<Py<PyDict>>,
        parse: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let py = event.py();
        let index = event.getattr(intern!(py, "index"))?.cast_into::<PyInt>()?;
        let block = content.get_item(index.extract()?)?;
        let (member, grown_member) = members;
        let grown = match (buffers, parse) {
            (Some(buffers), Some(parse)) => Grown::Input { buffers, parse },
            _ => Grown::Text(GrowingText::new(&block.getattr(&grown_member)?.cast_into()?)),
        };
        let made_members = PyDict::new(py);
        made_members.set_item(intern!(py, "type"), made_type)?;
        made_members.set_item(&member, py.None())?;
        made_members.set_item(intern!(py, "snapshot"), py.None())?;
        Ok(Self {
            event: event.get_type().unbind(),
            delta: event.getattr(intern!(py, "delta"))?.get_type().unbind(),
            index: index.unbind(),
            content: content.unbind(),
            block_type: block.getattr(intern!(py, "type"))?.unbind(),
            block: block.unbind(),
            member: member.unbind(),
            grown_member: grown_member.unbind(),
            grown,
            made,
            made_members: made_members.unbind(),
        })
    }

    /// An event whose delta continues the block, and the event that is made of it. None for other events, if others changed the
    /// block, and if the input cannot be parsed.
    fn __call__<'py>(
        &mut self,
        event: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let made = self.made_of(event)?;
        made.map(|made| PyTuple::new(event.py(), [event, &made])).transpose()
    }
}

impl SdkBlockRun {
    /// The event that is made of one whose delta continues the block; None as `__call__`.
    pub fn made_of<'py>(
        &mut self,
        event: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = event.py();
        let Some((block, delta)) = self.addition(event)? else { return Ok(None) };
        let grown_member = self.grown_member.bind(py);
        let snapshot = match &mut self.grown {
            Grown::Text(text) => {
                let is_unchanged =
                    block.get_item(grown_member)?.is_some_and(|found| found.is(text.text()));
                if !is_unchanged {
                    return Ok(None);
                }
                text.append(delta.clone())?.into_any()
            }
            Grown::Input { buffers, parse } => {
                let (buffers, index) = (buffers.bind(py), self.index.bind(py));
                let (Some(buffer), Ok(more)) = (longer(buffers.get_item(index)?), delta.to_str())
                else {
                    return Ok(None);
                };
                let buffer = PyBytes::new(py, &[&buffer, more.as_bytes()].concat());
                let parsed = if buffer.as_bytes().is_empty() {
                    block.get_item(grown_member)?
                } else {
                    parse.bind(py).call1((&buffer,)).ok()
                };
                let Some(parsed) = parsed else { return Ok(None) };
                buffers.set_item(index, buffer)?;
                parsed
            }
        };
        block.set_item(grown_member, &snapshot)?;
        let members = self.made_members.bind(py).copy()?;
        members.set_item(&self.member, delta)?;
        members.set_item(intern!(py, "snapshot"), snapshot)?;
        self.made.get().build(&members).map(Some)
    }

    /// The members of the block, and what the delta of an event adds to it.
    fn addition<'py>(
        &self,
        event: &Bound<'py, PyAny>,
    ) -> PyResult<Option<(Bound<'py, PyDict>, Bound<'py, PyString>)>> {
        let py = event.py();
        if !event.get_type().is(&self.event) {
            return Ok(None);
        }
        let members = dict_of(event)?;
        let (Some(index), Some(delta)) =
            (members.get_item(intern!(py, "index"))?, members.get_item(intern!(py, "delta"))?)
        else {
            return Ok(None);
        };
        let own = self.index.bind(py);
        if !delta.get_type().is(&self.delta) || !(index.is(own) || index.eq(own)?) {
            return Ok(None);
        }
        let content = self.content.bind(py);
        if !content.get_item(own.extract()?).is_ok_and(|block| block.is(&self.block)) {
            return Ok(None);
        }
        let block = dict_of(self.block.bind(py))?;
        let kind = block.get_item(intern!(py, "type"))?;
        if !kind.is_some_and(|kind| kind.is(&self.block_type)) {
            return Ok(None);
        }
        let value = dict_of(&delta)?.get_item(&self.member)?;
        let value = value.and_then(|value| value.cast_into_exact::<PyString>().ok());
        Ok(value.map(|value| (block, value)))
    }
}

/// The JSON so far of an input; None if it is no bytes.
fn longer(buffer: Option<Bound<'_, PyAny>>) -> Option<Vec<u8>> {
    match buffer {
        None => Some(Vec::new()),
        Some(buffer) => Some(buffer.cast_exact::<PyBytes>().ok()?.as_bytes().to_vec()),
    }
}
