//! [`lower`]: an [`ImportTree`] as listeners and routes, and what the report says of them.
//!
//! Which server answers is decided as the old proxy did: by the address first, then by the name, then by the default of
//! the address. Listeners with the same servers share their routes; where two differ, each has a name and its routes say
//! it. A rule that has to stay shut becomes a 403. Every sentence is made of what is in the file.

mod listeners;
mod names;
mod notes;
mod simplify;

use super::condition::Condition;
use super::draft::{Draft, DraftAnswer, DraftAuth, DraftHeaderRules, DraftOidc, DraftRoute, DraftTimeouts};
use super::error::ImportError;
use super::matching::{DraftMatch, DraftPath, expression};
use super::networks::everywhere;
use super::report::ImportReport;
use super::tree::{HostName, ImportRule, ImportServer, ImportTree, Part};
use listeners::Target;
use notes::Notes;

/// How many routes a configuration may become; no configuration that people write has more.
const MOST_ROUTES: usize = 5000;

/// Lays the tree into the draft.
///
/// # Errors
/// A listener that cannot be had, or more routes than anyone writes.
pub(super) fn lower(tree: &ImportTree, draft: &mut Draft, report: &mut ImportReport) -> Result<(), ImportError> {
    let groups = listeners::groups(tree, draft, report)?;
    let mut lowering = Lowering { tree, notes: Notes::default(), routes: Vec::new() };
    for entry in names::entries(&groups) {
        lowering.entry(&entry)?;
    }
    if groups.is_empty() && !tree.listeners.is_empty() {
        // Without a route every request would go to a gateway.
        lowering.routes.push(DraftRoute { answer: DraftAnswer::status(403), ..DraftRoute::default() });
    }
    draft.routes = lowering.routes;
    lowering.notes.report(&tree.servers, report);
    names::of_certificate(tree, draft);
    simplify::simplify(draft);
    advise(tree, draft, report);
    Ok(())
}

/// Routes of one server for one name, at some listeners.
struct Entry<'a> {
    /// The name; `None` for all that no other entry takes.
    host: Option<HostName>,
    /// The names of the listeners; empty where all are alike.
    listeners: Vec<String>,
    /// The server, or why none may answer.
    target: &'a Target,
    /// Whether the listeners take no client of IPv4.
    only_v6: bool,
}

struct Lowering<'a> {
    tree: &'a ImportTree,
    notes: Notes,
    routes: Vec<DraftRoute>,
}

