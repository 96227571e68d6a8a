//! [`Paths`]: what a proxy did at which path, as routes of which the first that matches wins.

use super::draft::{DraftHeaderRules, DraftRespond, DraftTimeouts};
use super::old::{DraftAnswer, DraftAuth, DraftRoute};

/// What one site does, path by path.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths {
    rules: Vec<Rule>,
    sections: Vec<ImportSection>,
}

/// What is done with requests at a path. Of several rules the first one holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    /// A prefix as routes have it; `/` is everything.
    pub(super) path: String,
    /// Whether the rule is for this path only, not for what is below.
    pub(super) is_exact: bool,
    /// Prefixes within the path that the rule is not for.
    pub(super) except: Vec<String>,
    /// Whether a request is forwarded or answered here.
    pub(super) answer: DraftAnswer,
    /// How long the steps of the request may take.
    pub(super) timeouts: DraftTimeouts,
    /// The comment above the route.
    pub(super) comment: Vec<String>,
    /// What else holds where this rule does, over what holds for all rules.
    pub(super) sections: Vec<ImportSection>,
}

/// What else holds at a path. Of several sections all hold, the later ones over the earlier.
#[derive(Debug, Clone, Default)]
pub(super) struct ImportSection {
    /// A prefix as routes have it; `/` is everything.
    pub(super) path: String,
    /// Whether the section is for this path only, not for what is below.
    pub(super) is_exact: bool,
    /// Which clients may pass.
    pub(super) auth: DraftAuth,
    /// Whether the section says which clients may pass.
    pub(super) gate: ImportAccess,
    /// The field that tells the gateway the name of a user that gave a password.
    pub(super) user_header: Option<String>,
    /// Fields that are set in requests or removed from them.
    pub(super) request_headers: DraftHeaderRules,
    /// Fields that are set in responses or removed from them.
    pub(super) response_headers: DraftHeaderRules,
    /// How long the steps of a request may take.
    pub(super) timeouts: DraftTimeouts,
}

/// Whether a section says which clients may pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum ImportAccess {
    /// The section says nothing: what holds around it holds here.
    #[default]
    Unsaid,
    /// The clients that `auth` lets in may pass.
    Open,
    /// No client may pass, for this reason.
    Shut(String),
}

