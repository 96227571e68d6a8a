//! [`GatewayHint`]: tells the operator which lines the gateway's configuration lacks, once a minute at most.

use std::net::IpAddr;

use tokio::time::Instant;

use super::clean::clean;
use super::log_rate_limit::LogRateLimit;

/// Bytes of an answer's body that are searched.
const BODY_LOOKED_AT: usize = 2048;

/// The gateway's code for a proxy that it does not trust.
const ATTRIBUTION: &[u8] = b"proxy_attribution_required";

/// Tells the operator which lines the gateway's configuration lacks, once a minute at most. The gateway's answer itself
/// passes unchanged; the hint is for an operator that runs both frontgate and the gateway.
#[derive(Debug, Default)]
pub(crate) struct GatewayHint {
    lines: LogRateLimit,
}

impl GatewayHint {
    /// The advice after the gateway answered 403 `proxy_attribution_required`, or closed for that reason: it does not
    /// trust `frontgate`, the local address of the connection to it (`None` on a unix socket). `origin` is the
    /// client's, if it sent one: once the first line is there, the gateway asks for the second.
    pub(crate) fn attribution(
        &self,
        now: Instant,
        frontgate: Option<IpAddr>,
        origin: Option<&[u8]>,
    ) -> Option<HintAdvice> {
        let allowed_origins = origin.and_then(allowed_origins);
        // A client without a page, such as a check every few seconds, does not keep the page's line from the operator.
        let what = if allowed_origins.is_some() { "attribution of a page" } else { "attribution" };
        let repeated = self.lines.pass(what, now)?;
        Some(HintAdvice {
            missing: "the gateway does not trust this proxy",
            trusted_proxies: Some(frontgate.map_or_else(
                || "gateway.trustedProxies: [the address the gateway sees]".to_owned(),
                |addr| format!("gateway.trustedProxies: [\"{}\"]", addr.to_canonical()),
            )),
            allowed_origins,
            repeated,
        })
    }

    /// The advice after the gateway closed a WebSocket because the page at `origin` may not open one.
    pub(crate) fn origin(&self, now: Instant, origin: Option<&[u8]>) -> Option<HintAdvice> {
        let repeated = self.lines.pass("origin", now)?;
        Some(HintAdvice {
            missing: "the gateway does not allow the page's origin",
            trusted_proxies: None,
            allowed_origins: origin.and_then(allowed_origins),
            repeated,
        })
    }
}

/// The lines to add to the gateway's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HintAdvice {
    /// The gateway's complaint, in other words.
    pub(crate) missing: &'static str,
    /// The line that makes the gateway trust this proxy.
    pub(crate) trusted_proxies: Option<String>,
    /// The line that allows the page's origin. Any client can send any `Origin`: only the operator knows whether the
    /// origin is theirs.
    pub(crate) allowed_origins: Option<String>,
    /// How many hints of the same kind were suppressed since the last one.
    pub(crate) repeated: u64,
}

impl HintAdvice {
    /// Writes the advice to the log.
    pub(crate) fn warn(&self) {
        tracing::warn!(
            add = self.trusted_proxies.as_ref().map(tracing::field::display),
            allowed_origins_hint = self.allowed_origins.as_ref().map(tracing::field::display),
            // The former name of that key, for one version.
            and_if_that_page_is_yours = self.allowed_origins.as_ref().map(tracing::field::display),
            repeated = (self.repeated > 0).then_some(self.repeated),
            "{}: add to its openclaw.json",
            self.missing
        );
    }
}

/// The gateway's reason for closing a WebSocket with 1008.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseRefusal {
    /// The gateway does not trust this proxy.
    Attribution,
    /// The gateway does not allow the page's origin.
    Origin,
}

impl CloseRefusal {
    /// Reads the gateway's close code and reason.
    pub(crate) fn of(code: u16, reason: &[u8]) -> Option<Self> {
        let says = |phrase: &[u8]| reason.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase));
        match code {
            1008 if says(b"origin not allowed") => Some(Self::Origin),
            1008 if says(b"attribution") && says(b"required") => Some(Self::Attribution),
            _ => None,
        }
    }
}