impl Lowering<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), ImportError> {
        let first = self.routes.len();
        if entry.only_v6 && entry.host.is_none() {
            let when = DraftMatch { from: vec![everywhere()[0]], ..DraftMatch::default() };
            let comment = vec!["This address took clients of IPv6 only.".to_owned()];
            self.push(entry, DraftRoute { when, comment, answer: DraftAnswer::status(444), ..DraftRoute::default() });
        }
        match entry.target {
            Target::Server(index) => self.server(entry, first, &self.tree.servers[*index])?,
            Target::Undecided(origins) => {
                let mut rule = ImportRule::new(DraftMatch::default(), DraftAnswer::Default);
                for origin in origins {
                    rule.shut(
                        origin,
                        UNDECIDED,
                        "Give each of them an address of its own that no other listener covers",
                    );
                }
                self.rule(entry, first, &rule);
            }
        }
        Ok(())
    }

    fn server(&mut self, entry: &Entry<'_>, first: usize, server: &ImportServer) -> Result<(), ImportError> {
        for rule in &server.rules {
            self.rule(entry, first, rule);
            if self.routes.len() > MOST_ROUTES {
                let limit = format!("more than {MOST_ROUTES} routes");
                return Err(ImportError::TooMuch { file: server.origin.place.to_string(), limit });
            }
        }
        let whole = self.notes.server(&server.origin, entry.host.as_ref());
        if !self.routes[first..].iter().any(|route| Self::is_last(entry, route)) {
            self.notes.rest(whole);
            let comment = vec!["Nothing else was served here.".to_owned()];
            self.push(entry, DraftRoute { comment, answer: DraftAnswer::status(404), ..DraftRoute::default() });
        }
        Ok(())
    }

    /// Whether no route behind this one is reached in the entry.
    fn is_last(entry: &Entry<'_>, route: &DraftRoute) -> bool {
        own_match(entry).is_ok_and(|own| route.when.covers(&own))
    }

    /// Puts the rule into the file, and notes what became of it.
    fn rule(&mut self, entry: &Entry<'_>, first: usize, rule: &ImportRule) {
        let host = match &entry.host {
            Some(HostName::Exact(name)) => Some(name.as_str()),
            _ => None,
        };
        let Some(when) = rule.route.when.at_host(host) else {
            return self.notes.never(rule);
        };
        let mut rule = rule.clone();
        rule.route.when = when;
        if lacks_groups(&rule.route) {
            let answers = rule.said.clone().into_iter().filter(|said| said.part == Part::Answer);
            for said in answers {
                rule.shut(&said.origin, "it leads to a place with groups that no expression of its path has", GROUPS);
            }
        }
        let rule = &rule;
        let when = joined(entry, rule);
        if let Some(earlier) = self.routes[first..].iter().find(|route| route.when.covers(&when)) {
            return self.notes.unreached(rule, earlier);
        }
        let mut route = rule.route.clone();
        let refuses = matches!(&route.answer, DraftAnswer::Respond(answer) if answer.status >= 400);
        let is_shut = !rule.shut.is_empty() && !refuses;
        if is_shut {
            route = DraftRoute {
                comment: rule
                    .shut
                    .iter()
                    .map(|shut| {
                        format!("Shut: `{}` ({}) could not be translated.", shut.origin.shown, shut.origin.place)
                    })
                    .collect(),
                when: route.when,
                answer: DraftAnswer::status(403),
                ..DraftRoute::default()
            };
        } else {
            complete(&mut route, rule);
        }
        let index = self.push(entry, route);
        let landed = &self.routes[index];
        self.notes.landed(rule, landed, is_shut);
    }

    /// Adds a route for the entry; its index.
    fn push(&mut self, entry: &Entry<'_>, mut route: DraftRoute) -> usize {
        route.listeners.clone_from(&entry.listeners);
        match &entry.host {
            None => {}
            Some(HostName::Exact(name)) => route.host = Some(name.clone()),
            Some(HostName::Below(name)) => route.host = Some(format!("*.{name}")),
            Some(HostName::Regex(_)) => {
                let own = own_match(entry);
                if let Ok(Some(both)) = own.clone().and_then(|own| own.and(&route.when)) {
                    route.when = both;
                } else {
                    // The route would take requests for other hosts, so all of this name are shut.
                    let comment = "Shut: the condition on its host and that on its name cannot be joined.";
                    route = DraftRoute {
                        comment: vec![comment.to_owned()],
                        when: own.unwrap_or_default(),
                        answer: DraftAnswer::status(403),
                        listeners: route.listeners,
                        ..DraftRoute::default()
                    };
                }
            }
        }
        self.routes.push(route);
        self.routes.len() - 1
    }
}

/// The requests of an entry whose name is a regular expression; every request of the others.
fn own_match(entry: &Entry<'_>) -> Result<DraftMatch, super::matching::Unsayable> {
    match &entry.host {
        Some(HostName::Regex(regex)) => Ok(Condition::host(regex)?.alternatives()[0].clone()),
        _ => Ok(DraftMatch::default()),
    }
}

/// The requests that a rule takes in an entry.
fn joined(entry: &Entry<'_>, rule: &ImportRule) -> DraftMatch {
    let own = own_match(entry).ok();
    own.and_then(|own| own.and(&rule.route.when).ok().flatten()).unwrap_or_else(|| rule.route.when.clone())
}

