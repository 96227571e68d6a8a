//! [`LoginWish`]: what a link to the login page asks for: pure.

use super::return_target::{ReturnTarget, parameter};

/// What a link to the login page asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginWish {
    /// A login; one that the browser has already will do.
    Any,
    /// A new one: that of the browser is too old for the page it asked for.
    Anew,
    /// One as another user than the one who is logged in at the issuer.
    Another,
    /// One that may pass: the browser has one whose user the page it asked for does not let in. Led back there it would come
    /// here again and again.
    Denied,
}

impl LoginWish {
    /// The wish in a query. What is not known is no wish.
    pub(crate) fn of(query: Option<&str>) -> Self {
        match parameter(query, "mode") {
            Some("anew") => Self::Anew,
            Some("another") => Self::Another,
            Some("denied") => Self::Denied,
            _ => Self::Any,
        }
    }

    /// The path that leads to `target` by a login at the issuer of this name.
    pub(crate) fn path(self, tag: &str, target: &ReturnTarget) -> String {
        let mode = match self {
            Self::Any => "",
            Self::Anew => "&mode=anew",
            Self::Another => "&mode=another",
            Self::Denied => "&mode=denied",
        };
        format!("/.frontgate/login?with={tag}{mode}&to={}", target.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_comes_back_as_it_was_written() {
        let target = ReturnTarget::decode("/a?mode=denied&b");
        for wish in [LoginWish::Any, LoginWish::Anew, LoginWish::Another, LoginWish::Denied] {
            let path = wish.path("tag", &target);
            let (_, query) = path.split_once('?').unwrap();
            assert_eq!(LoginWish::of(Some(query)), wish);
            assert_eq!(ReturnTarget::decode(parameter(Some(query), "to").unwrap()), target);
        }
        assert_eq!(LoginWish::of(Some("mode=Another")), LoginWish::Any);
        assert_eq!(LoginWish::of(None), LoginWish::Any);
    }
}
