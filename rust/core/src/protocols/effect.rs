//! How events bear on responses.

/// The phase of a response that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The response begins.
    Begin,
    /// The response is queued or in progress: a resumed stream may begin with it.
    Progress,
    /// A part of the response.
    Update,
    /// A delta of a text.
    Delta,
    /// The response ends.
    Terminal,
    /// A delta of a text with which the response ends.
    LastDelta,
    /// The response failed, or could not begin.
    Error,
    /// The response failed, and ends, or could not begin.
    LastError,
    /// The event belongs to the stream and to no response.
    Quiet,
    /// The type is unknown.
    Unknown,
}

impl Phase {
    /// Whether the event has a delta.
    #[inline]
    pub const fn is_delta(self) -> bool {
        matches!(self, Self::Delta | Self::LastDelta)
    }

    /// Whether the response ends with the event.
    #[inline]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Terminal | Self::LastDelta | Self::LastError)
    }

    /// Whether the event is an error of the API.
    #[inline]
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Error | Self::LastError)
    }
}

/// The effect of an event on the response of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    pub phase: Phase,
    /// Whether the event begins a response if none is open in its lane.
    pub begins: bool,
    /// Whether the protocol decides if the event begins a response although one is open. Such an event is a proper first one.
    pub asks: bool,
}
