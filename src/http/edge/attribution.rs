//! Finds out the client and what the gateway is told about it, and writes both where the steps behind look. The rules are in
//! [`forwarded`] and [`identity`].

use super::exchange::RequestExchange;
use super::forwarded;
use crate::config::Forwarded;
use crate::http::auth::identity;
use crate::observe::access::AccessLine;
use crate::tls::IdentityScope;

/// Determines the client of a request; `rules` say which proxies are believed.
pub(crate) fn attribute(rules: &Forwarded, exchange: &mut RequestExchange, access: &mut AccessLine) {
    let headers = &exchange.head.headers;
    exchange.forwarding = forwarded::decide(rules, &exchange.connection_info, &exchange.host, headers);
    let identity = exchange.connection_info.identity.as_deref();
    // Another CA's certificate counts for the routes of that CA alone, and they say so themselves.
    let identity = identity.filter(|identity| identity.scope == IdentityScope::AllRoutes);
    exchange.forwarding.fields.extend(identity.into_iter().flat_map(identity::fields));
    access.client.addr = exchange.forwarding.client;
}
