//! [`Subject`]: what a variable such as `%{HTTP_HOST}` is, and what can be asked of it.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::address;
use super::pattern::{ApachePattern, is_path};
use super::sayable::Sayable;
use crate::import::condition::{Condition, FieldKind};
use crate::import::matching::{DraftMatch, DraftPath, Unsayable};

/// What is known of a server before a request comes.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Whether it speaks TLS.
    pub(super) tls: bool,
    /// Its port, if it has one only.
    pub(super) port: Option<u16>,
    /// The variables that `SetEnvIf` sets, and when.
    pub(super) environment: BTreeMap<String, Result<Condition, Unsayable>>,
}

/// What a variable is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// The path, decoded.
    Path,
    /// A field of the request.
    Header(String),
    /// The host that is asked for, without its port.
    Host,
    /// The method.
    Method,
    /// The address of the client.
    Address,
    /// What is behind the `?`.
    Query,
    /// The same for every request of the server.
    Fixed(String),
    /// A variable of `SetEnvIf`.
    Environment(String),
}

/// What is asked of a subject.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// Whether the expression matches.
    Matches {
        /// The expression as it is written.
        text: String,
        /// Whether letters of either case are the same.
        ignore_case: bool,
    },
    /// Whether it is this text.
    Is {
        /// The text.
        text: String,
        /// Whether letters of either case are the same.
        ignore_case: bool,
    },
    /// Whether the address is in any of the networks.
    In(Vec<IpNet>),
}

impl Subject {
    /// The variable of this name, without `%{` and `}`.
    pub(super) fn of(name: &str, facts: &Facts) -> Result<Self, Unsayable> {
        let lower = name.to_ascii_lowercase();
        if let Some((kind, field)) = lower.split_once(':') {
            return match kind {
                "http" if is_field(field) => Ok(Self::Header(field.to_owned())),
                "env" => Ok(Self::Environment(name[4..].to_owned())),
                _ => Err(Unsayable),
            };
        }
        let fixed = |text: &str| Ok(Self::Fixed(text.to_owned()));
        match lower.as_str() {
            "request_uri" | "uri" | "document_uri" => Ok(Self::Path),
            "request_method" => Ok(Self::Method),
            "remote_addr" => Ok(Self::Address),
            "query_string" => Ok(Self::Query),
            "server_name" => Ok(Self::Host),
            "https" => fixed(if facts.tls { "on" } else { "off" }),
            "request_scheme" => fixed(if facts.tls { "https" } else { "http" }),
            "server_port" => facts.port.map(|port| Self::Fixed(port.to_string())).ok_or(Unsayable),
            "http_forwarded" => Ok(Self::Header("Forwarded".to_owned())),
            "http_user_agent" | "http_referer" | "http_cookie" | "http_host" | "http_accept" => {
                Ok(Self::Header(lower["http_".len()..].replace('_', "-")))
            }
            _ => Err(Unsayable),
        }
    }

    /// The requests for which the answer is yes.
    pub(super) fn ask(&self, question: &Question, facts: &Facts) -> Result<Condition, Unsayable> {
        if let Self::Environment(name) = self {
            return environment(name, question, facts);
        }
        match question {
            Question::In(nets) if *self == Self::Address => {
                Ok(if nets.is_empty() { Condition::never() } else { from(nets.clone()) })
            }
            Question::In(_) => Err(Unsayable),
            Question::Is { text, ignore_case } => self.is(text, *ignore_case),
            Question::Matches { text, ignore_case } => self.matches(text, *ignore_case),
        }
    }

    fn is(&self, text: &str, ignore_case: bool) -> Result<Condition, Unsayable> {
        match self {
            Self::Path if is_path(text) => {
                Ok(Condition::of(DraftMatch { ignore_case, ..DraftMatch::path(DraftPath::Exact(text.to_owned())) }))
            }
            Self::Path => Ok(Condition::never()),
            Self::Header(name) if !ignore_case && name != "host" => Condition::equals(FieldKind::Header, name, text),
            Self::Address => {
                Ok(text.parse::<std::net::IpAddr>().map_or(Condition::never(), |addr| from(vec![addr.into()])))
            }
            Self::Query | Self::Environment(_) => Err(Unsayable),
            Self::Fixed(_) | Self::Host | Self::Header(_) | Self::Method => {
                self.matches(&format!("^{}$", regex::escape(text)), ignore_case)
            }
        }
    }

