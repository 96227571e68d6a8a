//! The format of the lines, and the secrets that never reach one.

use std::net::Ipv4Addr;

use http::{Request, request};

use super::*;
use crate::config::{Log, LogFormat};
use crate::observe::logging::tests::logged;
use crate::observe::tunnel::tests::{opening, tunnel};
use crate::observe::tunnel::{TunnelLine, TunnelOpening};

pub(crate) const REMOTE: LoggedClient =
    LoggedClient { addr: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5))), proxy: None };

pub(crate) fn text() -> Log {
    Log { format: LogFormat::Text, ..Log::default() }
}

fn request(target: &str, fields: &[(&str, &str)]) -> request::Parts {
    let request =
        fields.iter().fold(Request::builder().uri(target), |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

/// The lines without their time and with fixed durations.
pub(crate) fn steady(lines: &str) -> Vec<String> {
    let line = |line: &str| {
        let fields = line.split(' ').skip(1).map(|field| match field.split_once("duration_ms=") {
            Some(_) => "duration_ms=_",
            None => field,
        });
        fields.collect::<Vec<_>>().join(" ")
    };
    lines.lines().map(line).collect()
}

#[test]
fn a_request_is_one_line_that_reads_from_left_to_right() {
    let lines = logged(&text(), |_| {
        let parts = request(
            "/chat?session=a&token=s3cret",
            &[("host", "gw:8443"), ("user-agent", "curl \"8\"\tx"), ("referer", "https://gw:8443/?token=s3cret")],
        );
        let mut access = AccessLog::new(&text()).request("r1", REMOTE, &parts);
        access.tls = Some("1.3");
        access.subject = Some("CN=ann,O=x y".into());
        access.status = Some(StatusCode::OK);
        access.bytes_in.insert(ByteCounter::default()).clone().add(12);
        access.bytes_out = 3456;
        access.upstream = Some(Duration::from_micros(2340));
        access.ended = RequestEnd::Done;
    });
    assert_eq!(
        steady(&lines),
        [concat!(
            " INFO request id=r1 client=203.0.113.5 method=GET host=gw:8443 target=/chat?session=a&token=*** protocol=h1 ",
            "conn=0 tls=1.3 subject=\"CN=ann,O=x y\" status=200 bytes_in=12 bytes_out=3456 duration_ms=_ upstream_ms=2.3 ended=done from=gateway ",
            r#"referer=https://gw:8443/?token=*** user_agent="curl \"8\"\\tx""#
        )]
    );
}

#[test]
fn a_request_that_frontgate_answers_names_the_failure() {
    let lines = logged(&text(), |_| {
        let client = LoggedClient { addr: None, proxy: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
        let mut access = AccessLog::new(&text()).request("r2", client, &request("/", &[]));
        access.version = Version::HTTP_2;
        access.failed(StatusCode::BAD_GATEWAY, "gateway_not_running");
        access.ended = RequestEnd::Done;
    });
    assert_eq!(
        steady(&lines),
        [concat!(
            " INFO request id=r2 client=unix peer=127.0.0.1 method=GET target=/ protocol=h2 conn=0 status=502 bytes_in=0 ",
            "bytes_out=0 duration_ms=_ ended=done from=frontgate failure=gateway_not_running"
        )]
    );
}

#[test]
fn the_line_of_a_client_that_vanished_is_written_once_too() {
    let lines = logged(&text(), |_| {
        let access = AccessLog::new(&text()).request("r3", REMOTE, &request("/", &[]));
        drop(async move { drop(access) });
    });
    assert_eq!(lines.lines().count(), 1);
    assert!(lines.contains("ended=client_gone"), "{lines}");
    assert!(!lines.contains("status="), "{lines}");
}

#[test]
fn nothing_is_written_when_the_access_log_is_off() {
    let lines = logged(&text(), |_| {
        let off = AccessLog::new(&Log { access: false, ..text() });
        drop(off.request("r4", REMOTE, &request("/", &[])));
        off.websocket(&tunnel());
    });
    assert_eq!(lines, "");
}

#[test]
fn of_requests_that_went_well_some_have_a_line_and_all_others_have() {
    let count = |status: u16, ended: RequestEnd| {
        let lines = logged(&text(), |_| {
            let log = AccessLog::new(&Log { sample: 4, ..text() });
            for _ in 0..400 {
                let mut access = log.request("r8", REMOTE, &request("/", &[]));
                access.status = StatusCode::from_u16(status).ok();
                access.ended = ended;
            }
        });
        assert_eq!(lines.contains(" sample=4"), lines.lines().count() < 400);
        lines.lines().count()
    };
    for status in [200, 304] {
        let lines = count(status, RequestEnd::Done);
        assert!((40..200).contains(&lines), "{lines}");
    }
    for (status, ended) in [(404, RequestEnd::Done), (200, RequestEnd::ClientGone), (101, RequestEnd::Upgraded)] {
        assert_eq!(count(status, ended), 400, "{status}");
    }
}

#[test]
fn no_secret_reaches_a_line_wherever_it_travels() {
    let secret_fields = [
        ("authorization", "Bearer s3cret"),
        ("proxy-authorization", "Basic s3cret"),
        ("cookie", "token=s3cret"),
        ("sec-websocket-protocol", "openclaw, s3cret"),
        ("referer", "https://gw/?%74oken=s3cret#access_token=s3cret"),
    ];
    for log in [text(), Log { format: LogFormat::Json, ..Log::default() }] {
        let lines = logged(&log, |_| {
            drop(AccessLog::new(&log).request("r5", REMOTE, &request("/ws?x=1&token=s3cret", &secret_fields)));
            let opening = TunnelOpening { target: "/ws?TOKEN=s3cret;x".into(), ..opening() };
            AccessLog::new(&log).websocket(&TunnelLine { opening: Arc::new(opening), ..tunnel() });
        });
        assert_eq!(lines.lines().count(), 2);
        assert!(!lines.contains("s3cret"), "{lines}");
    }
}

#[test]
fn a_value_cannot_look_like_two_fields() {
    let lines = logged(&text(), |_| {
        let mut access = AccessLog::new(&text()).request("r6 ended=done", REMOTE, &request("/", &[]));
        access.target = "/ status=200\nforged".to_owned();
        access.host = Some(HeaderValue::from_bytes(b"a b=\xff").unwrap());
    });
    assert_eq!(lines.lines().count(), 1);
    assert!(lines.contains(r"id=r6\x20ended=done "), "{lines}");
    assert!(lines.contains(r"host=a\x20b=\xff target=/\x20status=200\nforged "), "{lines}");
}
