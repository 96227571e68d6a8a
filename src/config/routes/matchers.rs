//! [`RequestMatchers`]: what a route looks at to know whether a request is its own.

use http::{HeaderName, Method};
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::field_matcher::{FieldMatcher, MatchedFields, MatchedHeader, MatchedName};
use super::host::{Host, HostPattern};
use super::path::{LetterCase, PathMatcher, PathValue};
use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Cidr, List, NoValue, Optional, Quoted, WordOf};
use crate::config::problem::ValueError;

/// What a request must have: all that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestMatchers {
    /// The hosts it is for; `None` for all.
    pub(crate) host: Option<HostPattern>,
    /// The paths it is for; `None` for all.
    pub(crate) path: Option<PathMatcher>,
    /// Whether letters of a path are equal in either case.
    pub(crate) ignore_case: bool,
    /// The methods; empty for all.
    pub(crate) methods: Vec<Method>,
    /// The networks of clients; empty for all.
    pub(crate) from: Vec<IpNet>,
    /// Header fields.
    pub(crate) headers: Vec<(HeaderName, FieldMatcher)>,
    /// Keys of the query, decoded.
    pub(crate) query: Vec<(String, FieldMatcher)>,
    /// Cookies.
    pub(crate) cookies: Vec<(String, FieldMatcher)>,
}

impl RequestMatchers {
    /// How letters of paths are compared.
    pub(crate) fn case(&self) -> LetterCase {
        if self.ignore_case { LetterCase::Ignored } else { LetterCase::Minded }
    }

    /// Whether more is looked at than host and path.
    pub(crate) fn has_conditions(&self) -> bool {
        let Self { host: _, path: _, ignore_case: _, methods, from, headers, query, cookies } = self;
        !(methods.is_empty() && from.is_empty() && headers.is_empty() && query.is_empty() && cookies.is_empty())
    }

    /// Whether every path is taken.
    pub(crate) fn takes_every_path(&self) -> bool {
        self.path.as_ref().is_none_or(PathMatcher::is_everything)
    }

    /// Whether every request that `other` takes is taken here, as far as that can be told.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let host = match (&self.host, &other.host) {
            (None, _) => true,
            (Some(own), Some(other)) => own.covers(other),
            (Some(_), None) => false,
        };
        let path = match (&self.path, &other.path) {
            (None, _) => true,
            (Some(own), Some(theirs)) => own.covers(self.case(), theirs, other.case()),
            (Some(own), None) => own.is_everything(),
        };
        let methods = self.methods.is_empty()
            || (!other.methods.is_empty() && other.methods.iter().all(|method| self.methods.contains(method)));
        let from = self.from.is_empty() || (!other.from.is_empty() && all_within(&other.from, &self.from));
        host && path
            && methods
            && from
            && self.headers.iter().all(|field| other.headers.contains(field))
            && self.query.iter().all(|field| other.query.contains(field))
            && self.cookies.iter().all(|field| other.cookies.contains(field))
    }
}

/// Whether every address of `narrow` is in one of `wide`.
pub(crate) fn all_within(narrow: &[IpNet], wide: &[IpNet]) -> bool {
    // Two halves of a network count as the whole.
    let wide = IpNet::aggregate(&wide.to_vec());
    narrow.iter().all(|net| wide.iter().any(|own| own.contains(net)))
}

impl KeySection for RequestMatchers {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "host",
            Optional(NoValue::Null, Host),
            &mut self.host,
            "The host it is for: a name, or *.example.com for every name below that one.",
        );
        keys.key(
            "path",
            Optional(NoValue::Null, PathValue),
            &mut self.path,
            "What the path begins with: /claw is for /claw and /claw/x, not for /clawed; /claw/ needs the slash; \
             { prefix: /claw, edge: any } is for /clawed, too. { exact: /setup } is for that path alone, \
             { regex: '^/admin(/|$)' } for paths that the expression matches somewhere. Paths are compared decoded, without dot \
             segments and double slashes.",
        );
        keys.key(
            "ignore_case",
            WordOf::SWITCH,
            &mut self.ignore_case,
            "Whether letters of `path` are equal in either case; an expression begins with (?i) for that.",
        );
        keys.key(
            "methods",
            List(MethodName),
            &mut self.methods,
            "The methods it is for, exactly these: with GET, HEAD has to be named as well.",
        );
        keys.key(
            "from",
            List(Cidr),
            &mut self.from,
            "The networks of its clients, which are known as `forwarded` says. A client without an address is neither in one nor outside.",
        );
        keys.key(
            "headers",
            MatchedFields(MatchedHeader),
            &mut self.headers,
            "Header fields, each with text, { regex: '^a' } or { present: true }; all must hold. A field that is there several times \
             holds only if each of its values and all of them together do. Host is compared without its port, in lower case, whatever the \
             protocol calls it.",
        );
        keys.key(
            "query",
            MatchedFields(MatchedName::QUERY),
            &mut self.query,
            "Keys of the query, as `headers`. Keys and values are compared decoded once, `+` is a space; a key without a value has an \
             empty one. A key that is there several times holds only if all of its values do.",
        );
        keys.key(
            "cookies",
            MatchedFields(MatchedName::COOKIE),
            &mut self.cookies,
            "Cookies, as `headers`. A cookie that is there several times holds only if all of its values do.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let lists = [
            ("methods", self.methods.is_empty()),
            ("from", self.from.is_empty()),
            ("headers", self.headers.is_empty()),
            ("query", self.query.is_empty()),
            ("cookies", self.cookies.is_empty()),
        ];
        for (key, empty) in lists {
            if !empty || !checks.gives(key) {
                continue;
            }
            let fault = ValueError::new("an empty list, which no request could match");
            checks.report(&[key], fault.hint(format!("remove `{key}` if it is for all requests")));
        }
        if self.ignore_case && !matches!(self.path, Some(PathMatcher::Prefix(_) | PathMatcher::Exact(_))) {
            let (fault, hint) = match self.path {
                Some(_) => ("an expression says itself whether it minds case", "begin it with (?i)"),
                None => ("without a path there is no case to ignore", "add `path`, or remove `ignore_case`"),
            };
            checks.report(&["ignore_case", "path"], ValueError::new(fault).hint(hint));
        }
    }
}

/// The kind of a method.
pub(in crate::config) struct MethodName;

impl KeyKind for MethodName {
    type Value = Method;

    fn name(&self) -> String {
        "method".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Method, ValueError> {
        let fault = |what: &str| ValueError::new(format!("{} {what}", Quoted(text)));
        let method = Method::from_bytes(text.as_bytes()).map_err(|_| fault("is not a method").hint("such as GET"))?;
        let upper = text.to_ascii_uppercase();
        if method == Method::CONNECT {
            return Err(fault("is not served").hint("a WebSocket is opened with GET"));
        }
        if upper != text {
            return Err(fault("is not in capitals").hint(format!("write `{upper}`")));
        }
        Ok(method)
    }

    fn write(&self, value: &Method) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Z0-9!#$%&'*+.^_`|~-]+$" })
    }
}
