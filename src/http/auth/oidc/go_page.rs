//! The pages between the steps of a login: pure. They send a browser on by a script, which keeps the fragment of the page
//! that the user asked for, or by a refresh, where scripts are off.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY};
use http::{HeaderValue, Response};

use super::return_target::ReturnTarget;
use crate::http::pages::page::{STYLE_HASH, style};
use crate::http::pages::template::{escape, fill};

/// A page of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoginPage {
    /// Sends the browser on.
    Go(GoOn),
    /// Asks at which issuer to log in: the name of each, and the path that begins it.
    Choose(Vec<(String, String)>),
    /// Asks whether the user wants to log out, since another site may have led here.
    ConfirmLogout,
    /// Says that the user has logged out, and leads to this page of the host again.
    LoggedOut(ReturnTarget),
}

/// Where a browser is sent, and what becomes of the fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoOn {
    /// The URL, whole.
    pub(crate) to: String,
    /// The name under which the fragment was kept, if it was; else it is the page's own.
    pub(crate) take: Option<String>,
    /// The name under which the fragment is kept; without one it is put behind the URL.
    pub(crate) keep: Option<String>,
}

impl LoginPage {
    /// The page as an answer.
    pub(crate) fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.html().into());
        let policy = match self {
            Self::Go(_) => format!(
                "default-src 'none'; style-src {STYLE_HASH}; script-src {SCRIPT_HASH}; {CLOSED}; form-action 'none'"
            ),
            _ => format!("default-src 'none'; style-src {STYLE_HASH}; {CLOSED}; form-action 'self'"),
        };
        let fields = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            // The URL of the callback holds a code.
            (REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::try_from(policy) {
            fields.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    fn html(&self) -> String {
        let title = match self {
            Self::Go(_) => "One moment",
            Self::Choose(_) => "Log in",
            Self::ConfirmLogout => "Log out?",
            Self::LoggedOut(_) => "Logged out",
        };
        fill(TEMPLATE, |name, out| match (name, self) {
            ("title", _) => out.push_str(title),
            ("style", _) => out.push_str(style()),
            ("refresh", Self::Go(go)) => {
                out.push_str("<noscript><meta http-equiv=\"refresh\" content=\"0;url=");
                escape(&go.to, out);
                out.push_str("\"></noscript>");
            }
            ("body", Self::Go(go)) => {
                out.push_str("<p><a id=\"go\" rel=\"noreferrer\"");
                for (name, value) in
                    [("href", Some(&go.to)), ("data-take", go.take.as_ref()), ("data-keep", go.keep.as_ref())]
                {
                    if let Some(value) = value {
                        out.extend([" ", name, "=\""]);
                        escape(value, out);
                        out.push('"');
                    }
                }
                out.push_str(">Continue</a></p>");
            }
            ("body", Self::Choose(issuers)) => {
                out.push_str("<p>Where do you log in?</p><ul>");
                for (name, path) in issuers {
                    out.push_str("<li><a href=\"");
                    escape(path, out);
                    out.push_str("\">");
                    escape(name, out);
                    out.push_str("</a></li>");
                }
                out.push_str("</ul>");
            }
            ("body", Self::ConfirmLogout) => out.push_str(
                "<p>This ends your login here and at the login service, and closes what is open with it.</p>\
                 <form method=\"post\" action=\"/.frontgate/logout\"><button>Log out</button></form>",
            ),
            ("body", Self::LoggedOut(front)) => {
                out.push_str("<p>Your login has ended. <a href=\"");
                escape(front.as_str(), out);
                out.push_str(
                    "\">Log in again</a>, or <a href=\"/.frontgate/login?mode=another\">as another user</a>.</p>",
                );
            }
            ("script", Self::Go(_)) => {
                out.push_str("<script>");
                out.push_str(SCRIPT);
                out.push_str("</script>");
            }
            _ => {}
        })
    }
}

const TEMPLATE: &str = include_str!("go_page/go.html");
const SCRIPT: &str = include_str!("go_page/go.js");
const SCRIPT_HASH: &str = "'sha256-ySNguLd3NL45VG3ivcAvGdVwRovASwPJPhMQ6JNCtts='";
const CLOSED: &str = "base-uri 'none'; frame-ancestors 'self'";

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::Engine;

    use super::*;

    #[test]
    fn the_policy_names_the_hash_of_the_script() {
        let hash = base64::engine::general_purpose::STANDARD.encode(digest(&SHA256, SCRIPT.as_bytes()));
        assert_eq!(SCRIPT_HASH, format!("'sha256-{hash}'"));
        assert!(!SCRIPT.contains("</"));
    }

    #[test]
    fn what_leads_on_is_escaped_and_nothing_else_runs() {
        let to = "https://gw/\"><script>alert(1)</script>?a&b'".to_owned();
        for page in [
            LoginPage::Go(GoOn { to: to.clone(), take: Some(to.clone()), keep: Some(to) }),
            LoginPage::Choose(vec![("<script>alert(1)<".to_owned(), "/\"><script>alert(1)<".to_owned())]),
            LoginPage::ConfirmLogout,
            LoginPage::LoggedOut(ReturnTarget::at("/\"><script>alert(1)<")),
        ] {
            let response = page.response();
            let html = str::from_utf8(response.body()).unwrap();
            let is_go = matches!(page, LoginPage::Go(_));
            assert_eq!(html.matches("<script").count(), usize::from(is_go), "{html}");
            assert!(!html.contains("alert(1)<") && !html.contains("{{"), "{html}");
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert_eq!(policy.contains("script-src"), is_go);
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        }
    }
}
