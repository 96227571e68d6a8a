//! The origin of a request, as its client sees it: pure.

use http::header::HeaderName;
use http::uri::Authority;

use crate::http::edge::exchange::RequestExchange;

/// `https://HOST`, with the port as the client wrote it. What a trusted proxy in front says counts before what reached
/// frontgate. `None` for a host that cannot stand in a URL.
pub(crate) fn origin(exchange: &RequestExchange) -> Option<String> {
    let told = |name: &HeaderName| {
        let told = exchange.forwarding.fields.iter().find(|(own, _)| own == name)?;
        told.1.to_str().ok().map(str::to_owned)
    };
    let scheme = exchange.forwarding.scheme(&exchange.connection_info, &exchange.head.headers);
    let host = match told(&FORWARDED_HOST) {
        Some(host) => host,
        None => exchange.host.to_str().ok()?.to_owned(),
    };
    let authority: Authority = host.parse().ok()?;
    let is_plain = !authority.host().is_empty() && !host.contains('@');
    is_plain.then(|| format!("{scheme}://{authority}"))
}

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
