//! The names of the supported APIs.

/// An API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Responses,
    Chat,
}

impl Api {
    /// All APIs. The first one is that of payloads of which nothing tells the API.
    pub const ALL: [Self; 2] = [Self::Responses, Self::Chat];

    /// The name of the API in options and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Chat => "chat",
        }
    }

    /// The API of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.name() == name)
    }
}
