//! [`join`]: which trace a request belongs to (W3C Trace Context, level 1).

use std::num::NonZero;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::LogTrace;
use crate::observe::access::{SpanIds, TraceId};

/// What frontgate does with traces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TraceSettings {
    /// Whether a request without a trace begins one.
    pub(crate) begins: LogTrace,
    /// Whether requests have spans of frontgate's own, which are exported.
    pub(crate) has_spans: bool,
}

/// Joins the trace that a request says it belongs to. Without spans of frontgate's own a valid `traceparent` passes as it
/// came; with them the gateway's parent is frontgate's span (§4.3), unless the client says that nothing is recorded. One that
/// is not valid is replaced by a new trace, and what `tracestate` says about it goes; a request without one begins a trace
/// where the settings say so, and where it has a span.
pub(super) fn join(headers: &mut HeaderMap, settings: TraceSettings) -> Option<(TraceId, Option<SpanIds>)> {
    let mut came = headers.get_all(&TRACEPARENT).iter();
    let span = |parent| settings.has_spans.then(|| SpanIds::below(parent));
    match (came.next(), came.next()) {
        (None, _) if settings.begins == LogTrace::Passed && !settings.has_spans => return None,
        // Two that may differ name no trace.
        (None, _) | (Some(_), Some(_)) => {}
        (Some(one), None) => {
            if let Some(TraceParent { trace, parent, flags }) = parse(one.as_bytes()) {
                let span = if flags & SAMPLED == 0 { None } else { span(Some(parent)) };
                if let Some(SpanIds { own, .. }) = span {
                    headers.insert(TRACEPARENT, written(trace, own, flags & KNOWN_FLAGS)?);
                }
                return Some((trace, span));
            }
        }
    }
    let (trace, span) = (TraceId::fresh(), span(None));
    let parent = span.unwrap_or_else(|| SpanIds::below(None)).own;
    headers.insert(TRACEPARENT, written(trace, parent, SAMPLED)?);
    headers.remove(TRACESTATE);
    Some((trace, span))
}

fn written(trace: TraceId, parent: NonZero<u64>, flags: u8) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("00-{trace}-{parent:016x}-{flags:02x}")).ok()
}

/// What a valid `traceparent` says.
struct TraceParent {
    trace: TraceId,
    parent: NonZero<u64>,
    flags: u8,
}

/// Reads a valid `traceparent` (§3.2). Of a later version only the beginning is understood (§4).
fn parse(value: &[u8]) -> Option<TraceParent> {
    let (value, rest) = value.split_at_checked(LENGTH)?;
    let [v1, v2, b'-', trace @ .., b'-', f1, f2] = value else { return None };
    let version = hex(&[*v1, *v2])?;
    let (trace, parent) = (trace.get(..32)?, trace.get(32..)?.strip_prefix(b"-")?);
    let is_known = version == 0 && rest.is_empty();
    let is_later = (1..0xff).contains(&version) && (rest.is_empty() || rest.starts_with(b"-"));
    (is_known || is_later).then_some(())?;
    Some(TraceParent {
        trace: TraceId::new(hex(trace)?)?,
        parent: NonZero::new(u64::try_from(hex(parent)?).ok()?)?,
        flags: u8::try_from(hex(&[*f1, *f2])?).ok()?,
    })
}