/// Looks for `proxy_attribution_required` in a 403's body while that streams by, in its first 2 KiB.
#[derive(Debug, Default)]
pub(crate) struct AttributionScan {
    matched: usize,
    seen: usize,
}

impl AttributionScan {
    /// Whether no byte more is searched.
    pub(crate) fn is_over(&self) -> bool {
        self.seen >= BODY_LOOKED_AT
    }

    /// Searches the next bytes; `true` once, with the chunk that completes the word.
    pub(crate) fn feed(&mut self, chunk: &[u8]) -> bool {
        let chunk = &chunk[..chunk.len().min(BODY_LOOKED_AT - self.seen)];
        self.seen += chunk.len();
        for &byte in chunk {
            // The word's first letter is in it once only, so a mismatch never has to look back.
            self.matched =
                if byte == ATTRIBUTION[self.matched] { self.matched + 1 } else { usize::from(byte == ATTRIBUTION[0]) };
            if self.matched == ATTRIBUTION.len() {
                *self = Self { matched: 0, seen: BODY_LOOKED_AT };
                return true;
            }
        }
        false
    }
}

/// The line that allows `origin`, if that has the form of an origin.
fn allowed_origins(origin: &[u8]) -> Option<String> {
    let host = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"))?;
    let is_origin = !host.is_empty() && host.iter().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(b));
    is_origin.then(|| format!("gateway.controlUi.allowedOrigins: [\"{}\"]", clean(origin, 300)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;
    use crate::config::{Log, LogFormat};
    use crate::observe::logging::tests::logged;

    const FRONTGATE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)));
    const ORIGIN: Option<&[u8]> = Some(b"https://gw.example.com:8443");

    #[test]
    fn the_lines_name_the_actual_address_and_origin() {
        let now = Instant::now();
        let advice = GatewayHint::default().attribution(now, FRONTGATE, ORIGIN).unwrap();
        assert_eq!(advice.trusted_proxies.as_deref(), Some(r#"gateway.trustedProxies: ["10.0.0.7"]"#));
        let allowed = r#"gateway.controlUi.allowedOrigins: ["https://gw.example.com:8443"]"#;
        assert_eq!(advice.allowed_origins.as_deref(), Some(allowed));

        let advice = GatewayHint::default().origin(now, ORIGIN).unwrap();
        assert_eq!((advice.trusted_proxies, advice.allowed_origins.as_deref()), (None, Some(allowed)));

        let mapped = Some(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()));
        let advice = GatewayHint::default().attribution(now, mapped, None).unwrap();
        assert_eq!(advice.trusted_proxies.as_deref(), Some(r#"gateway.trustedProxies: ["127.0.0.1"]"#));
        assert_eq!(advice.allowed_origins, None);
    }

    #[test]
    fn what_is_no_origin_is_not_advised() {
        let cases: [&[u8]; 7] =
            [b"null", b"", b"https://", b"https://a/b", b"https://a\", \"*", b"file://x", b"https://a\nb"];
        for origin in cases {
            assert_eq!(GatewayHint::default().origin(Instant::now(), Some(origin)).unwrap().allowed_origins, None);
        }
    }

    #[test]
    fn each_kind_is_said_once_a_minute() {
        let (hint, start) = (GatewayHint::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let repeated = |advice: Option<HintAdvice>| advice.map(|advice| advice.repeated);
        assert_eq!(repeated(hint.attribution(at(10), FRONTGATE, None)), Some(0));
        assert_eq!(repeated(hint.attribution(at(10), FRONTGATE, None)), None);
        assert_eq!(repeated(hint.origin(at(10), ORIGIN)), Some(0));
        // A clock that seems to go back causes no hint.
        assert_eq!(repeated(hint.attribution(at(9), FRONTGATE, None)), None);
        assert_eq!(repeated(hint.attribution(at(69), FRONTGATE, None)), None);
        assert_eq!(repeated(hint.attribution(at(70), FRONTGATE, None)), Some(3));
        assert_eq!(repeated(hint.attribution(at(130), FRONTGATE, None)), Some(0));
    }

    #[test]
    fn a_refusal_without_a_page_leaves_the_line_for_the_page_to_be_said() {
        let (hint, now) = (GatewayHint::default(), Instant::now());
        let pages = |advice: Option<HintAdvice>| advice.map(|advice| advice.allowed_origins.is_some());
        let null: Option<&[u8]> = Some(b"null");
        let rows = [(None, Some(false)), (ORIGIN, Some(true)), (null, None), (ORIGIN, None), (None, None)];
        for (origin, expected) in rows {
            assert_eq!(pages(hint.attribution(now, FRONTGATE, origin)), expected, "{origin:?}");
        }
    }

    #[test]
    fn the_warning_is_one_line() {
        let log = Log { format: LogFormat::Text, ..Log::default() };
        let lines =
            logged(&log, |_| GatewayHint::default().attribution(Instant::now(), FRONTGATE, ORIGIN).unwrap().warn());
        let (_time, line) = lines.split_once(' ').unwrap();
        assert_eq!(
            line,
            concat!(
                " WARN the gateway does not trust this proxy: add to its openclaw.json ",
                r#"add=gateway.trustedProxies: ["10.0.0.7"] "#,
                r#"allowed_origins_hint=gateway.controlUi.allowedOrigins: ["https://gw.example.com:8443"] "#,
                r#"and_if_that_page_is_yours=gateway.controlUi.allowedOrigins: ["https://gw.example.com:8443"]"#,
                "\n"
            )
        );
    }

    #[test]
    fn the_gateway_says_why_it_closed() {
        let cases: [(u16, &[u8], Option<CloseRefusal>); 7] = [
            (
                1008,
                b"origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)",
                Some(CloseRefusal::Origin),
            ),
            (1008, b"unauthorized: proxy client attribution is required (...)", Some(CloseRefusal::Attribution)),
            (1008, b"gateway ingress attribution required", Some(CloseRefusal::Attribution)),
            (1008, b"pairing required: device is not approved yet", None),
            (1008, b"", None),
            (1008, b"\xff\xfe", None),
            (1000, b"origin not allowed", None),
        ];
        for (code, reason, expected) in cases {
            assert_eq!(CloseRefusal::of(code, reason), expected, "{code} {}", reason.escape_ascii());
        }
    }

    #[test]
    fn the_word_is_found_however_the_body_is_split() {
        let body = br#"{"error":{"type":"proxy_attrproxy_attribution_required","message":"..."}}"#;
        for first in 0..body.len() {
            for second in first..body.len() {
                let mut scan = AttributionScan::default();
                let chunks = [&body[..first], &body[first..second], &body[second..]];
                let found = chunks.iter().filter(|chunk| scan.feed(chunk)).count();
                assert_eq!(found, 1, "{first} {second}");
            }
        }
    }

    #[test]
    fn other_bodies_and_late_words_are_not_taken_for_it() {
        let late = [vec![b' '; BODY_LOOKED_AT - ATTRIBUTION.len() + 1], ATTRIBUTION.to_vec()].concat();
        let just = [vec![b'p'; BODY_LOOKED_AT - ATTRIBUTION.len()], ATTRIBUTION.to_vec()].concat();
        assert!(!AttributionScan::default().feed(&late));
        assert!(AttributionScan::default().feed(&just));
        assert!(!AttributionScan::default().feed(br#"{"error":"proxy_attribution_optional"}"#));
        let mut scan = AttributionScan::default();
        assert!(late.iter().all(|byte| !scan.feed(&[*byte])));
    }

    #[test]
    fn the_word_begins_with_a_letter_it_does_not_repeat() {
        assert!(!ATTRIBUTION[1..].contains(&ATTRIBUTION[0]));
    }
}
