//! What a `rewrite` makes of a path.

use super::state::{NginxPath, NginxState, takes_everything};
use super::values::{Piece, pieces};
use crate::import::condition::Condition;
use crate::import::matching::{DraftPath, literal};

/// What a path becomes in which `regex` is found.
pub(super) fn rewritten_path(regex: &str, to: &str, state: &NginxState<'_>) -> NginxPath {
    let to = to.split('?').next().unwrap_or_default();
    let has_variables = pieces(to).iter().any(|piece| matches!(piece, Piece::Variable(_)));
    if !has_variables {
        return NginxPath::Fixed(to.to_owned());
    }
    let before = match &state.path {
        NginxPath::Original => "",
        NginxPath::Stripped(prefix) => prefix,
        NginxPath::Fixed(_) | NginxPath::Unsayable => return NginxPath::Unsayable,
    };
    let Some(lead) = to.strip_suffix("$1") else { return NginxPath::Unsayable };
    if lead.contains('$') {
        return NginxPath::Unsayable;
    }
    if takes_everything(regex) && regex.contains('(') {
        // All of the path, with or without its slash.
        let same = if regex.contains("/(.*)") { lead == "/" } else { lead.is_empty() };
        return if same { state.path.clone() } else { NginxPath::Unsayable };
    }
    let body = regex.strip_prefix('^').unwrap_or_default();
    let body = body.strip_suffix('$').unwrap_or(body);
    // The letters before the group, and those that the group begins with.
    let (start, own) = match (body.strip_suffix("(.*)"), body.strip_suffix("(/.*)")) {
        (Some(start), _) => (start, ""),
        (_, Some(start)) => (start, "/"),
        _ => return NginxPath::Unsayable,
    };
    let slash = start.strip_suffix("/?").filter(|start| {
        // Every path here has the slash.
        let below = Condition::path(DraftPath::Prefix(format!("{before}{start}/")));
        state.when.alternatives().iter().all(|one| below.alternatives()[0].covers(one))
    });
    let text = slash.map_or_else(|| start.to_owned(), |start| format!("{start}/"));
    let Some(literal) = literal(&text) else { return NginxPath::Unsayable };
    match (literal + own).strip_suffix(&format!("{lead}{own}")) {
        Some("") => state.path.clone(),
        Some(prefix) if prefix.starts_with('/') && !prefix.ends_with('/') => {
            NginxPath::Stripped(format!("{before}{prefix}"))
        }
        _ => NginxPath::Unsayable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::nginx::parser::parse;
    use crate::import::nginx::scope::NginxScope;

    #[test]
    fn what_a_rewrite_makes_of_a_path() {
        let tree = parse("f", "").unwrap();
        let mut state = NginxState::begin(NginxScope::outermost(&tree));
        state.when = Condition::path(DraftPath::Prefix("/app/".into()));
        let stripped = NginxPath::Stripped("/app".into());
        for (regex, to, expected) in [
            ("^/app/(.*)$", "/$1", stripped.clone()),
            ("^/app/(.*)", "/$1", stripped.clone()),
            ("^/app/?(.*)$", "/$1", stripped.clone()),
            ("^/app(/.*)$", "$1", stripped.clone()),
            ("^/app(.*)$", "$1", stripped),
            ("^(.*)$", "$1", NginxPath::Original),
            ("^/other/?(.*)$", "/$1", NginxPath::Unsayable),
            ("^/app/(.*)$", "/x/$1", NginxPath::Unsayable),
            ("^/app/(.*)$", "/closed", NginxPath::Fixed("/closed".into())),
            ("^/(a|b)/(.*)$", "/$2", NginxPath::Unsayable),
        ] {
            assert_eq!(rewritten_path(regex, to, &state), expected, "{regex} {to}");
        }
    }
}
