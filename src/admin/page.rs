//! The page at `/`: for an operator with a browser.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use futures_util::stream::unfold;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use tokio::time::sleep;

use super::OperatorControl;
use super::connections_query::ConnectionsQuery;
use super::form::decoded;
use super::operator_answer::{OperatorAnswer, stream, text};
use super::page_logins::{PageLogins, hex, is_token};
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

/// The page that asks for the token of the admin listener, after a wrong one too.
pub(super) fn login_page(is_wrong: bool) -> OperatorAnswer {
    let nonce = random();
    let wrong = if is_wrong { "That is not the token." } else { "" };
    html(StatusCode::UNAUTHORIZED, &nonce, &LOGIN.replace("NONCE", &nonce).replace("WRONG", wrong))
}

/// What the form of the login page leads to.
pub(super) enum PageLogin {
    /// To the page.
    Done(OperatorAnswer),
    /// It has another token.
    Wrong,
}

/// Judges the form of the login page: the right token gets a cookie that stands for it.
pub(super) fn login(form: &[u8], token: Option<&Secret>, logins: &PageLogins, now: SystemTime) -> PageLogin {
    let given = std::str::from_utf8(form).ok().and_then(|form| {
        let mut given = form.split('&').filter_map(|pair| pair.strip_prefix("token="));
        given.next().and_then(decoded)
    });
    let mut answer = text(StatusCode::SEE_OTHER, "");
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    match (token, given) {
        (None, _) => PageLogin::Done(answer),
        (Some(token), Some(given)) if is_token(given.as_bytes(), token) => {
            answer.headers_mut().extend(logins.set_cookie(token, now).map(|cookie| (SET_COOKIE, cookie)));
            PageLogin::Done(answer)
        }
        (Some(_), _) => PageLogin::Wrong,
    }
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

fn random() -> String {
    let mut bytes = [0; 16];
    // Without randomness there is no page: a value that could be foreseen would be worse.
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => hex(&bytes),
        Err(_) => String::new(),
    }
}

/// The field that the page shows its token in.
const PAGE_TOKEN: HeaderName = HeaderName::from_static("x-frontgate-page");
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

    #[test]
    fn the_right_token_gets_a_cookie_and_a_wrong_one_a_word() {
        let (token, logins) = (Secret::new("s3cret".into()), PageLogins::fresh());
        let login = |form: &[u8], token| login(form, token, &logins, SystemTime::now());
        let PageLogin::Done(granted) = login(b"a=b&token=s3cret", Some(&token)) else { panic!("refused") };
        assert_eq!(granted.status(), StatusCode::SEE_OTHER);
        let cookie = granted.headers()[SET_COOKIE].to_str().unwrap();
        assert!(!cookie.contains("s3cret"), "{cookie}");
        for wrong in [&b"token=other"[..], b"token=", b"", b"token=%ff", b"\xff"] {
            assert!(matches!(login(wrong, Some(&token)), PageLogin::Wrong));
        }
        let PageLogin::Done(open) = login(b"", None) else { panic!("there is no token") };
        assert!(!open.headers().contains_key(SET_COOKIE));
        assert!(LOGIN.contains("WRONG"));
    }
}
