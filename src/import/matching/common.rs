//! [`common()`]: the paths of two kinds of which one is a regular expression, as one regular expression.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind, Look, LookSet};

use super::path::SEGMENT_ENDS;
use super::{DraftPath, Unsayable, expression};

/// What follows the beginning of a path in which an expression is found.
enum Behind {
    /// Anything.
    Anything,
    /// What one of these expressions takes; with none nothing.
    These(Vec<String>),
}

/// How many beginnings an expression may stand for; what people write has fewer.
const MOST: usize = 16;

/// The paths in which the expression is found and that `other` takes; `None` when there are none.
pub(super) fn common(regex: &str, other: &DraftPath, ignore_case: bool) -> Result<Option<DraftPath>, Unsayable> {
    let all = match other {
        DraftPath::Regex(other) => match (beginnings(other), beginnings(regex)) {
            (Some(paths), _) => all(regex, &paths, false),
            (None, Some(paths)) => all(other, &paths, false),
            (None, None) => Err(Unsayable),
        },
        path => all(regex, std::slice::from_ref(path), ignore_case),
    }?;
    if all.is_empty() {
        return Ok(None);
    }
    let text = match all.as_slice() {
        [one] => format!("^{one}"),
        _ => format!("^(?:{})", all.join("|")),
    };
    expression(&text)?;
    Ok(Some(DraftPath::Regex(text)))
}

/// Expressions without their anchor, one of which takes each path in which `regex` is found and that is one of `paths`.
fn all(regex: &str, paths: &[DraftPath], ignore_case: bool) -> Result<Vec<String>, Unsayable> {
    let compiled = expression(regex)?;
    let quoted = |text: &str| {
        let text = regex::escape(text);
        if ignore_case { format!("(?i:{text})") } else { text }
    };
    let mut all = Vec::new();
    for path in paths {
        let text = match path {
            DraftPath::Exact(text) | DraftPath::Prefix(text) | DraftPath::Starts(text) => text,
            DraftPath::Regex(_) => return Err(Unsayable),
        };
        let ends_here = match path {
            DraftPath::Exact(_) => true,
            DraftPath::Prefix(text) => !text.ends_with('/'),
            DraftPath::Starts(_) | DraftPath::Regex(_) => false,
        };
        if ends_here {
            if ignore_case && text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                return Err(Unsayable);
            }
            if compiled.is_match(text.as_bytes()) {
                all.push(format!("{}$", quoted(text)));
            }
        }
        let start = match path {
            DraftPath::Exact(_) => continue,
            DraftPath::Prefix(text) if ends_here => format!("{text}/"),
            _ => text.clone(),
        };
        match behind(regex, &start, ignore_case)? {
            Behind::Anything => all.push(quoted(&start)),
            Behind::These(rest) if rest.is_empty() => {}
            Behind::These(rest) => all.push(match rest.as_slice() {
                [one] if !one.contains('|') => format!("{}{one}", quoted(&start)),
                _ => format!("{}(?:{})", quoted(&start), rest.join("|")),
            }),
        }
    }
    Ok(all)
}

/// The paths that an expression stands for, if it is a list of beginnings.
fn beginnings(regex: &str) -> Option<Vec<DraftPath>> {
    let body = regex.strip_prefix('^')?;
    let segments = SEGMENT_ENDS.iter().find_map(|end| body.strip_suffix(end));
    let exact = body.strip_suffix('$').filter(|body| !body.ends_with('\\'));
    let path: fn(String) -> DraftPath = match (segments, exact) {
        (Some(_), _) => DraftPath::Prefix,
        (None, Some(_)) => DraftPath::Exact,
        (None, None) => DraftPath::Starts,
    };
    let hir = parsed(segments.or(exact).unwrap_or(body)).filter(|hir| hir.properties().look_set().is_empty())?;
    let sequence = Extractor::new().extract(&hir);
    let literals = sequence.literals().filter(|all| sequence.is_exact() && !all.is_empty() && all.len() <= MOST)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().filter(|text| text.starts_with('/'));
    literals.iter().map(|one| text(one.as_bytes()).map(path)).collect()
}

