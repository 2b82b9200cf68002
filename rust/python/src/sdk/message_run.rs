//! The chunks of `chat.completions.stream()` that only continue one text of a message.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PySet, PyString, PyTuple, PyType};

use super::copies::{DictPart, Part};
use super::growing_text::GrowingText;
use super::made_classes::{SdkClass, SdkClasses};
use super::model::ModelClass;
use crate::objects::cpython::dict_of;

/// What the holes of events get, by their numbers. Those of messages get the first two.
const SOURCES: [&str; 5] = ["text", "parsed", "delta", "chunk", "snapshot"];
const TEXT: usize = 0;
const PARSED: usize = 1;

/// How a text of messages grows, and the events of the chunks that continue it.
#[pyclass(frozen, module = "respstream._native")]
pub struct SdkGrowth {
    /// The member of a delta that continues the text; None for the arguments of a call.
    member: Option<Py<PyString>>,
    text: Vec<Py<PyAny>>,
    parsed: Vec<Py<PyAny>>,
    parse: Option<Py<PyAny>>,
    events: Vec<(Py<SdkClass>, DictPart)>,
}

/// The class of an event, its members, and what some of them get.
type EventSpec<'py> = (Py<SdkClass>, Bound<'py, PyDict>, Vec<(Bound<'py, PyString>, String)>);

#[pymethods]
impl SdkGrowth {
    /// `member`: of a delta, or None for the arguments of a call; `text`: the path of the text inside of a message; `parsed`: the
    /// path of what `parse` makes of the bytes of the text, or no path; `events`: of each event its class, its members, and the
    /// names of those that get the "text", "parsed", "delta", "chunk" or "snapshot".
    #[new]
    fn new(
        member: Option<Bound<'_, PyString>>,
        text: Vec<Py<PyAny>>,
        parsed: Vec<Py<PyAny>>,
        parse: Option<Py<PyAny>>,
        events: Vec<EventSpec<'_>>,
    ) -> PyResult<Self> {
        let mut made = Vec::with_capacity(events.len());
        for (class, members, holes) in events {
            let mut inner = Vec::with_capacity(holes.len());
            for (name, source) in holes {
                let number = SOURCES.iter().position(|known| *known == source);
                let number = number.ok_or_else(|| PyValueError::new_err("an unknown source"))?;
                inner.push((name.unbind(), Part::Hole(number)));
            }
            made.push((class, DictPart::new(&members, inner)?));
        }
        let member = member.map(Bound::unbind);
        Ok(Self { member, text, parsed, parse, events: made })
    }
}

/// What the delta of a chunk must be like.
enum DeltaShape {
    Member { name: Py<PyString>, is_extra: bool },
    Arguments { call: usize, piece: ModelClass, function: ModelClass },
}

/// One text while it grows: the message of a chunk is a copy of the one before, with the longer text.
#[pyclass(module = "respstream._native")]
pub struct SdkMessageRun {
    growth: Py<SdkGrowth>,
    chunk: Py<PyType>,
    choice: Py<PyType>,
    delta: ModelClass,
    shape: DeltaShape,
    index: usize,
    /// The completion, and its choice.
    snapshot: Py<PyAny>,
    grown_choice: Py<PyAny>,
    /// The latest message, and what copies it.
    message: Py<PyAny>,
    part: Part,
    /// The `__pydantic_fields_set__` of all messages after the first one.
    fields_set: Option<Py<PySet>>,
    text: GrowingText,
    parsed: Py<PyAny>,
    is_blank: bool,
}

#[pymethods]
impl SdkMessageRun {
    /// `snapshot`: the completion so far; `chunk`: one that continues it; `fields_set`: of messages after that, if not the same.
    /// Raises `ValueError` for objects that are not copied.
    #[new]
    #[pyo3(signature = (classes, growth, snapshot, chunk, fields_set = None))]
    fn new<'py>(
        classes: &SdkClasses,
        growth: Bound<'py, SdkGrowth>,
        snapshot: Bound<'py, PyAny>,
        chunk: &Bound<'py, PyAny>,
        fields_set: Option<Bound<'py, PySet>>,
    ) -> PyResult<Self> {
        let py = chunk.py();
        let spec = growth.get();
        let choice = chunk.getattr(intern!(py, "choices"))?.get_item(0)?;
        let delta = choice.getattr(intern!(py, "delta"))?;
        let index: usize = choice.getattr(intern!(py, "index"))?.extract()?;
        let grown_choice = snapshot.getattr(intern!(py, "choices"))?.get_item(index)?;
        let message = grown_choice.getattr(intern!(py, "message"))?;
        let bound = |path: &[Py<PyAny>]| path.iter().map(|step| step.bind(py).clone()).collect();
        let (text_path, parsed_path): (Vec<_>, Vec<_>) = (bound(&spec.text), bound(&spec.parsed));
        let mut holes = vec![(TEXT, &text_path[..])];
        if !parsed_path.is_empty() {
            holes.push((PARSED, &parsed_path[..]));
        }
        let part = classes.part(&message, &holes)?;
        let part = part.ok_or_else(|| PyValueError::new_err("the message is not copied"))?;
        let text = at(&message, &text_path)?.cast_into::<PyString>()?;
        let parsed =
            if parsed_path.is_empty() { py.None() } else { at(&message, &parsed_path)?.unbind() };
        Ok(Self {
            chunk: chunk.get_type().unbind(),
            choice: choice.get_type().unbind(),
            shape: DeltaShape::of(spec, &delta)?,
            delta: ModelClass::new(&delta.get_type())?,
            index,
            snapshot: snapshot.unbind(),
            grown_choice: grown_choice.unbind(),
            message: message.unbind(),
            part,
            fields_set: fields_set.map(Bound::unbind),
            text: GrowingText::new(&text),
            parsed,
            is_blank: true,
            growth: growth.unbind(),
        })
    }

    /// The message with the text of a chunk, which the state does not get; None if the chunk does not only continue the text.
    fn preview<'py>(&self, chunk: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = chunk.py();
        let Some((_, delta)) = self.addition(chunk)? else { return Ok(None) };
        let text = self.text.text().bind(py).add(delta)?.cast_into::<PyString>()?;
        let Ok(parsed) = self.parsed(&text) else { return Ok(None) };
        self.part.copy(py, &[text.into_any(), parsed]).map(Some)
    }

    /// The events of a chunk, after it was added to the completion. None if it does not only continue the text, or if the
    /// completion was changed by others.
    fn __call__<'py>(
        &mut self,
        chunk: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let py = chunk.py();
        let Some((members, delta)) = self.addition(chunk)? else { return Ok(None) };
        let choice = dict_of(self.grown_choice.bind(py))?;
        let snapshot = dict_of(self.snapshot.bind(py))?;
        if !self.is_unchanged(&snapshot, &choice)? {
            return Ok(None);
        }
        let usage = intern!(py, "usage");
        let fingerprint = intern!(py, "system_fingerprint");
        let (Some(used), Some(printed)) =
            (members.get_item(usage)?, members.get_item(fingerprint)?)
        else {
            return Ok(None);
        };
        let text = self.text.append(delta.clone())?;
        let Ok(parsed) = self.parsed(&text) else { return Ok(None) };
        if let (Part::Model(model), Some(set)) = (&mut self.part, self.fields_set.take()) {
            model.fields_set = set;
        }
        let message = self.part.copy(py, &[text.clone().into_any(), parsed.clone()])?;
        choice.set_item(intern!(py, "message"), &message)?;
        snapshot.set_item(usage, used)?;
        snapshot.set_item(fingerprint, printed)?;
        self.message = message.unbind();
        self.is_blank = self.is_blank && is_blank(&text)?;
        self.parsed = parsed.clone().unbind();
        let completion = self.snapshot.bind(py).clone();
        let sources = [text.into_any(), parsed, delta.into_any(), chunk.clone(), completion];
        let events = self.growth.get().events.iter();
        let events: PyResult<Vec<_>> = events
            .map(|(class, members)| class.get().build(&members.copy(py, &sources)?))
            .collect();
        PyTuple::new(py, events?).map(Some)
    }
}

