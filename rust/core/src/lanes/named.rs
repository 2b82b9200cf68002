//! The responses of a lane that are told apart by their ids, and values by lane.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use crate::protocols::Response;
use crate::work::work;

/// A value for each lane.
pub struct LaneMap<T> {
    /// That of the lane without a name.
    pub unnamed: Option<T>,
    pub named: HashMap<Box<str>, T>,
}

impl<T> Default for LaneMap<T> {
    fn default() -> Self {
        Self { unnamed: None, named: HashMap::new() }
    }
}

impl<T> LaneMap<T> {
    #[inline]
    pub fn get(&self, lane: Option<&str>) -> Option<&T> {
        match lane {
            None => self.unnamed.as_ref(),
            Some(lane) => self.named.get(lane),
        }
    }

    #[inline]
    pub fn get_mut(&mut self, lane: Option<&str>) -> Option<&mut T> {
        match lane {
            None => self.unnamed.as_mut(),
            Some(lane) => self.named.get_mut(lane),
        }
    }

    pub fn entry(&mut self, lane: Option<&str>, make: impl FnOnce() -> T) -> &mut T {
        match lane {
            None => self.unnamed.get_or_insert_with(make),
            Some(lane) => self.named.entry(lane.into()).or_insert_with(make),
        }
    }

    pub fn remove(&mut self, lane: Option<&str>) -> Option<T> {
        match lane {
            None => self.unnamed.take(),
            Some(lane) => self.named.remove(lane),
        }
    }
}

/// Ordinals in the order in which they were added.
#[derive(Default)]
pub struct Queue {
    order: BTreeMap<u64, u64>,
    places: HashMap<u64, u64>,
    added: u64,
}

impl Queue {
    fn add(&mut self, ordinal: u64) {
        if let Entry::Vacant(place) = self.places.entry(ordinal) {
            place.insert(self.added);
            self.order.insert(self.added, ordinal);
            self.added += 1;
        }
    }

    pub fn remove(&mut self, ordinal: u64) {
        if let Some(place) = self.places.remove(&ordinal) {
            self.order.remove(&place);
        }
    }

    pub fn first(&self) -> Option<u64> {
        self.order.first_key_value().map(|(_, ordinal)| *ordinal)
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }
}

/// A response with the id by which events name it.
pub struct NamedResponse<R> {
    pub name: Option<Box<str>>,
    pub response: R,
}

/// The open responses of a lane that are told apart by their ids.
pub struct Named<R> {
    pub by_id: HashMap<Box<str>, u64>,
    pub open: BTreeMap<u64, NamedResponse<R>>,
    /// Those whose end was seen.
    pub finished: Queue,
    /// Those whose end was seen and of which nothing more is expected.
    pub settled: Queue,
    pub latest: Option<u64>,
}

impl<R: Response> Named<R> {
    pub fn new() -> Self {
        let (by_id, open) = (HashMap::new(), BTreeMap::new());
        Self { by_id, open, finished: Queue::default(), settled: Queue::default(), latest: None }
    }

    /// Adds a response. `name`: its id, "" if it is not known yet.
    pub fn insert(&mut self, ordinal: u64, name: &str, response: R) {
        let name: Option<Box<str>> = Some(name).filter(|name| !name.is_empty()).map(Into::into);
        if let Some(name) = &name {
            self.by_id.insert(name.clone(), ordinal);
        }
        self.open.insert(ordinal, NamedResponse { name, response });
    }

    /// The response with that id; without an id, the latest one.
    pub fn get(&self, name: &str) -> Option<u64> {
        if name.is_empty() { self.latest } else { self.by_id.get(name).copied() }
    }

    /// As [`Self::get`]; a latest response without an id takes the first new one.
    pub fn find(&mut self, name: &str) -> Option<u64> {
        if let Some(found) = self.get(name) {
            return Some(found);
        }
        let (latest, open) =
            self.latest.and_then(|latest| Some((latest, self.open.get_mut(&latest)?)))?;
        if open.name.is_some() || open.response.tracking().ended {
            return None;
        }
        open.name = Some(name.into());
        self.by_id.insert(name.into(), latest);
        Some(latest)
    }

    pub fn latest(&self) -> Option<&R> {
        self.open.get(&self.latest?).map(|open| &open.response)
    }

    /// Takes the state of a response after an event.
    pub fn update(&mut self, ordinal: u64) {
        self.latest = Some(ordinal);
        let Some(open) = self.open.get(&ordinal) else { return };
        if !open.response.finished() {
            self.finished.remove(ordinal);
        } else if open.response.settled() {
            self.set_settled(ordinal);
        } else {
            self.finished.add(ordinal);
        }
    }

    fn set_settled(&mut self, ordinal: u64) {
        self.finished.remove(ordinal);
        self.settled.add(ordinal);
    }

    pub fn remove(&mut self, ordinal: u64) -> Option<R> {
        let NamedResponse { name, response } = self.open.remove(&ordinal)?;
        self.finished.remove(ordinal);
        self.settled.remove(ordinal);
        if let Some(name) = name
            && self.by_id.get(&name) == Some(&ordinal)
        {
            self.by_id.remove(&name);
        }
        self.latest = self.latest.filter(|latest| *latest != ordinal);
        Some(response)
    }

    /// Handles the end mark: it is that of the finished responses, or of the only one.
    pub fn end(&mut self) {
        let finished: Vec<u64> = self.finished.order.values().copied().collect();
        let only = self.open.len() == self.settled.len() + finished.len() + 1;
        for ordinal in finished.into_iter().chain(self.latest.filter(|_| only)) {
            work(1);
            if let Some(open) = self.open.get_mut(&ordinal) {
                open.response.end();
            }
            self.set_settled(ordinal);
        }
    }
}
