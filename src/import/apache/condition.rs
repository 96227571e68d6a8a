//! [`Condition`]: what a `RewriteCond` asks.

use super::ApachePattern;
use super::directive::is_challenge;
use crate::import::node::ImportNode;

/// What a `RewriteCond` asks, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// The request is a WebSocket's handshake.
    Upgrade,
    /// The request is no WebSocket's handshake.
    NoUpgrade,
    /// The request came without TLS.
    Plain,
    /// The request came with TLS.
    Secure,
    /// The request is for a certain host.
    Host,
    /// The request is a certificate authority's challenge, or is none.
    Challenge,
    /// The path matches.
    Path(ApachePattern),
    /// The condition asks for something else.
    Other,
}

impl Condition {
    /// Reads the words of a `RewriteCond`.
    pub(super) fn of(node: &ImportNode) -> Self {
        let test = node.arg(0).to_ascii_lowercase();
        let asked = node.arg(1);
        let (negated, asked) = asked.strip_prefix('!').map_or((false, asked), |asked| (true, asked));
        let word = asked.to_ascii_lowercase();
        let bare = word.trim_start_matches(['=', '^']).trim_end_matches('$').to_owned();
        let either = |yes, no| if negated { no } else { yes };
        match test.as_str() {
            "%{http:upgrade}" if word.contains("websocket") => either(Self::Upgrade, Self::NoUpgrade),
            "%{http:connection}" if word.contains("upgrade") => either(Self::Upgrade, Self::NoUpgrade),
            "%{http:sec-websocket-key}" | "%{http:sec-websocket-version}" => either(Self::Upgrade, Self::NoUpgrade),
            "%{query_string}" if word.contains("transport=websocket") => either(Self::Upgrade, Self::NoUpgrade),
            "%{https}" if bare == "on" => either(Self::Secure, Self::Plain),
            "%{https}" if bare == "off" => either(Self::Plain, Self::Secure),
            "%{server_port}" if bare == "443" => either(Self::Secure, Self::Plain),
            "%{server_port}" if bare == "80" => either(Self::Plain, Self::Secure),
            "%{request_scheme}" | "%{http:x-forwarded-proto}" if bare == "https" => either(Self::Secure, Self::Plain),
            "%{request_scheme}" | "%{http:x-forwarded-proto}" if bare == "http" => either(Self::Plain, Self::Secure),
            "%{server_name}" | "%{http_host}" if !negated => Self::Host,
            "%{request_uri}" if is_challenge(&word) || word.contains("well-known") => Self::Challenge,
            "%{request_uri}" if !negated => ApachePattern::of(asked).map_or(Self::Other, Self::Path),
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_understood_in_the_ways_in_which_people_write_them() {
        for (test, pattern, expected) in [
            ("%{HTTP:Upgrade}", "=websocket", Condition::Upgrade),
            ("%{HTTP:Upgrade}", "!websocket", Condition::NoUpgrade),
            ("%{HTTP:Connection}", "upgrade", Condition::Upgrade),
            ("%{HTTPS}", "off", Condition::Plain),
            ("%{HTTPS}", "!=on", Condition::Plain),
            ("%{SERVER_PORT}", "^443$", Condition::Secure),
            ("%{REQUEST_SCHEME}", "http", Condition::Plain),
            ("%{HTTP_HOST}", "^gw", Condition::Host),
            ("%{HTTP_HOST}", "!^gw", Condition::Other),
            ("%{REQUEST_URI}", "!^/.well-known/", Condition::Challenge),
            ("%{REMOTE_ADDR}", "^10", Condition::Other),
        ] {
            let args = vec![test.to_owned(), pattern.to_owned()];
            let place = crate::import::ImportPlace::start("f");
            let node = ImportNode { name: "rewritecond".into(), args, place, shown: String::new(), body: None };
            assert_eq!(Condition::of(&node), expected, "{test} {pattern}");
        }
    }
}
