//! What texts with variables are, and for which requests.

use super::nginx_test::{NginxTest, network};
use super::parser::NginxDirective;
use super::requested;
use super::state::{NginxState, expression_text};
use super::translation::{ClientCertificates, Translation};
use crate::import::condition::Condition;
use crate::import::matching::{DraftMatch, Unsayable, expression};
use crate::import::reader::Unread;

/// A listener and a server, as far as their variables are the same for all requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Constants {
    /// `$scheme`, if it is known.
    pub(super) tls: Option<bool>,
    /// `$server_port`, if it is known.
    pub(super) port: Option<u16>,
    /// `$server_name`.
    pub(super) name: String,
}

/// What a variable of the request stands between in an expanded text.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// How often a variable may be made of others before the chain counts as endless.
const DEEPEST: usize = 16;

/// How long a text may become; what people write is shorter.
const LONGEST: usize = 4096;

/// Texts, of which the first counts whose condition holds.
type Texts = Vec<(Condition, String)>;

impl NginxTest {
    fn holds(&self, text: &str) -> Result<bool, Unsayable> {
        Ok(match self {
            Self::Is(other) => text == other,
            Self::IsInAnyCase(other) => text.eq_ignore_ascii_case(other),
            Self::Matches(regex) => expression(regex)?.is_match(text.as_bytes()),
            Self::IsTrue => !matches!(text, "" | "0"),
        })
    }
}

