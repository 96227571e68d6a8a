//! [`LoginQuestion`]: what a login service is asked about a request: pure.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, RANGE, TE, TRAILER};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method};

use crate::http::edge::exchange::RequestExchange;
use crate::http::route::headers;
use crate::http::route::headers::{ConnectionEffect, FieldFilter};
use crate::http::route::protected::ProtectedFields;
use crate::upstream::{EncodedRequest, RequestBody};

/// The question whether a request may pass, as nginx's `auth_request`, Traefik's `forwardAuth` and Caddy's `forward_auth`
/// ask it: a GET without a body that has the request's fields, and says what is asked for.
pub(super) struct LoginQuestion<'a> {
    /// The request.
    pub(super) exchange: &'a RequestExchange,
    /// The fields that not every client may send, and credentials that are for frontgate alone.
    pub(super) protected: &'a ProtectedFields,
    /// The target of the question.
    pub(super) target: &'a PathAndQuery,
    /// The `Host` that the service gets.
    pub(super) host: &'a HeaderValue,
}

impl LoginQuestion<'_> {
    /// The question as it is sent.
    pub(super) fn encode(&self) -> Box<EncodedRequest> {
        let exchange = self.exchange;
        let came = exchange.head.headers.iter().map(|(name, value)| crate::upstream::size(name, value)).sum::<usize>();
        let mut writer = EncodedRequest::writer(&Method::GET, self.target, RequestBody::Empty, came + ROOM);
        writer.field(&HOST, self.host);
        let passing = FieldFilter {
            forwarding: &exchange.forwarding,
            protected: self.protected,
            basic_is_ours: exchange.basic_is_ours,
            rules: None,
        };
        headers::to_gateway(&exchange.head, &exchange.host, passing, ConnectionEffect::Stays, |name, value| {
            if *name != HOST && !is_about_the_body(name) && !is_told(name) {
                writer.field(name, value);
            }
        });
        for (name, value) in self.told() {
            writer.field(&name, &value);
        }
        writer.end()
    }

    /// What is asked for, in the fields that services of each kind look at: those of Traefik and Caddy, and those that
    /// nginx's configurations set for Authelia and oauth2-proxy.
    fn told(&self) -> Vec<(HeaderName, HeaderValue)> {
        let exchange = self.exchange;
        let method = HeaderValue::try_from(exchange.head.method.as_str()).ok();
        let target = HeaderValue::try_from(exchange.target.as_str()).ok();
        let scheme = exchange.forwarding.scheme(&exchange.connection_info, &exchange.head.headers);
        let url = [scheme.as_bytes(), b"://", exchange.host.as_bytes(), exchange.target.as_str().as_bytes()].concat();
        let address = exchange.forwarding.client.and_then(|ip| HeaderValue::try_from(ip.to_string()).ok());
        [
            (X_FORWARDED_METHOD, method.clone()),
            (X_FORWARDED_PROTO, Some(HeaderValue::from_static(scheme))),
            (X_FORWARDED_HOST, Some(exchange.host.clone())),
            (X_FORWARDED_URI, target.clone()),
            (X_FORWARDED_FOR, address.clone()),
            (X_REAL_IP, address),
            (X_ORIGINAL_METHOD, method),
            (X_ORIGINAL_URL, HeaderValue::from_bytes(&url).ok()),
            (X_ORIGINAL_URI, target),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// Fields about a body that the question does not have, and conditions on another answer than the service's.
fn is_about_the_body(name: &HeaderName) -> bool {
    [CONTENT_LENGTH, EXPECT, RANGE, TE, TRAILER].contains(name)
        || ["content-", "if-", "sec-websocket-"].iter().any(|start| name.as_str().starts_with(start))
}

/// Fields that the question sets itself.
fn is_told(name: &HeaderName) -> bool {
    [
        X_FORWARDED_METHOD,
        X_FORWARDED_PROTO,
        X_FORWARDED_HOST,
        X_FORWARDED_URI,
        X_FORWARDED_FOR,
        X_REAL_IP,
        X_ORIGINAL_METHOD,
        X_ORIGINAL_URL,
        X_ORIGINAL_URI,
    ]
    .iter()
    .any(|own| crate::http::route::spelling::is_same(own.as_str(), name.as_str()))
}

const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
/// Bytes for the fields that the question sets itself.
const ROOM: usize = 512;
