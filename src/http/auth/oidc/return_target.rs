//! [`ReturnTarget`]: the page that a user asked for before the login, and gets behind it: pure.

use http::uri::PathAndQuery;

use crate::http::route::reading::PathReadings;
use crate::observe::percent_encoding::{decoded, encoded};

/// A path and query of this host, byte for byte as the request had it.
///
/// It is always put behind an origin of frontgate's own, `https://HOST`, and begins with a slash: what it holds can lead
/// to no other host, also where it begins with `//` or `/\`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnTarget(String);

impl ReturnTarget {
    /// The front page.
    pub(crate) fn root() -> Self {
        Self("/".to_owned())
    }

    /// The target with this path, or the front page where that is none.
    pub(crate) fn at(path: &str) -> Self {
        Self::checked(path).unwrap_or_else(Self::root)
    }

    /// The target of a request, or the front page where one cannot or should not be come back to.
    pub(crate) fn of(target: &PathAndQuery) -> Self {
        Self::checked(target.as_str()).unwrap_or_else(Self::root)
    }

    /// The target that [`ReturnTarget::encode`] wrote into a query; anything else is the front page.
    pub(crate) fn decode(text: &str) -> Self {
        let decoded = String::from_utf8(decoded(text.as_bytes()));
        decoded.ok().and_then(|text| Self::checked(&text)).unwrap_or_else(Self::root)
    }

    /// The target as the value of a query's parameter.
    pub(crate) fn encode(&self) -> String {
        encoded(&self.0)
    }

    /// The target's text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn checked(text: &str) -> Option<Self> {
        let is_sound = text.starts_with('/')
            && text.len() <= LONGEST
            && text.bytes().all(|byte| (0x21..0x7f).contains(&byte))
            && !text.contains('#')
            && text.parse::<PathAndQuery>().is_ok_and(|target| !is_own(target.path()));
        is_sound.then(|| Self(text.to_owned()))
    }
}

/// Whether a browser, or a program before frontgate, could make one of frontgate's own paths of this one. What ends a login is not
/// what a login is for, and led there by a login the browser would ask as from here.
fn is_own(path: &str) -> bool {
    let mut readings = PathReadings::of(path);
    loop {
        match readings.next() {
            Ok(Some(reading)) if !reading.to_ascii_lowercase().starts_with(OWN) => {}
            Ok(None) => return false,
            Ok(Some(_)) | Err(_) => return true,
        }
    }
}

/// The value of the first parameter of this name, as it stands in the query.
pub(crate) fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?.split('&').filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// The paths that frontgate answers itself begin so.
const OWN: &[u8] = b"/.frontgate/";
/// Bytes. The state that goes to the issuer and back holds the target, and servers take URLs of some 8 KiB.
const LONGEST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_comes_back_byte_for_byte() {
        for target in [
            "/",
            "/chat/main",
            "/a%2Fb/c?x=1&x=2&y=%20+&z",
            "/?",
            "/a;b=c/..//d?e=/f?g",
            "//evil.example/x",
            "/%5Cevil.example",
            "/?to=https://evil.example/&%0d%0a",
            "/.frontgat/x",
            "/x?to=/../.frontgate/logout",
        ] {
            let of = ReturnTarget::of(&target.parse().unwrap());
            assert_eq!(of.as_str(), target);
            assert_eq!(ReturnTarget::decode(&of.encode()), of);
            assert!(of.encode().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        }
    }

    #[test]
    fn what_is_no_target_of_this_host_is_the_front_page() {
        for text in [
            "",
            "https://evil.example/",
            "https%3A%2F%2Fevil.example%2F",
            "evil.example",
            "%2e",
            "javascript:alert(1)",
            "%09//evil.example",
            "/a%0D%0ASet-Cookie:%20a=b",
            "/a%00",
            "/a%20b",
            "/a\\b%0a",
            "/a#b",
            "/a%23b",
            "/%C3%A4",
            "/%FF",
            "/.frontgate/logout",
            "%2F.frontgate%2Flogout",
            "/x/../.frontgate/logout",
            "/./.frontgate/logout",
            "/%252e/.frontgate/logout",
            "/x/%252E%252e/.frontgate/logout?x",
            "//.frontgate/logout",
            "//x/.frontgate/logout",
            "/%5C.frontgate%5Clogout",
            "/x%5C..%5C.frontgate/logout",
            "/%252efrontgate/logout",
            "/.Frontgate/logout",
            "/x/..;/.frontgate/logout",
            &format!("/{}", "x".repeat(LONGEST)),
        ] {
            assert_eq!(ReturnTarget::decode(text), ReturnTarget::root(), "{text:?}");
        }
    }

    #[test]
    fn a_parameter_is_found_by_its_whole_name() {
        for (query, expected) in [
            (None, None),
            (Some(""), None),
            (Some("to"), None),
            (Some("to="), Some("")),
            (Some("xto=1&to=2&to=3"), Some("2")),
            (Some("a=to=1"), None),
            (Some("to=a=b"), Some("a=b")),
        ] {
            assert_eq!(parameter(query, "to"), expected, "{query:?}");
        }
    }
}