/// What follows `start` in texts in which `regex` is found.
fn behind(regex: &str, start: &str, ignore_case: bool) -> Result<Behind, Unsayable> {
    let whole = parsed(regex).ok_or(Unsayable)?;
    let known = LookSet::singleton(Look::Start).insert(Look::End);
    if whole.properties().look_set().subtract(known) != LookSet::empty() {
        return Err(Unsayable);
    }
    // What is left of each match that began in `start`.
    let mut begun: Vec<Hir> = Vec::new();
    for (index, byte) in start.bytes().enumerate() {
        let is_first = index == 0;
        if !begun.contains(&whole) {
            begun.push(whole.clone());
        }
        if begun.iter().any(|rest| is_done(rest, is_first)) {
            return Ok(Behind::Anything);
        }
        let next = |byte| begun.iter().map(|rest| after(rest, byte, is_first)).collect::<Result<Vec<_>, _>>();
        let left = next(byte)?;
        if ignore_case && (next(byte.to_ascii_lowercase())? != left || next(byte.to_ascii_uppercase())? != left) {
            return Err(Unsayable);
        }
        begun.clear();
        for rest in left.into_iter().filter(|rest| *rest != Hir::fail()) {
            if !begun.contains(&rest) {
                begun.push(rest);
            }
        }
    }
    if begun.iter().any(|rest| is_done(rest, false)) {
        return Ok(Behind::Anything);
    }
    let mut rest: Vec<String> = begun.iter().map(|rest| bare(rest).to_string()).collect();
    if !whole.properties().look_set_prefix().contains(Look::Start) {
        let text = without_groups(regex);
        let is_one = !text.contains('|') && !text.starts_with("(?");
        rest.push(if is_one { format!("(?s:.*){text}") } else { format!("(?s:.*)(?:{text})") });
    }
    Ok(Behind::These(rest))
}

/// What `hir` takes behind `byte`. `is_first`: the byte is the first of the text.
fn after(hir: &Hir, byte: u8, is_first: bool) -> Result<Hir, Unsayable> {
    Ok(match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::fail(),
        HirKind::Literal(literal) => match literal.0.split_first() {
            Some((first, rest)) if *first == byte => Hir::literal(rest.to_vec()),
            _ => Hir::fail(),
        },
        HirKind::Class(Class::Bytes(class)) => {
            let takes = class.iter().any(|range| (range.start()..=range.end()).contains(&byte));
            if takes { Hir::empty() } else { Hir::fail() }
        }
        HirKind::Class(Class::Unicode(class)) => {
            if !byte.is_ascii() && !class.is_ascii() {
                return Err(Unsayable);
            }
            let takes = class.iter().any(|range| (range.start()..=range.end()).contains(&char::from(byte)));
            if takes && byte.is_ascii() { Hir::empty() } else { Hir::fail() }
        }
        HirKind::Capture(inner) => after(&inner.sub, byte, is_first)?,
        HirKind::Alternation(all) => {
            either(all.iter().map(|one| after(one, byte, is_first)).collect::<Result<_, _>>()?)
        }
        HirKind::Concat(all) => {
            let mut found = Vec::new();
            for (index, one) in all.iter().enumerate() {
                let mut rest = vec![after(one, byte, is_first)?];
                rest.extend_from_slice(&all[index + 1..]);
                found.push(joined(rest));
                if !is_done(one, is_first) {
                    break;
                }
            }
            either(found)
        }
        HirKind::Repetition(inner) => {
            if !inner.sub.properties().look_set().is_empty() || inner.max == Some(0) {
                return Err(Unsayable);
            }
            let mut less = inner.clone();
            less.min = less.min.saturating_sub(1);
            less.max = less.max.map(|max| max - 1);
            joined(vec![after(&inner.sub, byte, is_first)?, Hir::repetition(less)])
        }
    })
}

/// The expression with groups that are not counted.
fn without_groups(regex: &str) -> String {
    let (mut text, mut class, mut letters) = (String::new(), false, regex.chars().peekable());
    while let Some(letter) = letters.next() {
        text.push(letter);
        match letter {
            '\\' => text.extend(letters.next()),
            '[' if !class => {
                class = true;
                text.extend(letters.next_if_eq(&'^'));
                text.extend(letters.next_if_eq(&']'));
            }
            '[' if letters.peek() == Some(&':') => {
                while !text.ends_with(":]") {
                    let Some(letter) = letters.next() else { break };
                    text.push(letter);
                }
            }
            ']' => class = false,
            '(' if !class && letters.peek() != Some(&'?') => text.push_str("?:"),
            _ => {}
        }
    }
    text
}

