//! [`RequestExchange`]: a request on its way to its answer, with what each step found out about it.

use std::sync::Arc;

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, header};

use super::connection_info::ConnectionInfo;
use super::forwarded::Forwarding;
use super::permits::RequestPermit;
use super::request_id::RequestId;
use crate::config::HeaderRules;
use crate::http::proxy::tunnel::UpgradeSlot;
use crate::observe::access::AccessLine;
use crate::upstream::RequestBody;

/// A request on its way to its answer. Each step of the edge and of the route is shown it in turn.
#[derive(Debug)]
pub struct RequestExchange {
    /// Its name.
    pub id: RequestId,
    /// How it reached us.
    pub connection_info: Arc<ConnectionInfo>,
    /// Its head as it came; of its fields few are left once it has been sent on ([`RequestExchange::give_back_head`]).
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
    pub handover: Option<Arc<UpgradeSlot>>,
    /// What its route changes in its header fields. Set by [`RouteStack`](crate::http::route::stack::RouteStack).
    pub rules: Option<Arc<HeaderRules>>,
    /// A name and password that it brings are meant for us. Set by [`crate::http::route::router`].
    pub basic_is_ours: bool,
    /// Who it is, and the field that tells the gateway so. Set by [`crate::http::route::guard`].
    pub user: Option<(HeaderName, HeaderValue)>,
}

impl RequestExchange {
    /// Lets go of the fields of a large head that was sent on: it would wait with them for its answer. What an answer of our own is
    /// chosen by stays, in memory of its own, since a value keeps all of the buffer that it was read into.
    pub fn give_back_head(&mut self, access: &mut AccessLine) {
        let fields = &self.head.headers;
        let bytes = fields.values().map(HeaderValue::len).sum::<usize>() + self.target.as_str().len();
        if fields.len() <= FEW_FIELDS && bytes <= SMALL_HEAD {
            return;
        }
        let kept = KEPT.into_iter().filter_map(|name| Some((name.clone(), detached(fields.get(name)?))));
        self.head.headers = kept.collect();
        self.head.uri = http::Uri::default();
        self.forwarding.fields = Vec::new();
        self.target = PathAndQuery::from_static("/");
        self.host = detached(&self.host);
        access.detach();
    }

    /// What kind of answer the client likes.
    pub fn accept(&self) -> Option<&HeaderValue> {
        self.head.headers.get(header::ACCEPT)
    }
}

/// A copy with memory of its own.
pub(in crate::http) fn detached(value: &HeaderValue) -> HeaderValue {
    let mut copy = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    copy.set_sensitive(value.is_sensitive());
    copy
}

/// What is looked at behind the gateway's answer, or instead of it.
const KEPT: [HeaderName; 6] = [
    header::ACCEPT,
    header::EXPECT,
    header::ORIGIN,
    header::RANGE,
    HeaderName::from_static("sec-fetch-mode"),
    header::TE,
];
/// A head of no more fields and bytes than these may wait as it is.
const FEW_FIELDS: usize = 48;
const SMALL_HEAD: usize = 4 * 1024;
