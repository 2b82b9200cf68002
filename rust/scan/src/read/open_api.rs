//! The API of the open response, for events that may be of several APIs.

use respstream_core::protocols::{Api, Effect, ParsedEvent, Phase};

/// Follows which API the open response of the lane without a name has, as `Lanes` does, without folding any.
#[derive(Default)]
pub struct OpenApi {
    /// That of the open response for events that name none, and whether it has ended.
    current: Option<(Api, bool)>,
    /// That of the latest response that events name.
    named: Option<Api>,
}

impl OpenApi {
    pub fn get(&self) -> Option<Api> {
        match (self.current, self.named) {
            (Some((api, false)), _) | (_, Some(api)) | (Some((api, true)), None) => Some(api),
            (None, None) => None,
        }
    }

    /// Takes an event without a lane.
    pub fn event(&mut self, event: &ParsedEvent<'_>, effect: Effect) {
        let Effect { phase, begins, .. } = effect;
        if event.response.is_some() {
            if begins {
                self.named = Some(event.api);
                self.current = self.current.filter(|(_, ended)| !ended);
            }
            return;
        }
        let ended = self.current.filter(|(api, _)| *api == event.api).map(|(_, ended)| ended);
        let starts = match ended {
            None => begins || phase.is_error(),
            Some(ended) => phase == Phase::Begin || (ended && begins && phase != Phase::Terminal),
        };
        if starts || ended.is_some() {
            let ended = ended.filter(|_| !starts).unwrap_or_default();
            self.current = Some((event.api, ended || phase.is_terminal()));
        }
    }

    /// Takes a response that was not streamed.
    pub const fn non_streamed(&mut self, api: Api) {
        self.current = Some((api, true));
    }

    /// Takes the end mark of the source.
    pub fn end(&mut self) {
        if let Some((_, ended)) = &mut self.current {
            *ended = true;
        }
    }
}
