//! Traces and metrics, as a collector gets them; and what happens to clients when it does not take them: nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::harness::{Binary, Gateway, Message, binary, gateway, within};
use crate::websocket::peer::UPGRADE;
use crate::websocket::scene::{Via, scene_of_binary};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// An answer of a collector that has taken everything: a message without a field is empty.
const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn to(collector: &Gateway) -> String {
    format!("telemetry: {{ otlp: \"{}/base\" }}", collector.upstream)
}

/// The next export of spans.
async fn spans(collector: &mut Gateway) -> Vec<Span> {
    loop {
        let export = collector.request().await;
        assert_eq!(export.field("content-type").as_deref(), Some("application/x-protobuf"));
        if export.target() == b"/base/v1/traces" {
            let request = ExportTraceServiceRequest::decode(&export.body[..]).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            return scopes.flat_map(|scope| scope.spans).collect();
        }
    }
}

fn metrics(export: &Message) -> ExportMetricsServiceRequest {
    assert_eq!(export.target(), b"/base/v1/metrics");
    ExportMetricsServiceRequest::decode(&export.body[..]).unwrap()
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

async fn asks(proxy: &Binary, fields: &str) {
    let mut client = proxy.client().await;
    client.send(format!("GET /a?token=s3cret HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).await;
    assert_eq!(client.response().await.status(), 200);
}

#[tokio::test]
async fn a_request_is_a_span_of_its_clients_trace_and_the_parent_of_the_gateways() {
    let mut collector = gateway().answering(TAKEN).await;
    let mut gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).config(&to(&collector)).start().await;
    asks(&proxy, &format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n")).await;
    let [span] = &spans(&mut collector).await[..] else { panic!("one span") };
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), "00f067aa0ba902b7".to_owned()));
    let passed = gateway.request().await.field("traceparent").unwrap();
    assert_eq!(passed, format!("00-{TRACE}-{}-01", hex(&span.span_id)));
    assert_eq!(proxy.access().await["trace_id"], TRACE);
    assert_eq!(text(&span.attributes, "url.query"), Some("token=***"));
    assert!(!format!("{span:?}").contains("s3cret"));

    // A client without a trace begins one, and one that is not recorded stays so.
    asks(&proxy, "").await;
    let [span] = &spans(&mut collector).await[..] else { panic!("one span") };
    assert_eq!(
        (proxy.access().await["trace_id"].as_str(), &span.parent_span_id[..]),
        (Some(&*hex(&span.trace_id)), &[][..])
    );
    let unrecorded = format!("00-{TRACE}-00f067aa0ba902b7-00");
    asks(&proxy, &format!("traceparent: {unrecorded}\r\n")).await;
    gateway.request().await;
    assert_eq!(gateway.request().await.field("traceparent"), Some(unrecorded));
    // At the end all that was is sent, which was no span more.
    assert!(proxy.terminate().await.success());
    while let Some(export) = collector.unexpected() {
        assert_ne!(export.target(), b"/base/v1/traces");
    }
}

#[tokio::test]
async fn a_websocket_is_a_span_from_its_handshake_to_its_end() {
    let mut collector = gateway().answering(TAKEN).await;
    let mut scene = scene_of_binary(&[&to(&collector)]).await;
    for via in [Via::Plain, Via::Http2] {
        let (client, mut gateway) = scene.open_with(via, UPGRADE).await;
        client.vanish();
        gateway.rest().await;
        let [span] = &spans(&mut collector).await[..] else { panic!("one span") };
        assert_eq!((span.name.as_str(), text(&span.attributes, "frontgate.ended")), ("websocket", Some("client_lost")));
        assert!(span.end_time_unix_nano > span.start_time_unix_nano);
        let line = scene.proxy.line(|line| line["message"] == "websocket").await;
        assert_eq!(line["trace_id"], hex(&span.trace_id));
    }
}

#[tokio::test]
async fn metrics_are_sent_at_once_and_once_more_at_the_end() {
    let mut collector = gateway().answering(TAKEN).await;
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).config(&to(&collector)).start().await;
    let first = metrics(&collector.request().await);
    let [resource] = &first.resource_metrics[..] else { panic!("one resource") };
    let attributes = &resource.resource.as_ref().unwrap().attributes;
    assert_eq!(text(attributes, "service.name"), Some("frontgate"));
    let names: Vec<&str> = resource.scope_metrics[0].metrics.iter().map(|metric| metric.name.as_str()).collect();
    for name in
        ["frontgate_websockets_open", "frontgate_relay_seconds", "process_cpu_seconds", "frontgate_telemetry_exports"]
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    asks(&proxy, "").await;
    assert!(proxy.terminate().await.success());
    let last = loop {
        let export = collector.request().await;
        if export.target() == b"/base/v1/metrics" {
            break metrics(&export);
        }
    };
    let counted = format!("{last:?}");
    assert!(counted.contains("frontgate_http_requests"), "{counted}");
}

#[tokio::test]
async fn a_collector_that_is_gone_hangs_or_refuses_keeps_neither_clients_nor_the_end_waiting() {
    let silent = || gateway().playing(|mut connection| async move { drop(connection.rest().await) });
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let wrong = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let gone = {
        let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        format!("telemetry: {{ otlp: \"http://{at}\" }}")
    };
    let (silent, unavailable, wrong) =
        (silent().await, gateway().answering(unavailable).await, gateway().answering(wrong).await);
    let gateway = gateway().answering(OK).await;
    for (config, is_said) in [(gone, true), (to(&silent), false), (to(&unavailable), true), (to(&wrong), true)] {
        let mut proxy = binary().upstream(&gateway).config(&config).start().await;
        for _ in 0..5 {
            asks(&proxy, "").await;
            proxy.access().await;
        }
        // A collector that says nothing is given up after ten seconds, of which no client and no operator notices anything.
        if is_said {
            let said = proxy.line(|line| line["level"] == "WARN" && line["collector"].is_string()).await;
            assert!(said["error"].is_string() && said["signal"].is_string(), "{said}");
        }
        assert!(within("the end", proxy.terminate()).await.success());
        let lost = proxy.printed.iter().filter(|line| line.contains("spans are dropped")).count();
        assert!((1..=2).contains(&lost), "{config}: {:#?}", proxy.printed);
    }
}
