//! [`TraceId`]: which trace a request belongs to (W3C Trace Context, level 1).

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) use crate::observe::access::TraceId;

/// Joins the trace that a request says it belongs to. frontgate adds no span of its own, so that a valid `traceparent` passes
/// as it came. One that is not valid is replaced by a new trace (§4.3), and what `tracestate` says about it goes; a request
/// without one begins a trace only if `makes` says so.
pub(super) fn join(headers: &mut HeaderMap, makes: bool) -> Option<TraceId> {
    let mut came = headers.get_all(&TRACEPARENT).iter();
    match (came.next(), came.next()) {
        (None, _) if !makes => return None,
        // Two that may differ name no trace.
        (None, _) | (Some(_), Some(_)) => {}
        (Some(one), None) => {
            if let Some(trace) = parse(one.as_bytes()) {
                return Some(trace);
            }
        }
    }
    let (trace, parent) = (TraceId::fresh(), fastrand::u64(1..));
    let value = HeaderValue::try_from(format!("00-{trace}-{parent:016x}-{SAMPLED}")).ok()?;
    headers.insert(TRACEPARENT, value);
    headers.remove(TRACESTATE);
    Some(trace)
}

/// The trace that a valid `traceparent` names (§3.2). Of a later version only the beginning is understood (§4).
fn parse(value: &[u8]) -> Option<TraceId> {
    let (value, rest) = value.split_at_checked(LENGTH)?;
    let [v1, v2, b'-', trace @ .., b'-', f1, f2] = value else { return None };
    let version = hex(&[*v1, *v2])?;
    let (trace, parent) = (trace.get(..32)?, trace.get(32..)?.strip_prefix(b"-")?);
    let is_known = version == 0 && rest.is_empty();
    let is_later = (1..0xff).contains(&version) && (rest.is_empty() || rest.starts_with(b"-"));
    hex(&[*f1, *f2])?;
    (hex(parent)? != 0 && (is_known || is_later)).then_some(())?;
    TraceId::new(hex(trace)?)
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
/// The flags of a new trace: a gateway that records what its caller does records it, as it would without a caller.
const SAMPLED: &str = "01";

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn joined(fields: &[(&'static str, &str)], makes: bool) -> (Option<String>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::try_from(*value).unwrap());
        }
        let trace = join(&mut headers, makes).map(|trace| trace.to_string());
        let fields = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        (trace, fields)
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
