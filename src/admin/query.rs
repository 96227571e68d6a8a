//! [`AdminQuery`]: the operation that a request to the admin listener asks for.

use std::time::Duration;

use http::{Method, StatusCode, Uri};

use super::CloseOrder;
use super::connections_query::ConnectionsQuery;
use super::form::decoded;
use crate::config::{EndpointUrl, spread_time};

/// The operation that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AdminQuery<'a> {
    Probe,
    Page,
    Login,
    Events(Box<ConnectionsQuery>),
    PageClose { id: String },
    PageDoctor,
    Status,
    Config,
    Metrics,
    Connections(Box<ConnectionsQuery>),
    Tap { id: &'a str, payload: bool },
    CloseUser { user: String, how: CloseOrder },
    Close { id: &'a str, how: CloseOrder },
    Reload,
    Handover,
    Drain,
    DrainEndpoint { endpoint: EndpointUrl, over: Option<Duration> },
    ResumeEndpoint(EndpointUrl),
    Rejected(StatusCode, String),
}

pub(super) fn query<'a>(method: &Method, uri: &'a Uri) -> AdminQuery<'a> {
    let path = uri.path();
    let wanted = match path {
        "/livez" | "/readyz" => AdminQuery::Probe,
        "/" => AdminQuery::Page,
        "/login" => AdminQuery::Login,
        "/events" => match ConnectionsQuery::parse(uri.query().unwrap_or_default()) {
            Ok(query) => AdminQuery::Events(Box::new(query)),
            Err(why) => return AdminQuery::Rejected(StatusCode::BAD_REQUEST, why),
        },
        "/page/close" => {
            let id = uri.query().unwrap_or_default().strip_prefix("id=").and_then(decoded);
            AdminQuery::PageClose { id: id.unwrap_or_default() }
        }
        "/page/doctor" => AdminQuery::PageDoctor,
        "/status" => AdminQuery::Status,
        "/config" => AdminQuery::Config,
        "/metrics" => AdminQuery::Metrics,
        "/connections" if method == Method::DELETE => match user(uri.query().unwrap_or_default()) {
            Ok((user, how)) => AdminQuery::CloseUser { user, how },
            Err(why) => AdminQuery::Rejected(StatusCode::BAD_REQUEST, why),
        },
        "/connections" => match ConnectionsQuery::parse(uri.query().unwrap_or_default()) {
            Ok(query) => AdminQuery::Connections(Box::new(query)),
            Err(why) => return AdminQuery::Rejected(StatusCode::BAD_REQUEST, why),
        },
        "/reload" => AdminQuery::Reload,
        "/upgrade" => AdminQuery::Handover,
        "/drain" if method == Method::POST => match drain(uri.query().unwrap_or_default()) {
            Ok(query) => query,
            Err(why) => return AdminQuery::Rejected(StatusCode::BAD_REQUEST, why),
        },
        "/drain" => AdminQuery::Drain,
        _ => match path.strip_prefix("/connections/") {
            Some(rest) if let Some(id) = rest.strip_suffix("/tap") => match uri.query() {
                asked @ (None | Some("payload")) => AdminQuery::Tap { id, payload: asked.is_some() },
                Some(_) => return AdminQuery::Rejected(StatusCode::BAD_REQUEST, TAP_USAGE.to_owned()),
            },
            Some(id) => match close_order(uri.query().unwrap_or_default()) {
                Ok(how) => AdminQuery::Close { id, how },
                Err(why) => AdminQuery::Rejected(StatusCode::BAD_REQUEST, why),
            },
            None => return AdminQuery::Rejected(StatusCode::NOT_FOUND, WHAT_THERE_IS.to_owned()),
        },
    };
    let (is_right, right) = match wanted {
        AdminQuery::Probe
        | AdminQuery::Page
        | AdminQuery::Status
        | AdminQuery::Config
        | AdminQuery::Metrics
        | AdminQuery::Connections(_) => (matches!(*method, Method::GET | Method::HEAD), "GET"),
        // A tap takes the place of another one, and a client that asks for the head alone reads none.
        AdminQuery::Tap { .. } | AdminQuery::Events(_) => (method == Method::GET, "GET"),
        AdminQuery::Reload
        | AdminQuery::Handover
        | AdminQuery::Drain
        | AdminQuery::DrainEndpoint { .. }
        | AdminQuery::ResumeEndpoint(_)
        | AdminQuery::Login
        | AdminQuery::PageClose { .. }
        | AdminQuery::PageDoctor => (method == Method::POST, "POST"),
        AdminQuery::Close { .. } | AdminQuery::CloseUser { .. } | AdminQuery::Rejected(..) => {
            (method == Method::DELETE, "DELETE")
        }
    };
    if !is_right {
        return AdminQuery::Rejected(StatusCode::METHOD_NOT_ALLOWED, format!("use {right}\n"));
    }
    wanted
}

