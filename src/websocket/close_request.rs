//! [`CloseRequest`]: an operator's wish that a WebSocket ends.

use std::sync::OnceLock;

/// An operator's wish that a WebSocket ends, and the text that the client is to read. It is made once: a later one changes nothing.
#[derive(Debug, Default)]
pub(super) struct CloseRequest(OnceLock<Box<str>>);

impl CloseRequest {
    /// Asks for the end.
    pub(super) fn ask(&self, reason: Box<str>) {
        // An earlier request has set its reason.
        let _ = self.0.set(reason);
    }

    /// The text for the client, if an end was asked for.
    pub(super) fn reason(&self) -> Option<&str> {
        self.0.get().map(|reason| &**reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_counts() {
        let request = CloseRequest::default();
        assert_eq!(request.reason(), None);
        request.ask("maintenance".into());
        request.ask("something else".into());
        assert_eq!(request.reason(), Some("maintenance"));
    }
}