impl<'a> Translation<'a, '_> {
    /// The requests for which the words of an `if` hold, and the maps that it depends on.
    pub(super) fn condition(
        &mut self,
        directive: &'a NginxDirective,
        state: &NginxState<'a>,
        constants: &Constants,
    ) -> Result<(Condition, Vec<&'a NginxDirective>), Unsayable> {
        let mut words: Vec<&str> = directive.args.iter().map(String::as_str).collect();
        // A parenthesis may stand alone, or be part of a word.
        match words.first_mut().ok_or(Unsayable)? {
            first if *first == "(" => drop(words.remove(0)),
            first => *first = first.strip_prefix('(').unwrap_or(first),
        }
        match words.last_mut().ok_or(Unsayable)? {
            last if *last == ")" => drop(words.pop()),
            last => *last = last.strip_suffix(')').unwrap_or(last),
        }
        let mut maps = Vec::new();
        let condition = match words.as_slice() {
            [file, path] if matches!(*file, "-f" | "-d" | "-e" | "-x" | "!-f" | "!-d" | "!-e" | "!-x") => {
                let there = self.is_there(path, state, constants)?;
                if there == file.starts_with('!') { Condition::never() } else { Condition::always() }
            }
            [text] => self.test(text, &NginxTest::IsTrue, false, state, constants, &mut maps)?,
            [text, operator, rest @ ..] if rest.len() <= 1 => {
                let value = rest.first().copied().unwrap_or_default();
                let (negated, operator) = operator.strip_prefix('!').map_or((false, *operator), |rest| (true, rest));
                let test = match operator {
                    "=" => NginxTest::Is(value.to_owned()),
                    "~" => NginxTest::Matches(expression_text(value, false)),
                    "~*" => NginxTest::Matches(expression_text(value, true)),
                    _ => return Err(Unsayable),
                };
                let found = self.test(text, &test, negated, state, constants, &mut maps)?;
                if negated { found.not()? } else { found }
            }
            _ => return Err(Unsayable),
        };
        Ok((condition, maps))
    }

    /// Whether a file is there. Of the files that requests ask for, frontgate serves none.
    fn is_there(&mut self, path: &str, state: &NginxState<'a>, constants: &Constants) -> Result<bool, Unsayable> {
        let mut maps = Vec::new();
        let root = state.scope.last("root").map_or("html", NginxDirective::first).to_owned();
        let path = path.replace("$document_root", &root);
        let texts = self.expand(&path, state, constants, &mut maps, 0)?;
        let [(_, path)] = texts.as_slice() else { return Err(Unsayable) };
        if path.contains(OPEN) {
            return Ok(false);
        }
        match self.files.text(&self.folder.join(path)) {
            Ok(_) => Ok(true),
            Err(Unread::Io(_)) => Ok(false),
            Err(Unread::Limit(_)) => Err(Unsayable),
        }
    }

    /// The requests for which `test` holds of `text`. `negated`: the result will be turned round.
    pub(super) fn test(
        &mut self,
        text: &str,
        test: &NginxTest,
        negated: bool,
        state: &NginxState<'a>,
        constants: &Constants,
        maps: &mut Vec<&'a NginxDirective>,
    ) -> Result<Condition, Unsayable> {
        let (mut found, mut before) = (Condition::never(), Condition::never());
        for (when, text) in self.expand(text, state, constants, maps, 0)? {
            let holds = one(&text, test, negated, state)?;
            if !holds.is_never() {
                found = found.or(when.and(&before.not()?)?.and(&holds)?)?;
            }
            before = before.or(when)?;
        }
        Ok(found)
    }

    /// The text with the values of its variables, but for those of the request.
    pub(super) fn expand(
        &mut self,
        text: &str,
        state: &NginxState<'a>,
        constants: &Constants,
        maps: &mut Vec<&'a NginxDirective>,
        depth: usize,
    ) -> Result<Texts, Unsayable> {
        if depth > DEEPEST {
            return Err(Unsayable);
        }
        let mut texts: Texts = vec![(Condition::always(), String::new())];
        for piece in pieces(text) {
            let more: Texts = match piece {
                Piece::Text(text) => vec![(Condition::always(), text.to_owned())],
                Piece::Variable(name) => self.variable(name, state, constants, maps, depth)?,
            };
            let mut joined = Vec::new();
            for (own, before) in &texts {
                for (when, after) in &more {
                    let both = own.and(when)?;
                    if !both.is_never() {
                        joined.push((both, format!("{before}{after}")));
                    }
                }
            }
            if joined.len() > 64 || joined.iter().any(|(_, text)| text.len() > LONGEST) {
                return Err(Unsayable);
            }
            texts = joined;
        }
        Ok(texts)
    }

    fn variable(
        &mut self,
        name: &str,
        state: &NginxState<'a>,
        constants: &Constants,
        maps: &mut Vec<&'a NginxDirective>,
        depth: usize,
    ) -> Result<Texts, Unsayable> {
        let always = |text: &str| Ok(vec![(Condition::always(), text.to_owned())]);
        if let Some(set) = state.variables.get(name) {
            return set.clone().ok_or(Unsayable);
        }
        if let Some(map) = self.maps.get(name).copied() {
            if !maps.iter().any(|known| std::ptr::eq(*known, map)) {
                maps.push(map);
            }
            return match map.name.as_str() {
                "map" => self.map(map, state, constants, maps, depth + 1),
                "geo" => geo(map),
                _ => Err(Unsayable),
            };
        }
        match (name, constants.tls) {
            ("scheme", Some(tls)) => always(if tls { "https" } else { "http" }),
            ("https", Some(tls)) => always(if tls { "on" } else { "" }),
            ("scheme" | "https", None) if depth > 0 => Err(Unsayable),
            ("server_port", _) => match constants.port {
                Some(port) => always(&port.to_string()),
                None => Ok(requested_variable(name)),
            },
            ("server_name", _) => always(&constants.name),
            ("ssl_client_verify", Some(true)) if self.client_certificates == ClientCertificates::Required => {
                always("SUCCESS")
            }
            _ => Ok(requested_variable(name)),
        }
    }

    /// The values of a `map`.
    fn map(
        &mut self,
        map: &'a NginxDirective,
        state: &NginxState<'a>,
        constants: &Constants,
        maps: &mut Vec<&'a NginxDirective>,
        depth: usize,
    ) -> Result<Texts, Unsayable> {
        let (mut exact, mut wild, mut regexes, mut default) = (Vec::new(), Vec::new(), Vec::new(), "");
        let has_hosts = map.inner().iter().any(|entry| entry.name == "hostnames");
        for entry in map.inner() {
            let value = entry.first();
            match entry.name.as_str() {
                "volatile" | "hostnames" if entry.args.is_empty() => {}
                "default" => default = value,
                key if key.starts_with("~*") => {
                    regexes.push((NginxTest::Matches(expression_text(&key[2..], true)), value));
                }
                key if key.starts_with('~') => regexes.push((NginxTest::Matches(key[1..].to_owned()), value)),
                key if has_hosts && key.starts_with("*.") => wild.push((host_below(&key[2..], false), value)),
                key if has_hosts && key.starts_with('.') => wild.push((host_below(&key[1..], true), value)),
                key if has_hosts && key.ends_with(".*") => return Err(Unsayable),
                key => exact.push((NginxTest::IsInAnyCase(key.trim_start_matches('\\').to_owned()), value)),
            }
        }
        // Of patterns below a name, the longest counts.
        wild.sort_by_key(|(test, _)| match test {
            NginxTest::Matches(regex) => std::cmp::Reverse(regex.len()),
            _ => std::cmp::Reverse(0),
        });
        let mut texts = Vec::new();
        for (test, value) in exact.into_iter().chain(wild).chain(regexes) {
            let when = self.test(map.first(), &test, true, state, constants, maps)?;
            for (own, text) in self.expand(value, state, constants, maps, depth)? {
                texts.push((when.and(&own)?, text));
            }
        }
        texts.extend(self.expand(default, state, constants, maps, depth)?);
        Ok(texts)
    }
}