/// Gives the route what follows from its other parts.
fn complete(route: &mut DraftRoute, rule: &ImportRule) {
    // Above the routes no password is asked for, so a route need not switch that off.
    if route.auth == DraftAuth::None {
        route.auth = DraftAuth::Inherited;
    }
    for said in &rule.said {
        let Part::UserHeader(name) = &said.part else { continue };
        match &mut route.auth {
            DraftAuth::Basic { user_headers, .. } | DraftAuth::Oidc(DraftOidc { user_headers, .. }) => {
                if !has(user_headers, name) {
                    user_headers.push(name.clone());
                }
            }
            // Where no user gives a password, no client may claim a name. X-Forwarded-* never passes.
            _ if name.to_ascii_lowercase().starts_with("x-forwarded-") => {}
            _ if has(&route.request_headers.remove, name) => {}
            _ => route.request_headers.remove.push(name.clone()),
        }
    }
    if let DraftAnswer::Https(status) = route.answer {
        route.answer = DraftAnswer::Redirect { to: "https://{host}{uri}".to_owned(), status };
    }
    if !route.answer.forwards() {
        // There is no gateway to tell anything, or to wait for.
        route.request_headers = DraftHeaderRules::default();
        route.timeouts = DraftTimeouts::default();
        route.strip_prefix = None;
        if let DraftAuth::Basic { user_headers, .. } | DraftAuth::Oidc(DraftOidc { user_headers, .. }) = &mut route.auth
        {
            user_headers.clear();
        }
    }
}

/// Whether a redirect has the place of a group that the expression of its path has not.
fn lacks_groups(route: &DraftRoute) -> bool {
    let DraftAnswer::Redirect { to, .. } = &route.answer else { return false };
    let regex = match &route.when.path {
        Some(DraftPath::Regex(regex)) => expression(regex).ok(),
        _ => None,
    };
    let known = |name: &str| {
        let number = name.parse::<usize>();
        let named =
            |name: &str| regex.as_ref().is_some_and(|regex| regex.capture_names().flatten().any(|own| own == name));
        number.map_or_else(|_| named(name), |number| regex.as_ref().is_some_and(|regex| number < regex.captures_len()))
    };
    to.replace("$$", "").split('$').skip(1).any(|rest| {
        let name = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        !known(name.unwrap_or(&rest[..end]))
    })
}

const GROUPS: &str = "Write a route with the expression that is meant as its path";

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

const UNDECIDED: &str =
    "it listens at an address that another listener covers, and frontgate does not tell the two apart";

/// Says what the gateway must know, and what is missing.
fn advise(tree: &ImportTree, draft: &Draft, report: &mut ImportReport) {
    if tree.servers.is_empty() {
        return report.next("There is no server in it: import the file that has one");
    }
    if draft.upstream.is_some() || !draft.upstreams.is_empty() {
        report.next("The gateway must know its proxy: gateway.trustedProxies has the address that frontgate connects from, such as \"127.0.0.1\"");
        if let Some(host) = draft.tls.names.iter().find(|name| !name.starts_with('*')) {
            report.next(format!(
                "gateway.controlUi.allowedOrigins has the origin that browsers show, such as \"https://{host}\""
            ));
        }
    }
    let listens = tree.listeners.iter().any(|listener| !listener.tls);
    if listens && !tree.listeners.iter().any(|listener| listener.tls) {
        report.next(
            "Nothing here speaks TLS, and the Control UI needs https: unless a proxy in front does, add `listen: { https: [\":8443\"] }` and \
             `tls: { names: [...] }`",
        );
    }
    let minds_case = |route: &DraftRoute| route.when.path.is_some() && !route.when.ignore_case;
    if draft.routes.iter().any(minds_case) {
        report.next(
            "A path that is guarded is guarded in every spelling: where the old proxy minded the case of letters, a request with other \
             letters gets a 400 instead of passing the guard",
        );
    }
}