impl Paths {
    pub(super) fn rule(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(super) fn section(&mut self, section: ImportSection) {
        self.sections.push(section);
    }

    /// What is done at `path`.
    pub(super) fn at(&self, path: &str) -> Option<&Rule> {
        let is_for = |rule: &&Rule| {
            reaches(&rule.path, rule.is_exact, path) && !rule.except.iter().any(|except| covers(except, path))
        };
        self.rules.iter().find(is_for)
    }

    /// A route for each path at which something changes, the longest first: of all the paths that begin a request's,
    /// the longest knows every rule and section that concerns it. Where there is no rule there is no route.
    pub(super) fn routes(&self) -> Vec<DraftRoute> {
        let paths = self.boundaries();
        let all: Vec<(&String, Option<DraftRoute>)> = paths.iter().map(|path| (path, self.route(path))).collect();
        let mut routes = Vec::new();
        for (index, (path, route)) in all.iter().enumerate() {
            let outer =
                all[index + 1..].iter().find(|(outer, _)| covers(outer, path)).and_then(|(_, route)| route.as_ref());
            let below_exact = || self.rules.iter().any(|rule| rule.is_exact && format!("{}/", rule.path) == **path);
            let nothing = DraftRoute { answer: respond(404), ..DraftRoute::default() };
            let route = match route {
                Some(route) => route,
                None if below_exact() => &nothing,
                None => continue,
            };
            if outer.is_none_or(|outer| !alike(outer, route)) {
                routes.push(DraftRoute { path: (*path != "/").then(|| (*path).clone()), ..route.clone() });
            }
        }
        routes
    }

    /// Every path at which something may change, the longest first.
    fn boundaries(&self) -> Vec<String> {
        let sections = self.sections.iter().chain(self.rules.iter().flat_map(|rule| &rule.sections));
        let rules = self.rules.iter().map(|rule| (&rule.path, rule.is_exact));
        let mut paths: Vec<String> = self.rules.iter().flat_map(|rule| rule.except.iter().cloned()).collect();
        for (path, is_exact) in rules.chain(sections.map(|section| (&section.path, section.is_exact))) {
            paths.push(path.clone());
            // A route is for what is below its path, too, so that has a route of its own.
            paths.extend((is_exact && !path.ends_with('/')).then(|| format!("{path}/")));
        }
        paths.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        paths.dedup();
        paths
    }

    fn route(&self, path: &str) -> Option<DraftRoute> {
        let rule = self.at(path)?;
        let mut route =
            DraftRoute { answer: rule.answer.clone(), comment: rule.comment.clone(), ..DraftRoute::default() };
        let (mut gate, mut user_header) = (&ImportAccess::Unsaid, None);
        let sections = self.sections.iter().chain(&rule.sections);
        for section in sections.filter(|section| reaches(&section.path, section.is_exact, path)) {
            merge(&mut route.request_headers, &section.request_headers);
            merge(&mut route.response_headers, &section.response_headers);
            overlay(&mut route.timeouts, &section.timeouts);
            if section.auth != DraftAuth::Inherited {
                route.auth = section.auth.clone();
            }
            user_header = section.user_header.as_ref().or(user_header);
            if section.gate != ImportAccess::Unsaid {
                gate = &section.gate;
            }
        }
        overlay(&mut route.timeouts, &rule.timeouts);
        // Above the routes no password is asked for, so a route need not switch that off.
        if route.auth == DraftAuth::None {
            route.auth = DraftAuth::Inherited;
        }
        match (&mut route.auth, user_header) {
            (DraftAuth::Basic { user_header, .. }, Some(name)) => *user_header = Some(name.clone()),
            // Where no user gives a password, no client may claim a name. X-Forwarded-* never passes.
            (_, Some(name)) if !name.to_ascii_lowercase().starts_with("x-forwarded-") => {
                merge(&mut route.request_headers, &DraftHeaderRules { set: Vec::new(), remove: vec![name.clone()] });
            }
            _ => {}
        }
        if let ImportAccess::Shut(reason) = gate {
            let comment = (!reason.is_empty()).then(|| reason.clone()).into_iter().collect();
            let answer = DraftAnswer::Respond(DraftRespond { status: 403, ..DraftRespond::default() });
            return Some(DraftRoute { comment, answer, ..DraftRoute::default() });
        }
        if matches!(route.answer, DraftAnswer::Respond(_)) {
            // There is no gateway to tell anything, or to wait for.
            route.request_headers = DraftHeaderRules::default();
            route.timeouts = DraftTimeouts::default();
        }
        Some(route)
    }
}

/// An answer of frontgate's own.
pub(super) fn respond(status: u16) -> DraftAnswer {
    DraftAnswer::Respond(DraftRespond { status, ..DraftRespond::default() })
}

/// Whether what is for `own`, and perhaps for nothing below it, is for `path`.
fn reaches(own: &str, is_exact: bool, path: &str) -> bool {
    if is_exact { own == path } else { covers(own, path) }
}

/// Whether a route with this prefix takes requests for `path`, as frontgate compares them.
pub(super) fn covers(prefix: &str, path: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'),
        None => false,
    }
}

/// Sets and removes what `later` does, too; of what both name, `later` decides.
pub(super) fn merge(rules: &mut DraftHeaderRules, later: &DraftHeaderRules) {
    let named = |name: &String| {
        let same = |other: &String| other.eq_ignore_ascii_case(name);
        later.set.iter().any(|(other, _)| same(other)) || later.remove.iter().any(same)
    };
    rules.set.retain(|(name, _)| !named(name));
    rules.remove.retain(|name| !named(name));
    rules.set.extend(later.set.iter().cloned());
    rules.remove.extend(later.remove.iter().cloned());
}

fn overlay(timeouts: &mut DraftTimeouts, later: &DraftTimeouts) {
    timeouts.connect = later.connect.or(timeouts.connect);
    timeouts.read = later.read.or(timeouts.read);
    timeouts.send = later.send.or(timeouts.send);
}

