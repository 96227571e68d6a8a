//! [`StickyCookie`]: the cookie that leads a client back to its gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::config::Sticky;
use crate::http::auth::session::sealing::SealingKeys;
use crate::upstream::EndpointId;

/// The cookie that leads a client back to its gateway. It says which one, and until when, and nothing of the client: all clients
/// that a gateway gets within a minute have the same.
pub(crate) struct StickyCookie {
    name: String,
    ttl: Duration,
    keys: Arc<SealingKeys>,
    /// The latest one of each endpoint, and when it ends.
    made: Mutex<HashMap<EndpointId, (u64, HeaderValue)>>,
}

/// What a client's cookie says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StickyPlace {
    /// The gateway that the client was at.
    pub(crate) endpoint: EndpointId,
    /// Whether the cookie lasts for long enough yet.
    pub(crate) is_fresh: bool,
}

impl StickyCookie {
    /// The cookie of these settings, sealed by these keys.
    pub(crate) fn new(settings: &Sticky, keys: Arc<SealingKeys>) -> Self {
        let Sticky { cookie, ttl } = settings.clone();
        Self { name: cookie, ttl, keys, made: Mutex::default() }
    }

    /// What the cookie of a request says at `now`, in seconds since 1970. One that is forged, has ended or is there twice says
    /// nothing.
    pub(crate) fn read(&self, headers: &HeaderMap, now: u64) -> Option<StickyPlace> {
        let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| str::from_utf8(field.as_bytes()).ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut own = pairs.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        let (Some(sealed), None) = (own.next(), own.next()) else { return None };
        let opened: [u8; 16] = self.keys.open(PURPOSE, sealed)?.try_into().ok()?;
        let (ends, endpoint) = opened.split_at(8);
        let [ends, endpoint] = [ends, endpoint].map(|part| part.try_into().map(u64::from_be_bytes).unwrap_or_default());
        let left = ends.checked_sub(now).filter(|left| *left > 0)?;
        Some(StickyPlace { endpoint: endpoint.into(), is_fresh: left > self.ttl.as_secs() / 2 })
    }

    /// The `Set-Cookie` for a client that brought `place` and was answered by `endpoint` at `now`; `None` if its cookie says so
    /// already, or none can be sealed.
    pub(crate) fn renewed(&self, place: Option<StickyPlace>, endpoint: EndpointId, now: u64) -> Option<HeaderValue> {
        if place == Some(StickyPlace { endpoint, is_fresh: true }) {
            return None;
        }
        // Once a minute: a nonce is random, so one key may seal only so many texts, and a client may come without its cookie.
        let ends = now - now % STEP + STEP + self.ttl.as_secs();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = made.get(&endpoint).filter(|(known, _)| *known == ends) {
            return Some(value.clone());
        }
        let text = [ends.to_be_bytes(), endpoint.number().to_be_bytes()].concat();
        let sealed = self.keys.seal(PURPOSE, &text).ok()?;
        let (name, life) = (&self.name, self.ttl.as_secs());
        let value = HeaderValue::try_from(format!("{name}={sealed}; Path=/; Max-Age={life}; HttpOnly; Secure")).ok()?;
        made.retain(|_, (known, _)| *known == ends);
        made.insert(endpoint, (ends, value.clone()));
        Some(value)
    }
}

/// What the keys seal.
const PURPOSE: &str = "sticky";
/// Seconds.
const STEP: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookies).unwrap())])
    }

    #[test]
    fn a_cookie_leads_back_until_it_ends_and_is_renewed_at_half_time() {
        let keys = Arc::new(SealingKeys::fresh(0).unwrap());
        let settings = Sticky { cookie: "gw".to_owned(), ttl: Duration::from_hours(1) };
        let (sticky, again) = (StickyCookie::new(&settings, Arc::clone(&keys)), StickyCookie::new(&settings, keys));
        let (one, two) = (EndpointId::of("http://a:1"), EndpointId::of("http://b:1"));
        let now = 120_000;
        let field = sticky.renewed(None, one, now).unwrap();
        assert_eq!(sticky.renewed(None, one, now + 59).as_ref(), Some(&field), "the same for a minute");
        assert_ne!(sticky.renewed(None, one, now + 60).as_ref(), Some(&field));
        assert_ne!(sticky.renewed(None, two, now).as_ref(), Some(&field));
        let field = field.to_str().unwrap();
        let (pair, attributes) = field.split_once("; ").unwrap();
        assert!(pair.starts_with("gw=") && pair.len() < 80, "{pair}");
        assert_eq!(attributes, "Path=/; Max-Age=3600; HttpOnly; Secure");
        // Another process with the same keys understands it.
        for (later, expected) in
            [(0, Some(true)), (1800, Some(true)), (1860, Some(false)), (3659, Some(false)), (3660, None), (9999, None)]
        {
            let place = again.read(&brought(&format!("a=b; {pair}; c=d")), now + later);
            assert_eq!(place, expected.map(|is_fresh| StickyPlace { endpoint: one, is_fresh }), "{later}");
            let renewed = again.renewed(place, one, now + later);
            assert_eq!(renewed.is_some(), expected != Some(true), "{later}");
        }
        let place = sticky.read(&brought(pair), now);
        assert!(sticky.renewed(place, two, now).is_some(), "the client has moved");
    }

    #[test]
    fn a_cookie_that_is_forged_or_doubled_says_nothing() {
        let of = |keys| StickyCookie::new(&Sticky::default(), Arc::new(keys));
        let sticky = of(SealingKeys::fresh(0).unwrap());
        let field = sticky.renewed(None, EndpointId::of("x"), 1000).unwrap();
        let pair = field.to_str().unwrap().split("; ").next().unwrap();
        assert!(sticky.read(&brought(pair), 1000).is_some());
        for cookies in [
            "frontgate=".to_owned(),
            "frontgate".to_owned(),
            format!("{}{}{}", &pair[..20], if &pair[20..21] == "x" { "y" } else { "x" }, &pair[21..]),
            format!("{pair}; {pair}"),
            format!("Front{}", &pair[5..]),
            format!("x{pair}"),
        ] {
            assert_eq!(sticky.read(&brought(&cookies), 1000), None, "{cookies}");
        }
        assert_eq!(of(SealingKeys::fresh(0).unwrap()).read(&brought(pair), 1000), None);
        assert_eq!(sticky.read(&HeaderMap::new(), 1000), None);
    }
}