/// A number in digits of which the letters are small ones.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((number << 4) | u128::from(digit))
    })
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Version, trace, parent and flags, with three dashes between.
const LENGTH: usize = 55;
/// The flag that its caller records a request, also of a new trace: a gateway that records what its caller does records it, as
/// it would without a caller.
const SAMPLED: u8 = 1;
/// Those that this version knows: recorded, and (level 2) that the id is random.
const KNOWN_FLAGS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn joined(fields: &[(&'static str, &str)], makes: bool) -> (Option<String>, Vec<String>) {
        let begins = if makes { LogTrace::Made } else { LogTrace::Passed };
        let (joined, fields) = joined_by(fields, TraceSettings { begins, has_spans: false });
        assert!(joined.is_none_or(|(_, span)| span.is_none()));
        (joined.map(|(trace, _)| trace.to_string()), fields)
    }

    fn joined_by(
        fields: &[(&'static str, &str)],
        settings: TraceSettings,
    ) -> (Option<(TraceId, Option<SpanIds>)>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::try_from(*value).unwrap());
        }
        let joined = join(&mut headers, settings);
        let fields = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        (joined, fields)
    }

    #[test]
    fn a_span_of_our_own_is_the_parent_of_the_gateways() {
        let settings = TraceSettings { begins: LogTrace::Passed, has_spans: true };
        for (flags, passed) in [("01", "01"), ("03", "03"), ("ff", "03")] {
            let value = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
            let (joined, fields) = joined_by(&[("traceparent", &value), ("tracestate", "a=b")], settings);
            let (trace, span) = joined.unwrap();
            let SpanIds { own, parent } = span.unwrap();
            assert_eq!((trace.to_string().as_str(), parent), (TRACE, NonZero::new(0x00f0_67aa_0ba9_02b7)));
            assert_eq!(fields, [format!("traceparent: 00-{TRACE}-{own:016x}-{passed}"), "tracestate: a=b".to_owned()]);
        }
        let value = format!("00-{TRACE}-00f067aa0ba902b7-00");
        let (joined, fields) = joined_by(&[("traceparent", &value)], settings);
        assert!(joined.unwrap().1.is_none(), "its client says that nothing is recorded");
        assert_eq!(fields, [format!("traceparent: {value}")]);
        for came in [&[][..], &[("traceparent", "00")]] {
            let (joined, fields) = joined_by(came, settings);
            let (trace, span) = joined.unwrap();
            let SpanIds { own, parent } = span.unwrap();
            assert_eq!((parent, fields), (None, vec![format!("traceparent: 00-{trace}-{own:016x}-01")]));
        }
    }

    #[test]
    fn a_valid_one_passes_as_it_came() {
        for value in [
            format!("00-{TRACE}-00f067aa0ba902b7-00"),
            format!("00-{TRACE}-00f067aa0ba902b7-ff"),
            format!("01-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later"),
        ] {
            let (trace, fields) = joined(&[("traceparent", &value), ("tracestate", "a=b")], true);
            assert_eq!(trace.as_deref(), Some(TRACE), "{value}");
            assert_eq!(fields, [format!("traceparent: {value}"), "tracestate: a=b".to_owned()]);
        }
    }

    #[test]
    fn an_invalid_one_is_replaced_and_its_state_goes() {
        let zeros = "0".repeat(32);
        let valid = format!("00-{TRACE}-00f067aa0ba902b7-00");
        for value in [
            "",
            "00",
            &valid[..54],
            &format!("{valid}-more"),
            &format!("{valid}x"),
            &valid.to_uppercase(),
            &format!("ff{}", &valid[2..]),
            &format!("0x{}", &valid[2..]),
            &format!("cc{}.more", &valid[2..]),
            &format!("00-{zeros}-00f067aa0ba902b7-00"),
            &format!("00-{TRACE}-{}-00", &zeros[..16]),
            &format!("00-{TRACE}_00f067aa0ba902b7-00"),
            &format!("00-{TRACE}-00f067aa0ba902b7-0g"),
        ] {
            let (trace, fields) = joined(&[("traceparent", value), ("tracestate", "a=b")], false);
            let trace = trace.unwrap();
            assert!(trace != TRACE && trace.len() == 32, "{value}: {trace}");
            assert_eq!(fields.len(), 1, "{value}: {fields:?}");
            assert!(fields[0].starts_with(&format!("traceparent: 00-{trace}-")) && fields[0].ends_with("-01"));
            assert!(parse(fields[0].trim_start_matches("traceparent: ").as_bytes()).is_some());
        }
        let (trace, fields) = joined(&[("traceparent", &valid), ("traceparent", &valid)], false);
        assert!(trace.unwrap() != TRACE && fields.len() == 1);
    }

    #[test]
    fn a_trace_is_begun_only_when_asked_for() {
        assert_eq!(joined(&[("tracestate", "a=b")], false), (None, vec!["tracestate: a=b".to_owned()]));
        let (one, fields) = joined(&[], true);
        assert_eq!(fields.len(), 1);
        assert_ne!(joined(&[], true).0, one);
    }
}
