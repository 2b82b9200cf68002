//! Runs of events that repeat one another, on their way to rows: what differs is gathered, what repeats is written at once.

use respstream_core::json;
use respstream_core::predict::Known;
use respstream_core::rows::micros;
use respstream_core::runs::Piece;

use crate::batches::Tables;
use crate::columns::{Cell, Series};
use crate::schema::{Selection, Table};

/// The pieces of a run.
#[derive(Default)]
pub struct Pieces {
    starts: Vec<i64>,
    ends: Vec<i64>,
    sequences: Vec<i64>,
    /// Their texts, one behind the other, and where each ends.
    deltas: Texts,
    payloads: Texts,
    /// Somebody wants the payloads.
    whole: bool,
}

#[derive(Default)]
struct Texts {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    #[inline]
    fn end(&mut self) {
        self.ends.push(self.text.len());
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn series(&self) -> Series<'_> {
        Series::Texts(&self.text, &self.ends)
    }
}

/// What the events of a run have in common.
#[derive(Clone, Copy)]
pub struct Common<'a> {
    pub source: &'a str,
    pub known: &'a Known,
    pub lane: Option<&'a str>,
    pub time: Option<f64>,
    pub response_id: Option<&'a str>,
    /// The number of the response, and that of the first event of the run in it.
    pub number: Option<u64>,
    pub index: u64,
}

impl Pieces {
    /// For these tables.
    pub fn new(tables: &Tables) -> Self {
        let payload = |one: &Selection| one.table == Table::Events && one.has("payload");
        Self { whole: tables.selections().any(payload), ..Self::default() }
    }

    /// Whether events that repeat this one can be told by their pieces.
    pub fn are_of(known: &Known) -> bool {
        known.is_for_pieces() && known.entry.value == "delta"
    }

    #[inline]
    pub fn add(&mut self, piece: &Piece<'_>) {
        self.starts.push(piece.offset.cast_signed());
        self.ends.push(piece.end.cast_signed());
        self.sequences.push(piece.sequence);
        if piece.escaped {
            json::decode_wtf8(piece.text, &mut self.deltas.text);
        } else {
            self.deltas.text.extend_from_slice(piece.body());
        }
        self.deltas.end();
        if self.whole {
            self.payloads.text.extend_from_slice(piece.raw);
            self.payloads.end();
        }
    }

    pub fn events(&self) -> usize {
        self.starts.len()
    }

    /// Where the last event begins.
    pub fn last(&self) -> Option<u64> {
        self.starts.last().map(|start| start.cast_unsigned())
    }

    pub fn clear(&mut self) {
        self.starts.clear();
        self.ends.clear();
        self.sequences.clear();
        self.deltas.clear();
        self.payloads.clear();
    }

    /// Makes the rows of the run.
    pub fn write(&self, common: &Common<'_>, tables: &mut Tables) {
        let item_id = common.known.item_id();
        let indexes = common.known.indexes.values.map(|index| index.map(i64::from));
        for columns in tables.of(Table::Events) {
            columns.push_rows(self.events(), |place| match place {
                0 => Series::Same(Cell::Text(common.source)),
                1 => Series::Same(common.number.into()),
                2 => Series::Count(common.index),
                3 => Series::Ints(&self.starts),
                4 => Series::Ints(&self.ends),
                5 => Series::Same(common.response_id.into()),
                6 => Series::Same(Cell::Text(common.known.entry.ty)),
                7 => Series::Ints(&self.sequences),
                8 => Series::Same(item_id.as_deref().into()),
                9..=11 => Series::Same(indexes[place - 9].into()),
                12 => self.deltas.series(),
                13 => Series::Same(common.time.and_then(micros).into()),
                14 => Series::Same(common.lane.into()),
                _ => self.payloads.series(),
            });
        }
    }
}