/// What is to be drained: all, or one endpoint. Nothing else may be in the query: a misspelt name must not stop frontgate.
fn drain<'a>(query: &str) -> Result<AdminQuery<'a>, String> {
    let usage = || "use POST /drain, /drain?endpoint=URL&over=5m, or /drain?resume=URL\n".to_owned();
    let (mut endpoint, mut over, mut resume) = (None, None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(usage)?;
        let value = decoded(value).ok_or_else(usage)?;
        let address = || EndpointUrl::read(&value).map_err(|why| format!("{name}: {why}\n"));
        let before = match name {
            "endpoint" => endpoint.replace(address()?).is_some(),
            "resume" => resume.replace(address()?).is_some(),
            "over" => over.replace(spread_time(&value).map_err(|why| format!("over: {why}\n"))?).is_some(),
            _ => true,
        };
        if before {
            return Err(usage());
        }
    }
    match (endpoint, over, resume) {
        (None, None, None) => Ok(AdminQuery::Drain),
        (Some(endpoint), over, None) => Ok(AdminQuery::DrainEndpoint { endpoint, over }),
        (None, None, Some(endpoint)) => Ok(AdminQuery::ResumeEndpoint(endpoint)),
        _ => Err(usage()),
    }
}

/// The user whose WebSockets are to end, and how. Nothing else may be in the query: a misspelt condition must not end more
/// than was meant.
fn user(query: &str) -> Result<(String, CloseOrder), String> {
    let usage = || "use DELETE /connections?user=...&reason=...&for=10m, or DELETE /connections/ID\n".to_owned();
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    if pairs.iter().any(|(name, _)| !["user", "reason", "for"].contains(name)) {
        return Err(usage());
    }
    let mut users = pairs.iter().filter(|(name, _)| *name == "user");
    let (Some((_, user)), None) = (users.next(), users.next()) else { return Err(usage()) };
    let user = decoded(user).filter(|user| !user.is_empty()).ok_or_else(usage)?;
    Ok((user, close_order(query)?))
}

/// How WebSockets are to end: the reason that their clients get, and for how long these may open no other.
fn close_order(query: &str) -> Result<CloseOrder, String> {
    let time = query.split('&').find_map(|pair| pair.strip_prefix("for="));
    let time = time.map(|text| decoded(text).ok_or_else(String::new).and_then(|text| spread_time(&text)));
    let keep_out = time.transpose().map_err(|why| format!("for: {why}\n"))?;
    Ok(CloseOrder { reason: reason(query)?, keep_out })
}

/// The reason that the client of a WebSocket is to get in its Close frame.
fn reason(query: &str) -> Result<String, String> {
    let Some(encoded) = query.split('&').find_map(|pair| pair.strip_prefix("reason=")) else {
        return Ok(String::new());
    };
    let reason = decoded(encoded).ok_or("the reason is not UTF-8 in percent-encoding\n")?;
    if reason.len() > LONGEST_REASON {
        return Err(format!("the reason is {} bytes long, and a Close carries {LONGEST_REASON}\n", reason.len()));
    }
    Ok(reason)
}