/// Whether two routes do the same, whatever is said above them.
fn alike(a: &DraftRoute, b: &DraftRoute) -> bool {
    DraftRoute { comment: Vec::new(), path: None, ..a.clone() }
        == DraftRoute { comment: Vec::new(), path: None, ..b.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(path: &str, upstream: &str) -> Rule {
        Rule { path: path.into(), answer: DraftAnswer::Upstream(upstream.into()), ..Rule::default() }
    }

    fn shape(paths: &Paths) -> Vec<String> {
        let one = |route: &DraftRoute| {
            let path = route.path.as_deref().unwrap_or("*");
            let auth = if route.auth == DraftAuth::Inherited { "" } else { " auth" };
            match &route.answer {
                DraftAnswer::Default => format!("{path}{auth}"),
                DraftAnswer::Upstream(name) => format!("{path} {name}{auth}"),
                DraftAnswer::Respond(respond) => format!("{path} {}{auth}", respond.status),
            }
        };
        paths.routes().iter().map(one).collect()
    }

    #[test]
    fn a_prefix_ends_with_a_segment() {
        let cases =
            [("/a", "/a", true), ("/a", "/a/b", true), ("/a", "/ab", false), ("/a/", "/a", false), ("/", "/x", true)];
        for (prefix, path, expected) in cases {
            assert_eq!(covers(prefix, path), expected, "{prefix} {path}");
        }
    }

    #[test]
    fn the_first_rule_wins_and_routes_are_written_longest_first() {
        let mut paths = Paths::default();
        paths.rule(to("/a/x", "one"));
        paths.rule(to("/", "two"));
        paths.rule(to("/a", "never"));
        paths.rule(to("/b", "two"));
        assert_eq!(shape(&paths), ["/a/x one", "* two"]);
        assert_eq!(paths.at("/a/y").map(|rule| rule.path.as_str()), Some("/"));
    }

    #[test]
    fn what_is_for_one_path_is_not_for_what_is_below() {
        let mut paths = Paths::default();
        paths.rule(Rule { is_exact: true, ..to("/a", "one") });
        paths.rule(to("/a/", "two"));
        paths.rule(Rule { is_exact: true, ..to("/b", "three") });
        assert_eq!(shape(&paths), ["/a/ two", "/b/ 404", "/a one", "/b three"]);
        let basic = DraftAuth::Basic { users: Vec::new(), user_header: None };
        let mut paths = Paths::default();
        paths.rule(to("/", "one"));
        paths.section(ImportSection { path: "/".into(), auth: basic, ..ImportSection::default() });
        paths.section(ImportSection {
            path: "/open".into(),
            is_exact: true,
            auth: DraftAuth::None,
            ..ImportSection::default()
        });
        assert_eq!(shape(&paths), ["/open/ one auth", "/open one", "* one auth"]);
    }

    #[test]
    fn sections_hold_at_and_below_their_path_where_there_is_a_rule() {
        let mut paths = Paths::default();
        paths.rule(to("/a", "one"));
        let basic = DraftAuth::Basic { users: Vec::new(), user_header: None };
        paths.section(ImportSection { path: "/a/in".into(), auth: basic, ..ImportSection::default() });
        paths.section(ImportSection { path: "/a/in/open".into(), auth: DraftAuth::None, ..ImportSection::default() });
        paths.section(ImportSection {
            path: "/elsewhere".into(),
            gate: ImportAccess::Shut(String::new()),
            ..ImportSection::default()
        });
        paths.section(ImportSection {
            path: "/a/shut".into(),
            gate: ImportAccess::Shut("why".into()),
            ..ImportSection::default()
        });
        assert_eq!(shape(&paths), ["/a/in/open one", "/a/shut 403", "/a/in one auth", "/a one"]);
    }

    #[test]
    fn a_name_is_told_where_there_is_a_password_and_claimed_nowhere() {
        let mut paths = Paths::default();
        paths.rule(to("/", "one"));
        let basic = DraftAuth::Basic { users: Vec::new(), user_header: None };
        paths.section(ImportSection {
            path: "/".into(),
            user_header: Some("X-User".into()),
            ..ImportSection::default()
        });
        paths.section(ImportSection { path: "/in".into(), auth: basic, ..ImportSection::default() });
        let routes = paths.routes();
        assert!(matches!(&routes[0].auth, DraftAuth::Basic { user_header: Some(name), .. } if name == "X-User"));
        assert_eq!(
            (routes[0].request_headers.remove.len(), &*routes[1].request_headers.remove),
            (0, &["X-User".to_owned()][..])
        );
    }

    #[test]
    fn later_headers_win_over_earlier_ones() {
        let set =
            |name: &str, value: &str| DraftHeaderRules { set: vec![(name.into(), value.into())], remove: Vec::new() };
        let mut rules = set("X-A", "1");
        merge(&mut rules, &set("x-a", "2"));
        merge(&mut rules, &DraftHeaderRules { set: Vec::new(), remove: vec!["X-B".into()] });
        assert_eq!(rules, DraftHeaderRules { set: vec![("x-a".into(), "2".into())], remove: vec!["X-B".into()] });
    }
}
