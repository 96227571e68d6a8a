//! What a [`RequestFailure`] looks like on the wire: a page for a person, JSON for a program, plain text for a
//! terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, Response};

use super::accept::MediaForm;
use super::template::{escape, fill};
use crate::http::error::{AnotherLogin, ErrorPageSpec, RequestFailure};

/// The page's template. Its style is inline and named by hash in [`POLICY`], and it loads nothing.
const TEMPLATE: &str = include_str!("page.html");

/// How often the page is loaded again when waiting may help, in seconds, where scripts are off.
const REFRESH: u32 = 5;

/// The hash of [`style`], as a policy names it (CSP3 §2.3.1).
pub(in crate::http) const STYLE_HASH: &str = "'sha256-EskVZinCEhjRCOx8CFzstxnsggLOdNJFlRwJ5rSaOM8='";

/// Allows only the page's own style, by its hash.
const POLICY: &str = "default-src 'none'; style-src 'sha256-EskVZinCEhjRCOx8CFzstxnsggLOdNJFlRwJ5rSaOM8='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Also allows the script of a page that waits, which asks this server and no other.
const WAITING_POLICY: &str = "default-src 'none'; style-src 'sha256-EskVZinCEhjRCOx8CFzstxnsggLOdNJFlRwJ5rSaOM8='; script-src 'sha256-Ik6Jb5C3k315UB/tE8fCU3T2dOMaDnPJYtpMEDYhDAw='; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The script that asks until the gateway is back, and then loads the page again, fragment and all. Its hash is in
/// [`WAITING_POLICY`].
const WAITING: &str = include_str!("page/waiting.js");

/// The field that carries the request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The style of all pages.
pub(in crate::http) fn style() -> &'static str {
    let behind = TEMPLATE.split_once("<style>").map_or("", |(_, behind)| behind);
    behind.split_once("</style>").map_or("", |(style, _)| style)
}

/// The answer to a request that failed, in the form that its `Accept` prefers. A page for a request that can be
/// repeated goes on by itself when the gateway is back.
pub(crate) fn response(
    failure: &RequestFailure,
    method: &Method,
    accept: Option<&HeaderValue>,
    request_id: &str,
) -> Response<Bytes> {
    let waits = waits(failure, method);
    let (content_type, body) = render(failure, waits, accept, request_id);
    let mut response = Response::new(body);
    *response.status_mut() = failure.status();
    let length = response.body().len();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(header::CONTENT_LENGTH, length.into());
    for (name, value) in common_fields(failure, request_id) {
        // An id with odd bytes is left out rather than the answer.
        if let Ok(value) = HeaderValue::from_str(&value) {
            fields.insert(name, value);
        }
    }
    if content_type == MediaForm::Html.content_type() {
        fields.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(if waits { WAITING_POLICY } else { POLICY }),
        );
    }
    response
}

