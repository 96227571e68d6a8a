//! [`test()`]: the requests of which a variable has a value.

use super::nginx_test::{NginxTest, network, networks_of};
use super::state::NginxPath;
use crate::import::condition::{Condition, FieldKind};
use crate::import::matching::{DraftMatch, DraftPath, Unsayable, expression, parsed};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// The requests for which the test holds of the variable of this name. `negated`: the result will be turned round.
pub(super) fn test(name: &str, test: &NginxTest, negated: bool, path: &NginxPath) -> Result<Condition, Unsayable> {
    match name {
        "request_method" => methods(test, negated),
        "remote_addr" => clients(test),
        "uri" | "document_uri" => match test {
            NginxTest::Is(text) => path.condition(DraftPath::Exact(text.clone())),
            NginxTest::IsInAnyCase(text) => path.condition(DraftPath::Regex(whole(text))),
            NginxTest::Matches(regex) => path.condition(DraftPath::Regex(regex.clone())),
            NginxTest::IsTrue => Ok(Condition::always()),
        },
        "request_uri" => target(test, negated),
        // A port that is no part of the name cannot be looked at.
        "host" | "http_host" => match test {
            NginxTest::Is(text) | NginxTest::IsInAnyCase(text) if is_host(text) => {
                let host = Some(text.to_ascii_lowercase());
                Ok(Condition::of(DraftMatch { host, ..DraftMatch::default() }))
            }
            NginxTest::Matches(regex) if name == "http_host" && regex.contains(':') => Err(Unsayable),
            NginxTest::Is(text) | NginxTest::IsInAnyCase(text) => {
                Condition::host(&format!("^{}$", regex::escape(text)))
            }
            NginxTest::Matches(regex) => Condition::host(regex.strip_prefix("(?i)").unwrap_or(regex)),
            NginxTest::IsTrue => Ok(Condition::always()),
        },
        "content_type" => field(FieldKind::Header, "Content-Type", test),
        "content_length" => field(FieldKind::Header, "Content-Length", test),
        _ => {
            if let Some(header) = name.strip_prefix("http_") {
                return field(FieldKind::Header, &header_name(header), test);
            }
            if let Some(cookie) = name.strip_prefix("cookie_") {
                return field(FieldKind::Cookie, cookie, test);
            }
            let key = name.strip_prefix("arg_").ok_or(Unsayable)?;
            // nginx compares what was not decoded.
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"%+&#".contains(&byte));
            match test {
                NginxTest::Is(text) | NginxTest::IsInAnyCase(text) if !plain(text) => Err(Unsayable),
                _ => field(FieldKind::Query, key, test),
            }
        }
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// `x_key` as `X-Key`.
fn header_name(variable: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    variable.split('_').map(word).collect::<Vec<_>>().join("-")
}

/// The whole text in any case of letters.
fn whole(text: &str) -> String {
    format!("(?i)^{}$", regex::escape(text))
}

fn field(kind: FieldKind, name: &str, test: &NginxTest) -> Result<Condition, Unsayable> {
    match test {
        NginxTest::Is(text) => Condition::equals(kind, name, text),
        NginxTest::IsInAnyCase(text) => Condition::matches(kind, name, &whole(text)),
        NginxTest::Matches(regex) => Condition::matches(kind, name, regex),
        NginxTest::IsTrue => Condition::matches(kind, name, "^(?:[^0]|0.)"),
    }
}

fn clients(test: &NginxTest) -> Result<Condition, Unsayable> {
    let from = match test {
        NginxTest::Is(text) | NginxTest::IsInAnyCase(text) => vec![network(text).ok_or(Unsayable)?],
        NginxTest::Matches(regex) => networks_of(regex).ok_or(Unsayable)?,
        NginxTest::IsTrue => return Ok(Condition::always()),
    };
    Ok(Condition::of(DraftMatch { from, ..DraftMatch::default() }))
}

/// Methods that an expression is tried on which takes endlessly many.
const METHODS: [&str; 16] = [
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
];

fn methods(test: &NginxTest, negated: bool) -> Result<Condition, Unsayable> {
    let of = |methods: Vec<String>| {
        if methods.is_empty() {
            return Condition::never();
        }
        Condition::of(DraftMatch { methods, ..DraftMatch::default() })
    };
    let regex = match test {
        NginxTest::Is(text) => return Ok(of(Some(text.clone()).filter(|text| is_method(text)).into_iter().collect())),
        NginxTest::IsInAnyCase(text) => return Ok(of(vec![text.to_ascii_uppercase()])),
        NginxTest::IsTrue => return Ok(Condition::always()),
        NginxTest::Matches(regex) => regex,
    };
    let compiled = expression(regex)?;
    let takes = |text: &str| compiled.is_match(text.as_bytes());
    if let Some(all) = literals(regex)
        && all.iter().all(|one| takes(one) && !takes(&format!("{one}X")) && !takes(&format!("X{one}")))
    {
        let mut methods: Vec<String> = Vec::new();
        for method in all.into_iter().filter(|method| is_method(method) && takes(method)) {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        return Ok(of(methods));
    }
    // A method that is not listed counts as meant: conditions refuse.
    let known = |taken: bool| METHODS.iter().filter(|one| takes(one) == taken).map(|one| (*one).to_owned()).collect();
    if negated { Ok(of(known(true))) } else { of(known(false)).not() }
}

fn is_method(text: &str) -> bool {
    !text.is_empty() && text != "CONNECT" && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

/// All texts that an expression takes as a whole, in capitals too, if they are few.
fn literals(regex: &str) -> Option<Vec<String>> {
    let sequence = Extractor::new().extract(&parsed(regex)?);
    let all = sequence.literals().filter(|_| sequence.is_exact())?;
    all.iter().map(|one| String::from_utf8(one.as_bytes().to_vec()).ok()).collect()
}

/// `$request_uri`: the path as it came, with the query.
fn target(test: &NginxTest, negated: bool) -> Result<Condition, Unsayable> {
    match test {
        NginxTest::IsTrue => Ok(Condition::always()),
        // With any query, which refuses more than it has to.
        NginxTest::Is(text) if !negated && !text.contains(['?', '%']) => {
            NginxPath::Original.condition(DraftPath::Exact(text.clone()))
        }
        NginxTest::Matches(regex) => {
            let hir = parsed(regex).ok_or(Unsayable)?;
            let starts = hir.properties().look_set_prefix().contains(Look::Start);
            let ends = hir.properties().look_set().contains(Look::End);
            if !starts || takes_query(&hir) || (negated && ends) {
                return Err(Unsayable);
            }
            NginxPath::Original.condition(DraftPath::Regex(regex.clone()))
        }
        NginxTest::Is(_) | NginxTest::IsInAnyCase(_) => Err(Unsayable),
    }
}

/// Whether a question mark may stand in what the expression takes.
fn takes_query(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&b'?'),
        HirKind::Class(Class::Bytes(class)) => class.iter().any(|range| (range.start()..=range.end()).contains(&b'?')),
        HirKind::Class(Class::Unicode(class)) => class.iter().any(|range| (range.start()..=range.end()).contains(&'?')),
        HirKind::Repetition(inner) => takes_query(&inner.sub),
        HirKind::Capture(inner) => takes_query(&inner.sub),
        HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().any(takes_query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(name: &str, regex: &str, negated: bool) -> Result<Condition, Unsayable> {
        test(name, &NginxTest::Matches(regex.into()), negated, &NginxPath::Original)
    }

    #[test]
    fn expressions_for_methods_are_lists() {
        let listed = |list: &[&str]| {
            let methods = list.iter().map(|&one| one.to_owned()).collect();
            Condition::of(DraftMatch { methods, ..DraftMatch::default() })
        };
        assert_eq!(matches("request_method", "^(GET|HEAD)$", true), Ok(listed(&["GET", "HEAD"])));
        assert_eq!(matches("request_method", "^(GET|HEAD)", true), Ok(listed(&["GET", "HEAD"])));
        let refused = matches("request_method", "^(TRACE|PUT)", false).unwrap();
        assert_eq!(refused.and(&listed(&["PUT"])), Ok(listed(&["PUT"])));
        assert!(refused.and(&listed(&["GET"])).unwrap().is_never());
    }

    #[test]
    fn the_target_is_a_path_where_no_query_matters() {
        assert!(matches("request_uri", "^/admin", false).is_ok());
        assert!(matches("request_uri", "^/(a|b)/", true).is_ok());
        assert!(matches("request_uri", "/admin", false).is_err());
        assert!(matches("request_uri", "^/.*admin", false).is_err());
        assert!(matches("request_uri", "^/x$", true).is_err());
        assert!(matches("uri", "/admin", true).is_ok());
        assert!(matches("query_string", "x", false).is_err());
    }
}