    fn matches(&self, text: &str, ignore_case: bool) -> Result<Condition, Unsayable> {
        // Routes look at the host without its port.
        let is_host = matches!(self, Self::Header(name) if name == "host");
        if is_host && text.contains(':') {
            return Err(Unsayable);
        }
        let pattern = ApachePattern::of(text, ignore_case)?;
        match self {
            _ if is_host || *self == Self::Host => pattern.hosts(),
            Self::Path => pattern.paths(),
            Self::Header(name) => pattern.field(FieldKind::Header, name),
            Self::Fixed(value) => Ok(if pattern.matches(value)? { Condition::always() } else { Condition::never() }),
            Self::Address => address::networks_of_text(text).map(from),
            Self::Method => {
                let (mut fits, mut others) = (Vec::new(), Vec::new());
                for method in METHODS {
                    let list = if pattern.matches(method)? { &mut fits } else { &mut others };
                    list.push(method.to_owned());
                }
                let methods = |methods| Condition::of(DraftMatch { methods, ..DraftMatch::default() });
                // Where other methods could match, too, those are named that do not.
                if text.ends_with('$') && text.starts_with('^') && !text.contains(['.', '*', '+', '{', '[', '\\']) {
                    Ok(if fits.is_empty() { Condition::never() } else { methods(fits) })
                } else if others.is_empty() {
                    Ok(Condition::always())
                } else {
                    methods(others).not()
                }
            }
            Self::Query | Self::Environment(_) | Self::Host => Err(Unsayable),
        }
    }
}

/// Requests of clients in these networks.
pub(super) fn from(nets: Vec<IpNet>) -> Condition {
    Condition::of(DraftMatch { from: nets, ..DraftMatch::default() })
}

/// Whether a variable of `SetEnvIf` is set; its value is not looked at, but for being there.
fn environment(name: &str, question: &Question, facts: &Facts) -> Result<Condition, Unsayable> {
    let set = facts.environment.get(name).cloned().unwrap_or(Ok(Condition::never()))?;
    match question {
        Question::Is { text, .. } if text == "1" => Ok(set),
        Question::Is { text, .. } if text.is_empty() => set.not(),
        Question::Matches { text, .. } if text == "^$" => set.not(),
        Question::Matches { text, .. } if matches!(text.as_str(), "." | ".+" | "1" | "^1$" | "^1") => Ok(set),
        _ => Err(Unsayable),
    }
}

/// `(^|&)key=value(&|$)`: a value in the query. What a gateway makes of a key that is there twice is not known: those
/// without it are all that have not this value only; those with it are among all that have the key.
pub(super) fn query(text: &str, negated: bool) -> Result<Sayable, Unsayable> {
    let begins = ["(^|&)", "(?:^|&)", "^"];
    let ends = ["(&|$)", "(?:&|$)", "(?:$|&)", "($|&)", "$"];
    let inner = begins.iter().find_map(|begin| text.strip_prefix(begin)).ok_or(Unsayable)?;
    let inner = ends.iter().find_map(|end| inner.strip_suffix(end)).ok_or(Unsayable)?;
    let (key, value) = inner.split_once('=').ok_or(Unsayable)?;
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if !plain(key) || !plain(value) {
        return Err(Unsayable);
    }
    if negated {
        return Condition::equals(FieldKind::Query, key, value)?.not().map(Sayable::exactly);
    }
    Ok(Sayable::among(Condition::present(FieldKind::Query, key)))
}

/// Whether the text can be the name of a field.
pub(super) fn is_field(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// Methods of HTTP and of its file extensions (RFC 4918) that frontgate passes on.
const METHODS: [&str; 18] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MKCALENDAR",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, text: &str) -> Result<Condition, Unsayable> {
        let facts = Facts { tls: true, port: Some(443), ..Facts::default() };
        let question = Question::Matches { text: text.into(), ignore_case: false };
        Subject::of(name, &facts).and_then(|subject| subject.ask(&question, &facts))
    }

    #[test]
    fn what_is_known_before_needs_no_request() {
        for (name, text, expected) in [("HTTPS", "off", false), ("HTTPS", "on", true), ("SERVER_PORT", "^443$", true)] {
            let condition = asked(name, text).unwrap();
            assert_eq!((condition.is_always(), condition.is_never()), (expected, !expected), "{name} {text}");
        }
        assert_eq!(asked("THE_REQUEST", "x"), Err(Unsayable));
    }

    #[test]
    fn methods_that_are_not_listed_count_where_the_end_is_open() {
        let exact = asked("REQUEST_METHOD", "^(GET|HEAD)$").unwrap();
        assert_eq!(exact.alternatives()[0].methods, ["GET", "HEAD"]);
        let open = asked("REQUEST_METHOD", "^(TRACE|PUT)").unwrap();
        assert!(!open.alternatives()[0].not[0].methods.contains(&"PUT".to_owned()));
    }

    #[test]
    fn a_missing_field_is_empty() {
        assert_eq!(asked("HTTP_USER_AGENT", "^$").unwrap().alternatives().len(), 2);
        assert_eq!(asked("HTTP_USER_AGENT", "curl").unwrap().alternatives().len(), 1);
    }

    #[test]
    fn a_key_of_the_query_is_only_asked_for_where_it_lets_in() {
        let exact = |text: &str, negated| query(text, negated).ok().map(|found| found.exact);
        assert_eq!((exact("(^|&)key=a1(&|$)", true), exact("(^|&)key=a1(&|$)", false)), (Some(true), Some(false)));
        assert_eq!((exact("key=a", true), exact("^k=.*$", true)), (None, None));
        assert_eq!(asked("QUERY_STRING", "(^|&)key=a(&|$)"), Err(Unsayable));
    }
}
