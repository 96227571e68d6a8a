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
use crate::http::auth::live_logins::OpeningLogin;
use crate::http::proxy::tunnel::UpgradeSlot;
use crate::observe::access::AccessLine;
use crate::upstream::RequestBody;

/// A request on its way to its answer. Each step of the edge and of the route is shown it in turn.
#[derive(Debug)]
pub(crate) struct RequestExchange {
    /// The request's id.
    pub(crate) id: RequestId,
    /// The facts of its connection.
    pub(crate) connection_info: Arc<ConnectionInfo>,
    /// The head as it came; few of its fields are left once it has been sent on ([`RequestExchange::give_back_head`]).
    pub(crate) head: Parts,
    /// The body, as it arrives.
    pub(crate) body: RequestBody,
    /// Whether the request line had a `#`; `head` lacks it and what follows.
    pub(crate) has_fragment: bool,
    /// The `Host` that is sent on, byte for byte as it came. Set by [`super::target`].
    pub(crate) host: HeaderValue,
    /// The target that is sent on, byte for byte as it came. Set by [`super::target`].
    pub(crate) target: PathAndQuery,
    /// What the gateway is told about the client. Set by [`super::attribution`].
    pub(crate) forwarding: Forwarding,
    /// The request's permit to be under way. Set by [`super::stack::Edge`], before anything waits.
    pub(crate) permit: Option<RequestPermit>,
    /// Where an upgrade leaves its tunnel; `None` where the connection cannot be handed over.
    pub(crate) upgrade_slot: Option<Arc<UpgradeSlot>>,
    /// What its route changes in its header fields. Set by [`RouteStack`](crate::http::route::stack::RouteStack).
    pub(crate) rules: Option<Arc<HeaderRules>>,
    /// Whether a name and password in `Authorization` are meant for frontgate. Set by [`crate::http::route::router`].
    pub(crate) basic_is_ours: bool,
    /// The user that has logged in. Set by [`crate::http::route::guard`].
    pub(crate) login: Option<OpeningLogin>,
    /// The target that the gateway gets instead, where its route cuts something from the path. Set by
    /// [`RouteStack`](crate::http::route::stack::RouteStack).
    pub(crate) stripped_target: Option<PathAndQuery>,
}

impl RequestExchange {
    /// Lets go of the fields of a large head that was sent on: they would wait with the request for its answer. Fields
    /// that an answer of frontgate's own depends on stay, in memory of their own, since a value keeps all of the buffer
    /// that it was read into.
    pub(crate) fn give_back_head(&mut self, access: &mut AccessLine) {
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
        self.stripped_target = None;
        self.host = detached(&self.host);
        access.detach();
    }

    /// The `Accept` of the request: which form of answer the client prefers.
    pub(crate) fn accept(&self) -> Option<&HeaderValue> {
        self.head.headers.get(header::ACCEPT)
    }
}

/// A copy with memory of its own.
pub(in crate::http) fn detached(value: &HeaderValue) -> HeaderValue {
    let mut copy = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    copy.set_sensitive(value.is_sensitive());
    copy
}

/// The fields that are looked at behind the gateway's answer, or instead of it.
const KEPT: [HeaderName; 9] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CACHE_CONTROL,
    header::EXPECT,
    header::IF_NONE_MATCH,
    header::ORIGIN,
    header::RANGE,
    HeaderName::from_static("sec-fetch-mode"),
    header::TE,
];
/// A head of no more fields and bytes than these may wait as it is.
const FEW_FIELDS: usize = 48;
const SMALL_HEAD: usize = 4 * 1024;