/// The same without groups: those of a redirect are the groups of the expression that it was written for.
fn bare(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Capture(inner) => bare(&inner.sub),
        HirKind::Repetition(inner) => {
            let mut same = inner.clone();
            *same.sub = bare(&inner.sub);
            Hir::repetition(same)
        }
        HirKind::Concat(all) => Hir::concat(all.iter().map(bare).collect()),
        HirKind::Alternation(all) => Hir::alternation(all.iter().map(bare).collect()),
        _ => hir.clone(),
    }
}

/// Any of these.
fn either(mut all: Vec<Hir>) -> Hir {
    all.retain(|one| *one != Hir::fail());
    Hir::alternation(all)
}

/// One behind the other; nothing where one of them takes nothing.
fn joined(all: Vec<Hir>) -> Hir {
    if all.contains(&Hir::fail()) { Hir::fail() } else { Hir::concat(all) }
}

/// Whether nothing more is needed, however the text goes on. `is_first`: nothing of it has been read.
fn is_done(hir: &Hir, is_first: bool) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Look(look) => *look == Look::Start && is_first,
        HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Capture(inner) => is_done(&inner.sub, is_first),
        HirKind::Repetition(inner) => inner.min == 0 || is_done(&inner.sub, is_first),
        HirKind::Concat(all) => all.iter().all(|one| is_done(one, is_first)),
        HirKind::Alternation(all) => all.iter().any(|one| is_done(one, is_first)),
    }
}

/// An expression, taken apart.
pub(in crate::import) fn parsed(regex: &str) -> Option<Hir> {
    ParserBuilder::new().unicode(false).utf8(false).build().parse(regex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: &[&str] = &[
        "/",
        "/a",
        "/A",
        "/a/",
        "/a.key",
        "/a/x",
        "/a/x.key",
        "/A/x.key",
        "/a/x.key/y",
        "/a/b",
        "/a/b/c",
        "/ab",
        "/ab/x.key",
        "/ab/b",
        "/b",
        "/b/x.key",
        "/b/x.KEY",
        "/x/a/b",
        "/a/a/b",
        "/a/\n.key",
    ];

    #[test]
    fn an_expression_behind_a_beginning_finds_what_both_find() {
        for regex in [
            r"\.key$",
            "b",
            "^/a",
            "^/(a|b)/x",
            "^/a(/|$)",
            "a/b",
            "/b$",
            "^/[a-b]/?x?",
            "(?i)\\.KEY$",
            "a/.*b",
            "(^/a|x)",
            "^$|key",
            "a*b",
            "(ab?)+/b",
            "^/(a|ab|b)$",
            "^/(?:ab|b)(/|$)",
            "/a/b|/ab",
        ] {
            for other in ["/a", "/a/", "*/a", "*/", "=/a", "=/a/x.key", "~^/(a|b)/", "~^/(a|b)$", "~^/(a|ab)(/|$)"] {
                let path = DraftPath::read(other);
                for ignore_case in [false, true].into_iter().take(if other.starts_with('~') { 1 } else { 2 }) {
                    let Ok(found) = common(regex, &path, ignore_case) else {
                        assert!(ignore_case, "{regex} {other}");
                        continue;
                    };
                    let one = found.map(|path| match path {
                        DraftPath::Regex(text) => expression(&text).unwrap(),
                        path => panic!("{path:?}"),
                    });
                    let own = expression(regex).unwrap();
                    for text in PATHS {
                        let both = own.is_match(text.as_bytes()) && path.takes(text, ignore_case).unwrap();
                        let found = one.as_ref().is_some_and(|one| one.is_match(text.as_bytes()));
                        assert_eq!(found, both, "{regex} {other} {text} {one:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_found_reads_well() {
        let common = |regex: &str, path: DraftPath| common(regex, &path, false);
        let regex = |text: &str| Ok(Some(DraftPath::Regex(text.into())));
        assert_eq!(common(r"\.key$", DraftPath::Starts("/app".into())), regex(r"^/app(?s:.*)\.key$"));
        assert_eq!(common("^/(a|b)/x", DraftPath::Prefix("/a/".into())), regex("^/a/x"));
        assert_eq!(common("^/b", DraftPath::Prefix("/a/".into())), Ok(None));
        assert_eq!(common("x$", DraftPath::Regex("y$".into())), Err(Unsayable));
    }
}