/// Bytes. A Close frame carries 125 bytes, two of which are the code (RFC 6455 §5.5).
const LONGEST_REASON: usize = 123;

const TAP_USAGE: &str = "use GET /connections/ID/tap, or /connections/ID/tap?payload\n";

const WHAT_THERE_IS: &str = "frontgate answers GET / (a page), /livez, /readyz, /status, /config, /metrics, /connections and /connections/ID/tap, POST /reload, /upgrade \
                             and /drain (?endpoint=URL&over=5m, ?resume=URL), and DELETE /connections/ID?reason=...&for=10m and /connections?user=... here\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_alone_takes_no_place_of_a_tap_or_a_page() {
        for target in ["/connections/abc/tap", "/events"] {
            let target = target.parse().unwrap();
            let rejected = query(&Method::HEAD, &target);
            assert!(matches!(rejected, AdminQuery::Rejected(StatusCode::METHOD_NOT_ALLOWED, _)), "{target}");
        }
    }

    #[test]
    fn what_changes_something_is_posted() {
        let refused = |asked: AdminQuery| match asked {
            AdminQuery::Rejected(status, _) => status.as_u16(),
            asked => panic!("{asked:?}"),
        };
        let how = |reason: &str, keep_out| CloseOrder { reason: reason.to_owned(), keep_out };
        let close = |id, reason: &str| AdminQuery::Close { id, how: how(reason, None) };
        let close_user =
            |user: &str, reason: &str| AdminQuery::CloseUser { user: user.to_owned(), how: how(reason, None) };
        let ten_minutes = Some(Duration::from_mins(10));
        let address = |text| EndpointUrl::read(text).unwrap();
        let taken_out = |text, over: Option<u64>| AdminQuery::DrainEndpoint {
            endpoint: address(text),
            over: over.map(Duration::from_secs),
        };
        let listed = |query| AdminQuery::Connections(Box::new(ConnectionsQuery::parse(query).unwrap()));
        let long = format!("/connections/a?reason={}", "x".repeat(124));
        let longest = format!("/connections/a?reason={}", "x".repeat(123));
        let rows: &[(Method, &str, Result<AdminQuery, u16>)] = &[
            (Method::HEAD, "/readyz", Ok(AdminQuery::Probe)),
            (Method::POST, "/readyz", Err(405)),
            (Method::GET, "/status", Ok(AdminQuery::Status)),
            (Method::GET, "/config", Ok(AdminQuery::Config)),
            (Method::POST, "/config", Err(405)),
            (Method::POST, "/reload", Ok(AdminQuery::Reload)),
            (Method::GET, "/reload", Err(405)),
            (Method::POST, "/upgrade", Ok(AdminQuery::Handover)),
            (Method::GET, "/upgrade", Err(405)),
            (Method::POST, "/drain", Ok(AdminQuery::Drain)),
            (Method::DELETE, "/drain", Err(405)),
            (Method::GET, "/drain?endpoint=http://a:1", Err(405)),
            (Method::POST, "/drain?endpoint=http://a:1", Ok(taken_out("http://a:1", None))),
            (Method::POST, "/drain?endpoint=http%3A%2F%2Fa&over=5m", Ok(taken_out("http://a:80", Some(300)))),
            (Method::POST, "/drain?endpoint=http://a:1&over=0s", Ok(taken_out("http://a:1", Some(0)))),
            (Method::POST, "/drain?resume=unix:/a", Ok(AdminQuery::ResumeEndpoint(address("unix:/a")))),
            (Method::POST, "/drain?endpoint=a", Err(400)),
            (Method::POST, "/drain?endpoint=http://a:1&over=5", Err(400)),
            (Method::POST, "/drain?endpoint=http://a:1&over=90d", Err(400)),
            (Method::POST, "/drain?endpoint=http://a:1&endpoint=http://b:1", Err(400)),
            (Method::POST, "/drain?over=5m", Err(400)),
            (Method::POST, "/drain?resume=http://a:1&over=5m", Err(400)),
            (Method::POST, "/drain?resume=http://a:1&endpoint=http://a:1", Err(400)),
            (Method::POST, "/drain?endpiont=http://a:1", Err(400)),
            (Method::POST, "/drain?endpoint", Err(400)),
            (Method::GET, "/metrics", Ok(AdminQuery::Metrics)),
            (Method::POST, "/metrics", Err(405)),
            (Method::GET, "/connections", Ok(listed(""))),
            (Method::GET, "/connections?user=ann&limit=3", Ok(listed("user=ann&limit=3"))),
            (Method::GET, "/connections?usr=ann", Err(400)),
            (Method::POST, "/connections", Err(405)),
            (Method::DELETE, "/connections", Err(400)),
            (Method::DELETE, "/connections?user=", Err(400)),
            (Method::DELETE, "/connections?user=ann&user=bob", Err(400)),
            (Method::DELETE, "/connections?user=ann&route=x", Err(400)),
            (Method::DELETE, "/connections?user=ann%40x&reason=bye", Ok(close_user("ann@x", "bye"))),
            (Method::DELETE, "/connections/abc", Ok(close("abc", ""))),
            (
                Method::DELETE,
                "/connections/abc?for=10m&reason=x",
                Ok(AdminQuery::Close { id: "abc", how: how("x", ten_minutes) }),
            ),
            (
                Method::DELETE,
                "/connections?user=ann&for=600s",
                Ok(AdminQuery::CloseUser { user: "ann".to_owned(), how: how("", ten_minutes) }),
            ),
            (Method::DELETE, "/connections/abc?for=600", Err(400)),
            (Method::DELETE, "/connections/abc?for=25h", Err(400)),
            (Method::DELETE, "/connections?user=ann&for=", Err(400)),
            (Method::GET, "/connections/abc", Err(405)),
            (Method::GET, "/connections/abc/tap", Ok(AdminQuery::Tap { id: "abc", payload: false })),
            (Method::GET, "/connections/abc/tap?payload", Ok(AdminQuery::Tap { id: "abc", payload: true })),
            (Method::GET, "/connections/abc/tap?payloads", Err(400)),
            (Method::POST, "/connections/abc/tap", Err(405)),
            (Method::GET, "/connections/abc/tap/tap", Ok(AdminQuery::Tap { id: "abc/tap", payload: false })),
            (Method::DELETE, "/connections/a?x=1&reason=see+you%20at%20%E2%82%AC", Ok(close("a", "see you at €"))),
            (Method::DELETE, "/connections/a?reason=%ff", Err(400)),
            (Method::DELETE, "/connections/a?reason=%f", Err(400)),
            (Method::DELETE, "/connections/a?reason=%+1", Err(400)),
            (Method::DELETE, &long, Err(400)),
            (Method::DELETE, &longest, Ok(close("a", &longest[22..]))),
            (Method::GET, "/", Ok(AdminQuery::Page)),
            (Method::POST, "/", Err(405)),
            (Method::GET, "/login", Err(405)),
            (Method::POST, "/login", Ok(AdminQuery::Login)),
            (Method::GET, "/page/close?id=a", Err(405)),
            (Method::GET, "/page/doctor", Err(405)),
            (Method::POST, "/page/doctor", Ok(AdminQuery::PageDoctor)),
            (Method::POST, "/page/close?id=a%2Fb", Ok(AdminQuery::PageClose { id: "a/b".to_owned() })),
            (Method::GET, "/events?usr=ann", Err(400)),
            (Method::GET, "/index.html", Err(404)),
        ];
        for (method, path, expected) in rows {
            let uri: Uri = path.parse().unwrap();
            let asked = query(method, &uri);
            match expected {
                Ok(expected) => assert_eq!(asked, *expected, "{method} {path}"),
                Err(status) => assert_eq!(refused(asked), *status, "{method} {path}"),
            }
        }
    }
}
