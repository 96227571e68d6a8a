//! [`Exchange`]: a request on its way through the layers, with what they found out about it.

use std::sync::Arc;

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, header};

use super::arrival::Arrival;
use super::forwarded::Forwarding;
use super::permits::RequestPermit;
use super::request_id::RequestId;
use super::tunnel::Handover;
use crate::config::HeaderRules;
use crate::upstream::RequestBody;

/// A request on its way through the layers, which are shown it in turn.
#[derive(Debug)]
pub struct Exchange {
    /// Its name.
    pub id: RequestId,
    /// How it reached us.
    pub arrival: Arc<Arrival>,
    /// Its head as it came.
    pub head: Parts,
    /// Its body.
    pub body: RequestBody,
    /// The request line had a `#`; `head` lacks it and what follows.
    pub has_fragment: bool,
    /// What is sent on as `Host`, byte for byte as it came. Set by [`super::target`].
    pub host: HeaderValue,
    /// What is sent on as the target, byte for byte as it came. Set by [`super::target`].
    pub target: PathAndQuery,
    /// What the gateway is told about the client. Set by [`super::attribution`].
    pub forwarding: Forwarding,
    /// It is under way. Set by [`super::stack::Edge`], before anything waits.
    pub permit: Option<RequestPermit>,
    /// Where an upgrade leaves its tunnel; `None` where the connection cannot be handed over.
    pub handover: Option<Arc<Handover>>,
    /// What its route changes in its header fields. Set by [`super::stack::RouteStack`].
    pub rules: Option<Arc<HeaderRules>>,
    /// A name and password that it brings are meant for us. Set by [`super::router`].
    pub basic_is_ours: bool,
    /// Who it is, and the field that tells the gateway so. Set by [`super::guard`].
    pub user: Option<(HeaderName, HeaderValue)>,
}

impl Exchange {
    /// What kind of answer the client likes.
    pub fn accept(&self) -> Option<&HeaderValue> {
        self.head.headers.get(header::ACCEPT)
    }
}
