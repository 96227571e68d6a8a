//! What a span says, what never reaches one, and that a full queue keeps nothing waiting.

use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, StatusCode, Version};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::queue::MOST;
use super::*;
use crate::config::Log;
use crate::observe::access::tests::REMOTE;
use crate::observe::access::{AccessLine, RequestEnd, SpanBegin, SpanIds, TraceId};
use crate::observe::tunnel::tests::{opening, tunnel};
use crate::observe::tunnel::{TunnelLine, TunnelOpening};
use crate::observe::{AccessLog, Metrics};

const IDS: SpanIds = SpanIds { own: NonZero::<u64>::MIN, parent: NonZero::new(2) };

/// A log whose spans come out here; no line is written.
fn log() -> (AccessLog, QueuedSpans, Arc<Metrics>) {
    let metrics = Arc::<Metrics>::default();
    let (spans, queued) = SpanQueue::new(&metrics);
    let off = Log { access: false, ..Log::default() };
    (AccessLog::new(&off).counting(Arc::clone(&metrics)).tracing(Some(spans), &off), queued, metrics)
}

fn line(log: &AccessLog, method: &str, target: &str) -> Box<AccessLine> {
    let request = Request::builder().method(method).uri(target).header("host", "gw.example.com:8443");
    let parts = request.header("cookie", "token=s3cret").body(()).unwrap().into_parts().0;
    let mut line = log.request("r1", REMOTE, &parts);
    (line.trace, line.span, line.tls) = (TraceId::new(0xabc), Some(IDS), Some("1.3"));
    line
}

fn said(span: &Span) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        Value::DoubleValue(_) => "_".to_owned(),
        other => format!("{other:?}"),
    };
    let pair = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        format!(
            "{}={}",
            pair.key,
            pair.value.as_ref().and_then(|value| value.value.as_ref()).map_or_else(String::new, text)
        )
    };
    span.attributes.iter().map(pair).collect()
}

#[test]
fn a_request_is_a_span_in_the_words_of_the_conventions() {
    let (log, mut spans, _) = log();
    let mut request = line(&log, "GET", "/chat?session=a&token=s3cret");
    request.status = Some(StatusCode::OK);
    request.ended = RequestEnd::Done;
    request.bytes_out = 7;
    request.upstream = Some(Duration::from_millis(2));
    drop(request);
    let span = spans.from.try_recv().unwrap();
    assert_eq!((span.name.as_str(), span.kind, &span.status), ("GET", 2, &None));
    assert_eq!(span.trace_id, 0xabc_u128.to_be_bytes());
    assert_eq!((&span.span_id[..], &span.parent_span_id[..]), (&1_u64.to_be_bytes()[..], &2_u64.to_be_bytes()[..]));
    assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.start_time_unix_nano > 0);
    assert_eq!(
        said(&span),
        [
            "http.request.method=GET",
            "http.response.status_code=200",
            "http.request.body.size=0",
            "http.response.body.size=7",
            "url.scheme=https",
            "url.path=/chat",
            "url.query=session=a&token=***",
            "server.address=gw.example.com",
            "server.port=8443",
            "client.address=203.0.113.5",
            "network.peer.address=203.0.113.5",
            "network.transport=tcp",
            "network.protocol.name=http",
            "network.protocol.version=1.1",
            "tls.protocol.version=1.3",
            "frontgate.id=r1",
            "frontgate.connection=0",
            "frontgate.upstream_ms=_",
            "frontgate.ended=done",
        ]
    );
}

#[test]
fn a_failure_is_an_error_and_a_method_of_a_clients_own_is_no_name() {
    let (log, mut spans, _) = log();
    let mut request = line(&log, "BREW", "/");
    request.version = Version::HTTP_2;
    request.failed(StatusCode::BAD_GATEWAY, "gateway_not_running");
    drop(request);
    let span = spans.from.try_recv().unwrap();
    assert_eq!((span.name.as_str(), span.status.as_ref().map(|status| status.code)), ("HTTP", Some(2)));
    for expected in [
        "http.request.method=_OTHER",
        "http.request.method_original=BREW",
        "network.protocol.version=2",
        "error.type=gateway_not_running",
    ] {
        assert!(said(&span).iter().any(|said| said == expected), "{expected}: {:?}", said(&span));
    }
}

#[test]
fn a_websocket_is_one_span_from_its_handshake_on() {
    let (log, mut spans, _) = log();
    let mut handshake = line(&log, "GET", "/");
    handshake.ended = RequestEnd::Upgraded;
    let begin = handshake.span_begin();
    drop(handshake);
    assert!(spans.from.try_recv().is_err(), "the handshake is a part of it");
    let at = SystemTime::now() - Duration::from_secs(90);
    let span = begin.map(|begin| Box::new(SpanBegin { at, ..*begin }));
    let opening = TunnelOpening { span, host: Some(b"gw".as_slice().into()), ..opening() };
    log.websocket(&TunnelLine { opening: Arc::new(opening), clean: false, ..tunnel() });
    let span = spans.from.try_recv().unwrap();
    assert_eq!((span.name.as_str(), span.status.as_ref().map(|status| status.code)), ("websocket", Some(2)));
    assert!(span.end_time_unix_nano - span.start_time_unix_nano >= 90_000_000_000);
    let said = said(&span);
    for expected in [
        "url.path=/openclaw",
        "url.query=token=***",
        "http.response.status_code=101",
        "frontgate.ended=gateway_lost",
        "frontgate.client.close_sent=1012",
        "frontgate.gateway.bytes=2000",
        "error.type=gateway_lost",
    ] {
        assert!(said.iter().any(|said| said == expected), "{expected}: {said:?}");
    }
}

#[test]
fn what_is_not_recorded_is_no_span_and_no_secret_is_in_one() {
    let (log, mut spans, _) = log();
    let mut request = line(&log, "GET", "/?token=s3cret");
    request.span = None;
    drop(request);
    log.websocket(&tunnel());
    assert!(spans.from.try_recv().is_err());
    drop(line(&log, "GET", "/a?TOKEN=s3cret;x"));
    let span = spans.from.try_recv().unwrap();
    assert!(!format!("{span:?}").contains("s3cret"), "{span:?}");
}

#[test]
fn a_full_queue_drops_and_counts() {
    let (log, spans, metrics) = log();
    for _ in 0..MOST + 10 {
        drop(line(&log, "GET", "/"));
    }
    assert_eq!((spans.from.len(), metrics.telemetry.spans_dropped.get()), (MOST, 10));
    drop(spans);
    drop(line(&log, "GET", "/"));
    assert_eq!(metrics.telemetry.spans_dropped.get(), 11);
}
