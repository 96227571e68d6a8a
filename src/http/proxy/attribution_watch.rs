//! [`AttributionWatch`]: notices the gateway's 403 that means "I was not told about this proxy" (rule 6).

use std::net::IpAddr;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use tokio::time::Instant;

use crate::observe::gateway_hint::{AttributionScan, GatewayHint};

/// Watches a 403 pass by, and tells the operator what to change if it is about frontgate (rule 6).
#[derive(Debug)]
pub(crate) struct AttributionWatch {
    scan: AttributionScan,
    hint: Arc<GatewayHint>,
    local: Option<IpAddr>,
    origin: Option<HeaderValue>,
    found: bool,
}

impl AttributionWatch {
    /// A watch over `response`, if it can be such a 403. `local` is frontgate's address towards the gateway, `origin`
    /// the page's.
    pub(crate) fn over<B>(
        response: &Response<B>,
        hint: &Arc<GatewayHint>,
        local: Option<IpAddr>,
        origin: Option<HeaderValue>,
    ) -> Option<Self> {
        is_json_403(response).then(|| Self {
            scan: AttributionScan::default(),
            hint: Arc::clone(hint),
            local,
            origin,
            found: false,
        })
    }

    /// Whether the body has turned out to be that word.
    pub(crate) fn has_found(&self) -> bool {
        self.found
    }

    /// Whether nothing more of the body is looked at.
    pub(crate) fn is_over(&self) -> bool {
        self.found || self.scan.is_over()
    }

    /// Looks at the next bytes of the body.
    pub(crate) fn feed(&mut self, data: &[u8]) {
        if self.scan.feed(data) {
            self.found = true;
            let origin = self.origin.as_ref().map(HeaderValue::as_bytes);
            if let Some(advice) = self.hint.attribution(Instant::now(), self.local, origin) {
                advice.warn();
            }
        }
    }
}

fn is_json_403<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::FORBIDDEN
        && response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}
