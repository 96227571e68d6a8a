//! The names under which a name is looked up, by `search` and `ndots` of resolv.conf(5): pure.

/// The whole names to ask for in turn, each with a dot at its end. A name that has a dot there is whole already.
pub(super) fn names_to_ask(host: &str, search: &[String], ndots: usize) -> Vec<String> {
    if host.ends_with('.') {
        return vec![host.to_owned()];
    }
    let as_written = format!("{host}.");
    let searched = search.iter().take(MOST).map(|domain| match domain.trim_matches('.') {
        "" => as_written.clone(),
        domain => format!("{host}.{domain}."),
    });
    let dots = host.matches('.').count();
    let mut names: Vec<String> = if dots >= ndots {
        [as_written.clone()].into_iter().chain(searched).collect()
    } else {
        searched.chain([as_written.clone()]).collect()
    };
    names.retain(|name| name.len() <= LONGEST);
    let mut seen = Vec::with_capacity(names.len());
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    names
}

/// A list that is longer is a mistake; each domain is a lookup more.
const MOST: usize = 16;
/// RFC 1035 §3.1, written with a dot at the end.
const LONGEST: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_enough_dots_is_asked_for_first_as_it_is_written() {
        let kubernetes = ["team.svc.cluster.local", "svc.cluster.local", "cluster.local"];
        for (host, search, ndots, expected) in [
            ("gw", &[][..], 1, &["gw."][..]),
            ("gw", &["lan"], 1, &["gw.lan.", "gw."]),
            ("gw.internal", &["lan"], 1, &["gw.internal.", "gw.internal.lan."]),
            ("gw.internal.", &["lan"], 5, &["gw.internal."]),
            ("gw", &["lan", "lan.", "."], 1, &["gw.lan.", "gw."]),
            (
                "gws.team",
                &kubernetes,
                5,
                &[
                    "gws.team.team.svc.cluster.local.",
                    "gws.team.svc.cluster.local.",
                    "gws.team.cluster.local.",
                    "gws.team.",
                ],
            ),
            ("gw", &["lan"], 0, &["gw.", "gw.lan."]),
        ] {
            let search: Vec<String> = search.iter().map(|&domain| domain.to_owned()).collect();
            assert_eq!(names_to_ask(host, &search, ndots), expected, "{host} {search:?} {ndots}");
        }
        let long = vec!["x".repeat(250)];
        assert_eq!(names_to_ask("gateway", &long, 1), ["gateway."]);
        let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        assert_eq!(names_to_ask("gw", &many, 1).len(), MOST + 1);
    }
}
