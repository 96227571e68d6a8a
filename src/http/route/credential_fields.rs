//! [`OwnCredentials`]: credentials that are meant for frontgate and never reach a gateway (rule 9).

use std::borrow::Cow;
use std::collections::HashSet;

use http::HeaderValue;

use crate::config::TokenHash;
use crate::http::auth::bearer;
use crate::http::auth::credentials::is_basic;

/// The credentials that frontgate knows for its own, on every route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OwnCredentials {
    /// The tokens of services; those that have expired, too.
    tokens: HashSet<TokenHash>,
    /// The names of cookies that lead clients back to their gateways.
    cookies: HashSet<String>,
}

impl OwnCredentials {
    /// Those of the services with these tokens, and the cookies of these names.
    pub(super) fn new(tokens: impl Iterator<Item = TokenHash>, cookies: impl Iterator<Item = String>) -> Self {
        Self { tokens: tokens.collect(), cookies: cookies.collect() }
    }

    /// Whether a value of `Authorization` is for frontgate: a token that it knows, or, where a name and a password are,
    /// those.
    pub(super) fn has(&self, authorization: &HeaderValue, basic_is_ours: bool) -> bool {
        (basic_is_ours && is_basic(authorization)) || (!self.tokens.is_empty() && self.bears(authorization))
    }

    /// Some gateways read several credentials in one field.
    fn bears(&self, authorization: &HeaderValue) -> bool {
        let known = |value: &[u8]| bearer::hash_of(value).is_some_and(|hash| self.tokens.contains(&hash));
        let value = authorization.as_bytes();
        known(value) || value.split(|byte| *byte == b',').any(|part| known(part.trim_ascii_start()))
    }

    /// A value of `Cookie` without the cookies that frontgate has set; `None` if none is left.
    pub(super) fn without_ours<'a>(&self, cookies: &'a HeaderValue) -> Option<Cow<'a, HeaderValue>> {
        let value = cookies.as_bytes();
        let may_have = value.windows(FRONTGATE.len()).any(|part| part.eq_ignore_ascii_case(FRONTGATE));
        if !may_have && self.cookies.is_empty() {
            return Some(Cow::Borrowed(cookies));
        }
        // Gateways that know RFC 2109 take a comma, too.
        let ours = |cookie: &&[u8]| {
            let cookie = cookie.trim_ascii();
            let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii_end();
            cookie.get(..OURS.len()).is_some_and(|name| name.eq_ignore_ascii_case(OURS))
                || name.eq_ignore_ascii_case(OF_ADMIN)
                || str::from_utf8(name).is_ok_and(|name| self.cookies.contains(name))
        };
        if !value.split(|byte| matches!(byte, b';' | b',')).any(|part| ours(&part)) {
            return Some(Cow::Borrowed(cookies));
        }
        let left: Vec<&[u8]> = value
            .split(|byte| *byte == b';')
            .filter(|cookie| !cookie.split(|byte| *byte == b',').any(|part| ours(&part)))
            .collect();
        let left = left.join(&b';');
        let left = left.trim_ascii();
        if left.is_empty() { None } else { HeaderValue::from_bytes(left).ok().map(Cow::Owned) }
    }
}

/// What the names of frontgate's cookies begin with. Browsers take a `__Host-` cookie only over https, from the host itself and
/// for all of its paths.
const OURS: &[u8] = b"__host-frontgate";
/// The cookie of the admin listener's page. A browser shows it to every port of a host, so to the listeners for clients, too.
const OF_ADMIN: &[u8] = b"frontgate_admin";
/// What both have in them.
const FRONTGATE: &[u8] = b"frontgate";

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;

    #[test]
    fn a_known_token_is_ours_in_any_spelling_and_no_other() {
        let hash = TokenHash(digest(&SHA256, b"abc").as_ref().try_into().unwrap());
        let own = OwnCredentials::new([hash].into_iter(), std::iter::empty());
        for (value, ours, of_basic_host) in [
            ("Bearer abc", true, true),
            ("bearer \t abc  ", true, true),
            ("Bearer abd", false, false),
            ("Digest x, Bearer abc", true, true),
            ("Basic YW5uOmh1c2g=", false, true),
            ("Bearer x, Basic YW5uOmh1c2g=", false, true),
            ("abc", false, false),
            ("", false, false),
        ] {
            let field = HeaderValue::from_static(value);
            assert_eq!((own.has(&field, false), own.has(&field, true)), (ours, of_basic_host), "{value}");
        }
    }

    #[test]
    fn cookies_of_others_pass_as_they_came() {
        for (value, left) in [
            ("a=1; b=2", Some("a=1; b=2")),
            ("__Host-frontgate=x", None),
            ("__Host-frontgate-1=x; __host-FRONTGATE=y ;", None),
            ("a=1; __Host-frontgate-session=x; b=2", Some("a=1; b=2")),
            ("__Host-frontgate=x; a=1", Some("a=1")),
            ("a=1;__Host-frontgate=x", Some("a=1")),
            ("a=__Host-frontgate; b=2", Some("a=__Host-frontgate; b=2")),
            ("a=1, __Host-frontgate=x; b=2", Some("b=2")),
            ("__Host-front=x", Some("__Host-front=x")),
            ("frontgate_admin=x", None),
            ("a=1; Frontgate_Admin = x; b=2", Some("a=1; b=2")),
            ("a=1, frontgate_admin=x; b=2", Some("b=2")),
            (
                "frontgate_administrator=x; frontgate=y; a=frontgate_admin",
                Some("frontgate_administrator=x; frontgate=y; a=frontgate_admin"),
            ),
        ] {
            let field = HeaderValue::from_static(value);
            let found = OwnCredentials::default().without_ours(&field);
            assert_eq!(found.as_deref().map(|left| left.to_str().unwrap()), left, "{value}");
        }
    }

    #[test]
    fn a_cookie_that_leads_to_a_gateway_is_ours_by_its_whole_name() {
        let own = OwnCredentials::new(std::iter::empty(), ["gw".to_owned()].into_iter());
        for (value, left) in [
            ("gw=x", None),
            ("a=1; gw=x; b=2", Some("a=1; b=2")),
            (" gw =x;a=1", Some("a=1")),
            ("a=1, gw=x; b=2", Some("b=2")),
            ("gwx=x; xgw=y; GW=z; a=gw", Some("gwx=x; xgw=y; GW=z; a=gw")),
            ("gw; a=1", Some("a=1")),
            ("__Host-frontgate=x; gw=x", None),
        ] {
            let field = HeaderValue::from_static(value);
            let found = own.without_ours(&field);
            assert_eq!(found.as_deref().map(|left| left.to_str().unwrap()), left, "{value}");
        }
    }
}