impl SdkMessageRun {
    /// The members of a chunk that only continues the text, and its delta.
    fn addition<'py>(
        &self,
        chunk: &Bound<'py, PyAny>,
    ) -> PyResult<Option<(Bound<'py, PyDict>, Bound<'py, PyString>)>> {
        let py = chunk.py();
        if !chunk.get_type().is(&self.chunk) {
            return Ok(None);
        }
        let members = dict_of(chunk)?;
        let is_none = |dict: &Bound<'py, PyDict>, name| {
            Ok::<_, PyErr>(dict.get_item(name)?.is_none_or(|value| value.is_none()))
        };
        let Some(choice) = only(members.get_item(intern!(py, "choices"))?)
            .filter(|choice| choice.get_type().is(&self.choice))
        else {
            return Ok(None);
        };
        let own = dict_of(&choice)?;
        if !is_none(&members, intern!(py, "moderation"))?
            || !is_none(&own, intern!(py, "finish_reason"))?
            || !is_none(&own, intern!(py, "logprobs"))?
            || !is_index(own.get_item(intern!(py, "index"))?, self.index)
        {
            return Ok(None);
        }
        let Some(delta) = own.get_item(intern!(py, "delta"))? else { return Ok(None) };
        let delta = match &self.shape {
            DeltaShape::Member { name, is_extra: false } => {
                only_set(&self.delta, &delta, name.bind(py))?
            }
            DeltaShape::Member { name, is_extra: true } => {
                only_extra(&self.delta, &delta, name.bind(py))?
            }
            DeltaShape::Arguments { call, piece, function } => {
                let calls = only_set(&self.delta, &delta, intern!(py, "tool_calls"))?;
                let Some(found) = only(calls) else { return Ok(None) };
                arguments(piece, function, *call, &found)?
            }
        };
        let delta = delta.and_then(|delta| delta.cast_into_exact::<PyString>().ok());
        Ok(delta.map(|delta| (members, delta)))
    }

    /// Whether nobody else changed the message, or the choice in the completion.
    fn is_unchanged(
        &self,
        snapshot: &Bound<'_, PyDict>,
        choice: &Bound<'_, PyDict>,
    ) -> PyResult<bool> {
        let py = snapshot.py();
        let choices = snapshot.get_item(intern!(py, "choices"))?;
        let choices = choices.and_then(|choices| choices.cast_into_exact::<PyList>().ok());
        let in_place = choices.is_some_and(|choices| {
            choices.get_item(self.index).is_ok_and(|found| found.is(&self.grown_choice))
        });
        let message = choice.get_item(intern!(py, "message"))?;
        let finish = choice.get_item(intern!(py, "finish_reason"))?;
        let is_same = message.is_some_and(|message| {
            let holes =
                [self.text.text().bind(py).clone().into_any(), self.parsed.bind(py).clone()];
            message.is(&self.message) && self.part.is_unchanged(&message, &holes)
        });
        Ok(in_place && is_same && finish.is_none_or(|finish| finish.is_none()))
    }

    /// What is parsed of a text. The SDK does not parse an empty one, and no blank content.
    fn parsed<'py>(&self, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let py = text.py();
        let is_parsed = match self.shape {
            DeltaShape::Member { .. } => !self.is_blank || !is_blank(text)?,
            DeltaShape::Arguments { .. } => !text.is_empty()?,
        };
        match &self.growth.get().parse {
            Some(parse) if is_parsed => {
                parse.bind(py).call1((PyBytes::new(py, text.to_str()?.as_bytes()),))
            }
            _ => Ok(self.parsed.bind(py).clone()),
        }
    }
}