/// A whole HTTP/1.1 response that closes the connection, for failures that happen before there is a request to answer:
/// a head that took too long (408), is not HTTP (400) or is too large (431).
pub(crate) fn raw(failure: &RequestFailure, request_id: &str) -> Bytes {
    let status = failure.status();
    let body = text(failure, request_id);
    let mut out = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    for (name, value) in common_fields(failure, request_id) {
        if HeaderValue::from_str(&value).is_ok() {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    }
    let content_type = MediaForm::Text.content_type();
    let _ = write!(out, "content-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    out.push_str(&body);
    out.into()
}

/// Whether the page may be loaded again by itself: waiting helps, and loading it changes nothing (RFC 9110 §9.2.1). A login
/// that did not succeed would be one more failed login of its network each time.
fn waits(failure: &RequestFailure, method: &Method) -> bool {
    !matches!(failure, RequestFailure::LoginInvalid(_))
        && matches!(failure.status().as_u16(), 502..=504)
        && matches!(*method, Method::GET | Method::HEAD)
}

/// The content type and the body.
fn render(
    failure: &RequestFailure,
    waits: bool,
    accept: Option<&HeaderValue>,
    request_id: &str,
) -> (&'static str, Bytes) {
    let form = MediaForm::preferred(accept);
    let body = match form {
        MediaForm::Html => html(failure, waits, request_id),
        MediaForm::Json => json(failure, request_id),
        MediaForm::Text => text(failure, request_id),
    };
    (form.content_type(), body.into())
}

fn common_fields(failure: &RequestFailure, request_id: &str) -> impl Iterator<Item = (HeaderName, Cow<'static, str>)> {
    let allow = matches!(failure, RequestFailure::Connect).then_some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    let login = match failure {
        RequestFailure::LoginRequired(challenge) => Some(challenge.as_str()),
        _ => None,
    };
    [
        Some((header::CACHE_CONTROL, Cow::from("no-store"))),
        Some((header::X_CONTENT_TYPE_OPTIONS, Cow::from("nosniff"))),
        Some((REQUEST_ID, Cow::from(request_id.to_owned()))),
        failure.retry_after().map(|seconds| (header::RETRY_AFTER, seconds.to_string().into())),
        login.map(|scheme| (header::WWW_AUTHENTICATE, scheme.into())),
        // RFC 9110 §15.5.6: a 405 says what is allowed.
        allow.map(|methods| (header::ALLOW, methods.into())),
    ]
    .into_iter()
    .flatten()
}

fn text(failure: &RequestFailure, request_id: &str) -> String {
    let ErrorPageSpec { status, code, title, message, hint, .. } = failure.page_spec();
    let another =
        failure.another_login().map(|another| format!("Log in as another user: {}\n", one_line(&another.path)));
    let (another, request_id) = (another.unwrap_or_default(), one_line(request_id));
    format!("{} {title}\n\n{message}\n{hint}\n{another}\ncode: {code}\nrequest: {request_id}\n", status.as_str())
}

fn json(failure: &RequestFailure, request_id: &str) -> String {
    let ErrorPageSpec { code, message, hint, .. } = failure.page_spec();
    let mut error = serde_json::json!({ "code": code, "message": message, "hint": hint, "request_id": request_id });
    if let Some(another) = failure.another_login() {
        error["login"] = another.path.clone().into();
    }
    format!("{}\n", serde_json::json!({ "error": error }))
}

/// The link to a login as another user.
fn link(another: &AnotherLogin, out: &mut String) {
    out.push_str("<p>");
    if let Some(user) = &another.user {
        out.push_str("The login service says that you are <code>");
        escape(user, out);
        out.push_str("</code>. ");
    }
    out.push_str("<a href=\"");
    escape(&another.path, out);
    out.push_str("\">Log in as another user</a></p>");
}

fn html(failure: &RequestFailure, waits: bool, request_id: &str) -> String {
    let page_spec = failure.page_spec();
    let refresh = format!("<noscript><meta http-equiv=\"refresh\" content=\"{REFRESH}\"></noscript>");
    let again = format!(
        "<p class=\"again\"><i></i><span><noscript>This page tries again every {REFRESH} seconds.</noscript></span></p>"
    );
    let script = format!("<script>{WAITING}</script>");
    fill(TEMPLATE, |name, out| match name {
        "status" => out.push_str(page_spec.status.as_str()),
        "title" => escape(page_spec.title, out),
        "message" => code_spans(page_spec.message, out),
        "hint" => code_spans(page_spec.hint, out),
        "code" => escape(page_spec.code, out),
        "request_id" => escape(request_id, out),
        "refresh" if waits => out.push_str(&refresh),
        "again" if waits => out.push_str(&again),
        "another" => failure.another_login().into_iter().for_each(|another| link(another, out)),
        "script" if waits => out.push_str(&script),
        _ => {}
    })
}

/// Escapes `text` and sets the words between backticks as code.
fn code_spans(text: &str, out: &mut String) {
    for (index, part) in text.split('`').enumerate() {
        let is_code = index % 2 == 1;
        out.push_str(if is_code { "<code>" } else { "" });
        escape(part, out);
        out.push_str(if is_code { "</code>" } else { "" });
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use http::StatusCode;

    use super::*;
    use crate::http::error::tests::every_failure;
    use crate::http::error::{BadRequest, LoginChallenge};

    fn not_running() -> RequestFailure {
        RequestFailure::GatewayNotRunning("connect to 10.1.2.3:18789: refused".into())
    }

    fn body(failure: &RequestFailure, accept: &'static str, id: &str) -> String {
        let (_, body) = render(failure, waits(failure, &Method::GET), Some(&HeaderValue::from_static(accept)), id);
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn plain_text_reads_in_a_terminal() {
        assert_eq!(
            body(&not_running(), "*/*", "r1"),
            "502 The gateway is not running\n\n\
             frontgate works, but no process answers at the gateway's address.\n\
             Start it with `openclaw gateway`. If it runs elsewhere, set `upstream` in frontgate's config; \
             the default is `http://127.0.0.1:18789`.\n\n\
             code: gateway_not_running\nrequest: r1\n"
        );
    }

    #[test]
    fn json_is_for_programs() {
        let body: serde_json::Value = serde_json::from_str(&body(
            &RequestFailure::BadRequest(BadRequest::TwoHosts),
            "application/json",
            "r\"1\n",
        ))
        .unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "error": {
                "code": "two_hosts",
                "message": "It has more than one Host header.",
                "hint": "This is for the client's author: correct the request.",
                "request_id": "r\"1\n",
            } })
        );
    }

    #[test]
    fn the_page_is_complete_and_escaped() {
        for failure in every_failure() {
            let page = body(&failure, "text/html", "<script>\"{{title}}&'\u{0}");
            assert!(page.contains("request &lt;script&gt;&quot;{{title}}&amp;&#39;\u{fffd}</span>"), "{page}");
            let placeholder = page.replace("{{title}}&amp;", "").contains("{{");
            assert!(!placeholder, "{page}");
            let links = page.matches("href=\"/.frontgate/login?").count();
            assert_eq!(page.matches("href=").count(), links, "{page}");
            assert!(!page.contains("<b>eve"), "{page}");
            for outside in ["src=", "url(", "@import", "http-equiv=\"Content"] {
                assert!(!page.contains(outside), "{outside}");
            }
            let is_login = matches!(failure, RequestFailure::LoginInvalid(_));
            let waits = !is_login && matches!(failure.status().as_u16(), 502..=504);
            for part in [
                "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>",
                "<noscript>This page tries again every 5 seconds.</noscript>",
                &format!("<script>{WAITING}</script>"),
            ] {
                assert_eq!(page.matches(part).count(), usize::from(waits), "{part}");
            }
            assert_eq!(page.matches("<script").count(), usize::from(waits), "{page}");
            assert_eq!(page.matches("refresh").count(), usize::from(waits), "{page}");
        }
        assert!(body(&not_running(), "text/html", "r").contains("Start it with <code>openclaw gateway</code>."));
    }

    #[test]
    fn the_policies_name_the_hashes_of_the_style_and_the_script() {
        let hash = |text: &str| {
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(hash))
        };
        let (style, script) = (format!("style-src {};", hash(style())), format!("script-src {};", hash(WAITING)));
        assert_eq!(style, format!("style-src {STYLE_HASH};"));
        assert!(POLICY.contains(&style) && WAITING_POLICY.contains(&style), "write {style}");
        assert!(WAITING_POLICY.contains(&script) && !POLICY.contains("script-src"), "write {script}");
        assert_eq!(WAITING_POLICY.replace(&format!("{script} connect-src 'self'; "), ""), POLICY);
    }

    #[test]
    fn only_what_can_be_asked_for_again_is_asked_for_again() {
        let html = HeaderValue::from_static("text/html");
        for (failure, method, waits) in [
            (not_running(), Method::GET, true),
            (not_running(), Method::HEAD, true),
            (not_running(), Method::POST, false),
            (RequestFailure::Draining, Method::GET, true),
            (RequestFailure::NoRoute, Method::GET, false),
            (RequestFailure::LoginRequired(LoginChallenge::Basic), Method::GET, false),
        ] {
            let page = response(&failure, &method, Some(&html), "r1");
            let policy = page.headers()["content-security-policy"].to_str().unwrap();
            assert_eq!(policy == WAITING_POLICY, waits, "{failure} {method}");
            let body = str::from_utf8(page.body()).unwrap();
            assert_eq!(body.contains("<script"), waits, "{failure} {method}");
            assert_eq!(body.contains("class=\"again\""), waits, "{failure} {method}");
        }
    }

    #[test]
    fn a_response_has_the_fields_it_needs() {
        let response =
            response(&RequestFailure::Draining, &Method::GET, Some(&HeaderValue::from_static("text/html")), "r1");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let length = response.body().len().to_string();
        let expected = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-length", &length),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-request-id", "r1"),
            ("retry-after", "2"),
            ("content-security-policy", WAITING_POLICY),
        ];
        for (name, value) in expected {
            assert_eq!(response.headers()[name], value);
        }
        assert_eq!(response.headers().len(), expected.len());
    }

    #[test]
    fn a_405_says_what_is_allowed_and_an_odd_id_is_left_out() {
        let response = response(&RequestFailure::Connect, &Method::CONNECT, None, "a\r\nb: c");
        assert!(response.headers().contains_key("allow"));
        assert!(!response.headers().contains_key("x-request-id"));
    }

    #[test]
    fn raw_is_a_whole_response_that_closes() {
        let raw = raw(&RequestFailure::RequestTimeout, "r1");
        assert_eq!(
            raw,
            "HTTP/1.1 408 Request Timeout\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
             x-request-id: r1\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 258\r\nconnection: close\r\n\r\n\
             408 The request took too long\n\nIts head was not there within `timeouts.request_head`, or nothing came of its body \
             for `timeouts.progress`.\nTry again; on a slow network, raise `timeouts.request_head` or `timeouts.progress`.\n\ncode: request_timeout\nrequest: r1\n"
        );
        for failure in every_failure() {
            let raw = super::raw(&failure, "evil\r\nset-cookie: a=b");
            let text = str::from_utf8(&raw).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())));
            assert!(!head.contains("evil") && !head.contains("cookie"));
        }
    }

    #[test]
    fn the_cause_is_never_shown() {
        for given in ["text/html", "application/json", "text/plain"] {
            assert!(!body(&not_running(), given, "r1").contains("10.1.2.3"));
        }
    }
}
