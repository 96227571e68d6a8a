//! What the paths of two routes have in common.

use super::common::common;
use super::path::{DraftPath, SEGMENT_ENDS, literal_start};
use super::{DraftMatch, Unsayable};

/// The path of what both take, and whether it ignores the case of letters; `None` when no path is in both.
pub(super) fn both(own: &DraftMatch, other: &DraftMatch) -> Result<Option<(Option<DraftPath>, bool)>, Unsayable> {
    let (a, b) = match (&own.path, &other.path) {
        (Some(a), Some(b)) => (a, b),
        (Some(a), None) => return Ok(Some((Some(a.clone()), own.ignore_case))),
        (None, b) => return Ok(Some((b.clone(), other.ignore_case))),
    };
    if covers(own, other) {
        return Ok(Some((Some(b.clone()), other.ignore_case)));
    }
    if covers(other, own) {
        return Ok(Some((Some(a.clone()), own.ignore_case)));
    }
    match (a, b) {
        (DraftPath::Regex(regex), path) => Ok(common(regex, path, other.ignore_case)?.map(|path| (Some(path), false))),
        (path, DraftPath::Regex(regex)) => Ok(common(regex, path, own.ignore_case)?.map(|path| (Some(path), false))),
        _ if own.ignore_case == other.ignore_case => Ok(None),
        // With and without the case of letters the two may overlap in part.
        _ if !a.text().eq_ignore_ascii_case(b.text())
            && !lower(a).starts_with(&lower(b))
            && !lower(b).starts_with(&lower(a)) =>
        {
            Ok(None)
        }
        _ => Err(Unsayable),
    }
}

fn lower(path: &DraftPath) -> String {
    path.text().to_ascii_lowercase()
}

/// Whether every path of `other` is one of `own`.
pub(super) fn covers(own: &DraftMatch, other: &DraftMatch) -> bool {
    let (a, b) = match (&own.path, &other.path) {
        (None, _) => return true,
        (Some(a), _) if a.is_any() => return true,
        (_, None) => return false,
        (Some(a), Some(b)) => (a, b),
    };
    if a == b && (own.ignore_case || !other.ignore_case) {
        return true;
    }
    if other.ignore_case && !own.ignore_case {
        return false;
    }
    match b {
        DraftPath::Exact(text) => {
            // A regular expression knows no `ignore_case` from outside.
            let told = !other.ignore_case || !matches!(a, DraftPath::Regex(_));
            told && a.takes(text, own.ignore_case) == Ok(true)
        }
        DraftPath::Prefix(text) => {
            let below = if text.ends_with('/') { text.clone() } else { format!("{text}/") };
            a.takes_below(&below, own.ignore_case)
                && (text.ends_with('/') || a.takes(text, own.ignore_case) == Ok(true))
        }
        DraftPath::Starts(text) => a.takes_below(text, own.ignore_case),
        DraftPath::Regex(regex) => literal_start(regex).is_some_and(|literal| {
            a.takes_below(&literal, own.ignore_case)
                || (ends_segment(regex, &literal)
                    && a.takes(&literal, own.ignore_case) == Ok(true)
                    && a.takes_below(&format!("{literal}/"), own.ignore_case))
        }),
    }
}

/// Whether behind `literal`, with which `regex` begins, there is only the end or another segment.
fn ends_segment(regex: &str, literal: &str) -> bool {
    let rest =
        regex.get(1..).and_then(|body| body.strip_prefix(&regex::escape(literal)).or(body.strip_prefix(literal)));
    rest.is_some_and(|rest| rest == "$" || SEGMENT_ENDS.contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DraftMatch {
        DraftMatch::path(DraftPath::read(text))
    }

    #[test]
    fn paths_that_lie_in_others() {
        for (own, other, expected) in [
            ("/", "~x", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("*/a", "/ab", true),
            ("/a", "*/a", false),
            ("/a/", "*/a/b", true),
            ("/a", "=/a", true),
            ("/a/", "/a", false),
            ("~^/a", "=/ab", true),
            ("*/a", "~^/ab(c|d)", true),
            ("/a", "~^/a(/|$)", true),
            ("/a", "~^/a", false),
            ("/a", "~^/a|b", false),
            ("/a", "~^/a/b?", true),
            ("/ab", "~^/ab?", false),
        ] {
            assert_eq!(covers(&read(own), &read(other)), expected, "{own} {other}");
        }
    }

    #[test]
    fn what_two_paths_have_in_common() {
        for (own, other, expected) in [
            ("/a", "/a/b", Ok(Some("/a/b"))),
            ("/a/b", "/a", Ok(Some("/a/b"))),
            ("/a", "/b", Ok(None)),
            ("/a", "*/ab", Ok(None)),
            ("=/a", "~b", Ok(None)),
            ("=/ab", "~b", Ok(Some("=/ab"))),
            ("/a/", "~^/a/x", Ok(Some("~^/a/x"))),
            ("/a/", "~^/b", Ok(None)),
            ("/a/", "~x$", Ok(Some("~^/a/(?s:.*)x$"))),
            ("~a", "~b", Err(Unsayable)),
        ] {
            let found = both(&read(own), &read(other)).map(|found| found.and_then(|(path, _)| path));
            assert_eq!(found, expected.map(|text| text.map(read).and_then(|one| one.path)), "{own} {other}");
        }
    }

    #[test]
    fn the_case_of_letters_is_minded() {
        let any = DraftMatch { ignore_case: true, ..read("/a") };
        assert!(covers(&any, &read("/a")) && covers(&any, &read("/A/b")) && !covers(&read("/a"), &any));
        assert_eq!(both(&any, &read("/b")), Ok(None));
    }
}