impl DeltaShape {
    fn of(growth: &SdkGrowth, delta: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = delta.py();
        if let Some(name) = &growth.member {
            let set = delta.getattr("__pydantic_fields_set__")?;
            return Ok(Self::Member { name: name.clone_ref(py), is_extra: !set.contains(name)? });
        }
        let piece = delta.getattr(intern!(py, "tool_calls"))?.get_item(0)?;
        let call = piece.getattr(intern!(py, "index"))?.extract()?;
        let function = ModelClass::new(&piece.getattr(intern!(py, "function"))?.get_type())?;
        Ok(Self::Arguments { call, piece: ModelClass::new(&piece.get_type())?, function })
    }
}

/// The value at the end of a path.
fn at<'py>(object: &Bound<'py, PyAny>, path: &[Bound<'py, PyAny>]) -> PyResult<Bound<'py, PyAny>> {
    let mut found = object.clone();
    for step in path {
        found = match step.cast::<PyString>() {
            Ok(name) => found.getattr(name)?,
            Err(_) => found.get_item(step)?,
        };
    }
    Ok(found)
}

fn is_blank(text: &Bound<'_, PyString>) -> PyResult<bool> {
    let py = text.py();
    Ok(text.is_empty()? || text.call_method0(intern!(py, "isspace"))?.is_truthy()?)
}

/// The only element of a list.
fn only(list: Option<Bound<'_, PyAny>>) -> Option<Bound<'_, PyAny>> {
    let list = list?.cast_into_exact::<PyList>().ok()?;
    if list.len() == 1 { list.get_item(0).ok() } else { None }
}

fn is_index(value: Option<Bound<'_, PyAny>>, index: usize) -> bool {
    value.is_some_and(|value| {
        value.is_exact_instance_of::<PyInt>()
            && value.extract::<usize>().is_ok_and(|found| found == index)
    })
}

/// The value of a member of a model, if that is all that was set.
fn only_set<'py>(
    class: &ModelClass,
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some((set, extra)) = class.state(object) else { return Ok(None) };
    let is_only =
        set.len() == 1 && set.contains(name)? && extra.is_none_or(|extra| extra.is_empty());
    if is_only { dict_of(object)?.get_item(name) } else { Ok(None) }
}

/// The value of an extra member of a model, if that is all that was set.
fn only_extra<'py>(
    class: &ModelClass,
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some((set, Some(extra))) = class.state(object) else { return Ok(None) };
    if set.is_empty() && extra.len() == 1 { extra.get_item(name) } else { Ok(None) }
}

/// The arguments in a piece that has nothing else for a call.
fn arguments<'py>(
    piece_class: &ModelClass,
    function_class: &ModelClass,
    call: usize,
    piece: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = piece.py();
    let Some((set, extra)) = piece_class.state(piece) else { return Ok(None) };
    let has = |set: &Bound<'py, PySet>, name| set.contains(name);
    let (index, function) = (intern!(py, "index"), intern!(py, "function"));
    let members = dict_of(piece)?;
    if set.len() != 2
        || !has(&set, index)?
        || !has(&set, function)?
        || extra.is_some_and(|extra| !extra.is_empty())
        || !is_index(members.get_item(index)?, call)
    {
        return Ok(None);
    }
    let Some(function) = members.get_item(function)? else { return Ok(None) };
    only_set(function_class, &function, intern!(py, "arguments"))
}