/// The test for a name below `parent`, and for itself if `also`.
fn host_below(parent: &str, also: bool) -> NginxTest {
    let parent = regex::escape(parent);
    NginxTest::Matches(if also { format!("(?i)^(.*\\.)?{parent}$") } else { format!("(?i)^.*\\.{parent}$") })
}

fn requested_variable(name: &str) -> Texts {
    vec![(Condition::always(), format!("{OPEN}{name}{CLOSE}"))]
}

/// The variable of the request that a text consists of.
pub(super) fn single(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
    (!inner.contains(OPEN)).then_some(inner)
}

/// The text with the variables of the request as nginx writes them, and whether there are any.
pub(super) fn written(text: &str) -> (String, bool) {
    (text.replace(OPEN, "${").replace(CLOSE, "}"), text.contains(OPEN))
}

/// The requests for which the test holds of an expanded text.
fn one(text: &str, test: &NginxTest, negated: bool, state: &NginxState<'_>) -> Result<Condition, Unsayable> {
    if !text.contains(OPEN) {
        return Ok(if test.holds(text)? { Condition::always() } else { Condition::never() });
    }
    if let Some(name) = single(text) {
        return requested::test(name, test, negated, &state.path);
    }
    // A text around one variable is as good as the variable alone.
    let (NginxTest::Is(value), Some(start), Some(end)) = (test, text.find(OPEN), text.rfind(CLOSE)) else {
        return Err(Unsayable);
    };
    let inner = value.strip_prefix(&text[..start]).and_then(|rest| rest.strip_suffix(&text[end + 1..]));
    match (inner, single(&text[start..=end])) {
        (None, _) => Ok(Condition::never()),
        (Some(inner), Some(name)) => requested::test(name, &NginxTest::Is(inner.to_owned()), negated, &state.path),
        (Some(_), None) => Err(Unsayable),
    }
}

/// The values of a `geo`: of the networks that have a client, the smallest counts.
fn geo(map: &NginxDirective) -> Result<Texts, Unsayable> {
    let of_client = match map.args.as_slice() {
        [_] => true,
        [address, _] => address == "$remote_addr",
        _ => false,
    };
    if !of_client {
        return Err(Unsayable);
    }
    let (mut nets, mut default) = (Vec::new(), String::new());
    for entry in map.inner() {
        match entry.name.as_str() {
            "default" => entry.first().clone_into(&mut default),
            net => nets.push((network(net).ok_or(Unsayable)?, entry.first().to_owned())),
        }
        if entry.first().contains('$') {
            return Err(Unsayable);
        }
    }
    nets.sort_by_key(|(net, _): &(ipnet::IpNet, String)| std::cmp::Reverse(net.prefix_len()));
    let of = |net| Condition::of(DraftMatch { from: vec![net], ..DraftMatch::default() });
    let mut texts: Texts = Vec::new();
    for (net, text) in nets {
        match texts.last_mut() {
            Some((when, same)) if *same == text => *when = when.clone().or(of(net))?,
            _ => texts.push((of(net), text)),
        }
    }
    texts.push((Condition::always(), default));
    Ok(texts)
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that means itself.
    Text(&'t str),
    /// A variable, without its dollar.
    Variable(&'t str),
}

/// The pieces of a text.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let found = rest.match_indices('$').find_map(|(start, _)| {
            let behind = &rest[start + 1..];
            if let Some(inner) = behind.strip_prefix('{') {
                let end = inner.find('}')?;
                return Some((start, &inner[..end], &inner[end + 1..]));
            }
            let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            // A group of an expression has one digit.
            let digit = behind.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
            let length = if digit { 1 } else { behind.bytes().take_while(letter).count() };
            (length > 0).then(|| (start, &behind[..length], &behind[length..]))
        });
        let Some((start, name, behind)) = found else {
            pieces.push(Piece::Text(rest));
            break;
        };
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        pieces.push(Piece::Variable(name));
        rest = behind;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_their_variables() {
        use Piece::{Text, Variable};
        assert_eq!(pieces("https://$host$request_uri"), [Text("https://"), Variable("host"), Variable("request_uri")]);
        assert_eq!(pieces("/a/$1b${x}c$"), [Text("/a/"), Variable("1"), Text("b"), Variable("x"), Text("c$")]);
    }
}
