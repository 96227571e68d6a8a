//! [`CloseRequest`]: a wish from outside that a WebSocket ends.

use std::sync::OnceLock;

/// A wish from outside that a WebSocket ends. It is made once: a later one changes nothing.
#[derive(Debug, Default)]
pub(super) struct CloseRequest(OnceLock<RequestedClose>);

/// Why a WebSocket is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestedClose {
    /// An operator says so; the text is for the client.
    ByOperator(Box<str>),
    /// The login that opened it has ended.
    SessionEnded,
    /// An operator takes its gateway out.
    EndpointDraining,
}

impl CloseRequest {
    /// Asks for the end.
    pub(super) fn ask(&self, why: RequestedClose) {
        // An earlier request has said why.
        let _ = self.0.set(why);
    }

    /// Why it is to end, if that was asked for.
    pub(super) fn asked(&self) -> Option<&RequestedClose> {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_counts() {
        let request = CloseRequest::default();
        assert_eq!(request.asked(), None);
        request.ask(RequestedClose::ByOperator("maintenance".into()));
        request.ask(RequestedClose::SessionEnded);
        assert_eq!(request.asked(), Some(&RequestedClose::ByOperator("maintenance".into())));
    }
}
