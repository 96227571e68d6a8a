//! The page at `/`: for an operator with a browser.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures_util::stream::unfold;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use tokio::time::sleep;

use super::OperatorControl;
use super::connections_query::ConnectionsQuery;
use super::form::decoded;
use super::operator_answer::{OperatorAnswer, stream, text};
use crate::config::Secret;
use crate::drain::Drain;

/// What the page shows that a request of its own must show again: no other page can read it.
#[derive(Debug, Clone)]
pub(super) struct PageToken(Arc<str>);

impl PageToken {
    /// A token that no process had before.
    pub(super) fn fresh() -> Self {
        Self(random().into())
    }

    /// Whether a request came from the page.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let mut shown = headers.get_all(PAGE_TOKEN).iter();
        match (shown.next(), shown.next()) {
            (Some(shown), None) => {
                !self.0.is_empty() && verify_slices_are_equal(shown.as_bytes(), self.0.as_bytes()).is_ok()
            }
            _ => false,
        }
    }

    /// The page.
    pub(super) fn page(&self) -> OperatorAnswer {
        let nonce = random();
        html(StatusCode::OK, &nonce, &PAGE.replace("NONCE", &nonce).replace("\"TOKEN\"", &format!("\"{}\"", self.0)))
    }
}

/// The page that asks for the token of the admin listener.
pub(super) fn login_page() -> OperatorAnswer {
    let nonce = random();
    html(StatusCode::UNAUTHORIZED, &nonce, &LOGIN.replace("NONCE", &nonce))
}

/// The answer to a form of the login page: a cookie that stands for the token, and the way to the page.
pub(super) async fn login(form: &[u8], token: Option<&Secret>) -> OperatorAnswer {
    let given = std::str::from_utf8(form).ok().and_then(|form| {
        let mut given = form.split('&').filter_map(|pair| pair.strip_prefix("token="));
        given.next().and_then(decoded)
    });
    let cookie = match (token, given) {
        (None, _) => None,
        (Some(token), Some(given)) if cookie_of(given.as_bytes()) == cookie_of(token.expose()) => {
            Some(cookie_of(token.expose()))
        }
        (Some(_), _) => {
            // Guessing takes its time.
            sleep(AFTER_A_WRONG_TOKEN).await;
            return login_page();
        }
    };
    let mut answer = text(StatusCode::SEE_OTHER, "");
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    let cookie = cookie.map(|cookie| format!("{COOKIE_NAME}={cookie}; Path=/; HttpOnly; SameSite=Strict"));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

/// Whether a request shows the cookie that stands for `token`.
pub(super) fn shows_cookie(headers: &HeaderMap, token: &Secret) -> bool {
    let expected = cookie_of(token.expose());
    let pairs =
        headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok()).flat_map(|field| field.split(';'));
    let mut shown = pairs.filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
    shown.any(|shown| verify_slices_are_equal(shown.as_bytes(), expected.as_bytes()).is_ok())
}

/// What the page shows, again and again, as server-sent events.
pub(super) fn events(control: Arc<dyn OperatorControl>, query: ConnectionsQuery, drain: Drain) -> OperatorAnswer {
    let query = ConnectionsQuery { limit: query.limit.min(MOST_ROWS), offset: 0, ..query };
    let state = (control, query, drain, Duration::ZERO);
    let events = unfold(state, |(control, query, drain, wait)| async move {
        // A successor answers the page's next question.
        tokio::select! {
            () = drain.soft() => return None,
            () = sleep(wait) => {}
        }
        let event = format!("retry: 2000\ndata: {}\n\n", control.page(&query));
        Some((Bytes::from(event), (control, query, drain, EVERY)))
    });
    stream("text/event-stream", events)
}

fn html(status: StatusCode, nonce: &str, text: &str) -> OperatorAnswer {
    let mut answer = Response::new(Either::Left(Full::from(text.to_owned())));
    *answer.status_mut() = status;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let fields = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With "no-referrer" a browser would hide the origin of the form, and the guard would take it for a foreign one.
        (REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fields {
        answer.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    }
    answer
}

/// What a browser shows in place of a token: of no use anywhere else.
fn cookie_of(token: &[u8]) -> String {
    hex(digest(&SHA256, &[b"frontgate admin page:", token].concat()).as_ref())
}

fn random() -> String {
    let mut bytes = [0; 16];
    // Without randomness there is no page: a value that could be foreseen would be worse.
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => hex(&bytes),
        Err(_) => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The field that the page shows its token in.
const PAGE_TOKEN: HeaderName = HeaderName::from_static("x-frontgate-page");
const COOKIE_NAME: &str = "frontgate_admin";
const PAGE: &str = include_str!("page.html");
const LOGIN: &str = include_str!("login.html");
/// The pause between two events: 30 a minute, of at most some 60 KB each.
const EVERY: Duration = Duration::from_secs(2);
/// The most WebSockets in an event.
const MOST_ROWS: usize = 100;
/// The pause before the answer to a wrong token.
pub(super) const AFTER_A_WRONG_TOKEN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_policy_for_its_own_script_alone_and_a_token() {
        let token = PageToken::fresh();
        let (one, other) = (token.page(), token.page());
        let policy = |answer: &OperatorAnswer| answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert_ne!(policy(&one), policy(&other));
        assert!(policy(&one).starts_with("default-src 'none'; script-src 'nonce-"));
        for (shown, expected) in [(&*token.0, true), ("", false), ("TOKEN", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(PAGE_TOKEN, HeaderValue::try_from(shown).unwrap());
            assert_eq!(token.is_shown(&headers), expected, "{shown}");
        }
        assert!(!token.is_shown(&HeaderMap::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_cookie_stands_for_the_token_and_is_not_the_token() {
        let token = Secret::new("s3cret".into());
        let granted = login(b"token=s3cret", Some(&token)).await;
        assert_eq!(granted.status(), StatusCode::SEE_OTHER);
        let cookie = granted.headers()[SET_COOKIE].to_str().unwrap();
        assert!(!cookie.contains("s3cret") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        for (field, expected) in [(pair.to_owned(), true), (format!("a=b; {pair}"), true), (format!("{pair}0"), false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::try_from(&field).unwrap());
            assert_eq!(shows_cookie(&headers, &token), expected, "{field}");
            assert!(!shows_cookie(&headers, &Secret::new("other".into())));
        }
        for wrong in [&b"token=other"[..], b"token=", b"", b"token=%ff", b"\xff"] {
            assert_eq!(login(wrong, Some(&token)).await.status(), StatusCode::UNAUTHORIZED);
        }
    }
}
