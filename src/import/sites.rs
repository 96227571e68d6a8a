//! [`lay`]: the [`ImportSite`]s that another proxy kept apart, as one [`Draft`]: listeners, names, and routes by host.

use std::net::SocketAddr;

use super::draft::{Draft, DraftHeaderRules, DraftListener, DraftRespond, DraftTimeouts};
use super::old::{DraftAnswer, DraftAuth, DraftRoute};
use super::place::ImportPlace;
use super::report::ImportReport;
use crate::config::BindAddr;

/// A server of another proxy's: its addresses, its hosts, and what it does with requests.
#[derive(Debug, Clone)]
pub(super) struct ImportSite {
    /// Where the site begins.
    pub(super) place: ImportPlace,
    /// The line that the site begins with.
    pub(super) directive: String,
    /// Hosts: names, or `*.` and a name. An empty list stands for every host.
    pub(super) hosts: Vec<String>,
    /// Whether the site answers for hosts that no site names.
    pub(super) is_default: bool,
    /// What its listeners do with a connection.
    pub(super) door: ImportListener,
    /// The addresses that it listens at.
    pub(super) listen: Vec<SocketAddr>,
    /// The routes of its requests, none of which has a host.
    pub(super) routes: Vec<DraftRoute>,
}

/// What a listener does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImportListener {
    /// The listener terminates TLS.
    Tls,
    /// The listener proxies without TLS.
    Plain,
    /// The listener redirects everything to https.
    Redirect,
}

/// The routes while they are laid.
struct Laid<'a> {
    draft: &'a mut Draft,
    routes: Vec<DraftRoute>,
}

/// Lays `sites` into the draft.
pub(super) fn lay(sites: Vec<ImportSite>, draft: &mut Draft, report: &mut ImportReport) {
    listen(&sites, draft, report);
    let mut laid = Laid { draft, routes: Vec::new() };
    let sites = serving(sites, report);
    let single = sites.len() == 1;
    for site in &sites {
        let mut routes = site.routes.clone();
        let open_ended = routes.last().is_none_or(|last| last.path.is_some());
        if open_ended && !routes.is_empty() {
            report.kept(&site.place, &site.directive, "what was not forwarded is answered 404");
        }
        if !single && open_ended && !site.hosts.is_empty() {
            let comment = vec!["Nothing else of this host was proxied.".to_owned()];
            routes.push(DraftRoute { comment, answer: respond(404), ..DraftRoute::default() });
        }
        let any = single || site.is_default || site.hosts.is_empty();
        if any && !site.hosts.is_empty() && single && site.door == ImportListener::Tls && !site.is_default {
            let hosts = site.hosts.join(", ");
            report.kept(
                &site.place,
                &site.directive,
                format!("the one site, for whatever host a client asks, not for {hosts} only"),
            );
        }
        let hosts: Vec<Option<String>> = if any { vec![None] } else { site.hosts.iter().cloned().map(Some).collect() };
        for host in hosts {
            laid.routes.extend(routes.iter().map(|route| DraftRoute { host: host.clone(), ..route.clone() }));
        }
    }
    laid.routes.sort_by_key(|route| match &route.host {
        Some(host) if host.starts_with("*.") => 1,
        Some(_) => 0,
        None => 2,
    });
    simplify(&mut laid);
    let routes = std::mem::take(&mut laid.routes);
    draft.routes = routes.into_iter().map(Into::into).collect();
}

fn respond(status: u16) -> DraftAnswer {
    DraftAnswer::Respond(DraftRespond { status, ..DraftRespond::default() })
}

/// Each address belongs to one kind of listener: where one site redirects, no other can proxy in the clear.
fn listen(sites: &[ImportSite], draft: &mut Draft, report: &mut ImportReport) {
    let mut https: Vec<SocketAddr> = Vec::new();
    let add = |list: &mut Vec<SocketAddr>, addr: SocketAddr| {
        if !list.contains(&addr) {
            list.push(addr);
        }
    };
    let (mut http, mut plains): (Vec<SocketAddr>, Vec<SocketAddr>) = Default::default();
    for addr in sites.iter().filter(|site| site.door == ImportListener::Tls).flat_map(|site| &site.listen) {
        add(&mut https, *addr);
    }
    for addr in sites.iter().filter(|site| site.door == ImportListener::Redirect).flat_map(|site| &site.listen) {
        if !https.contains(addr) {
            add(&mut http, *addr);
        }
    }
    for site in sites.iter().filter(|site| site.door == ImportListener::Plain) {
        for addr in &site.listen {
            if https.contains(addr) || http.contains(addr) {
                let does = if https.contains(addr) { "speaks TLS" } else { "redirects to https" };
                let remedy = format!(
                    "{addr} {does} for another site, and frontgate does one thing at an address: this site is reached by \
                     https. If it must be reached in the clear, give it an address of its own in listen.plain"
                );
                report.dropped(&site.place, &site.directive, remedy);
            } else {
                add(&mut plains, *addr);
            }
        }
    }
    let named = |list: Vec<SocketAddr>| -> Vec<DraftListener> {
        list.into_iter().map(|addr| DraftListener { address: BindAddr::Tcp(addr), name: None }).collect()
    };
    (draft.listen.http, draft.listen.plain) = (named(http), named(plains));
    draft.listen.https = Some(named(https));
}

/// The sites that have requests of their own. Routes are the same at every listener: of two sites for the same hosts
/// the one with TLS stays.
fn serving(sites: Vec<ImportSite>, report: &mut ImportReport) -> Vec<ImportSite> {
    let mut kept: Vec<ImportSite> = Vec::new();
    let (tls, plain): (Vec<ImportSite>, Vec<ImportSite>) = sites
        .into_iter()
        .filter(|site| site.door != ImportListener::Redirect)
        .partition(|site| site.door == ImportListener::Tls);
    for mut site in tls.into_iter().chain(plain) {
        let taken = |host: &String| kept.iter().any(|other| other.hosts.contains(host));
        let same = kept.iter().any(|other| other.hosts == site.hosts && other.routes == site.routes);
        if same {
            continue;
        }
        if site.hosts.is_empty() && kept.iter().any(|other| other.hosts.is_empty()) {
            report.dropped(&site.place, &site.directive, FOR_ALL);
            continue;
        }
        let had = site.hosts.len();
        let lost: Vec<String> = site.hosts.extract_if(.., |host| taken(host)).collect();
        if !lost.is_empty() {
            let remedy = format!("{} {FOR_ALL_HOSTS}", lost.join(", "));
            report.dropped(&site.place, &site.directive, remedy);
            if lost.len() == had {
                continue;
            }
        }
        // Only one site can be for hosts that no site names.
        site.is_default &= !kept.iter().any(|other| other.is_default || other.hosts.is_empty());
        kept.push(site);
    }
    kept
}

const FOR_ALL: &str = "another site answers for every host already, and routes are the same at every listener: merge them by hand, \
                       or run a second frontgate for this one";
const FOR_ALL_HOSTS: &str = "is a host of another site with different rules, and routes are the same at every listener: that site's \
                             rules hold here, too. Merge them by hand, or run a second frontgate for this one";

/// Says once at the top what every route says.
fn simplify(draft: &mut Laid<'_>) {
    let targets = |draft: &Laid<'_>| -> Vec<String> {
        let target = |route: &DraftRoute| match &route.answer {
            DraftAnswer::Upstream(name) => Some(name.clone()),
            _ => None,
        };
        draft.routes.iter().filter_map(target).collect()
    };
    // The gateway of most routes is the gateway, of equals the last, which has no host; named ones stay where they are.
    let all: Vec<String> = targets(draft).into_iter().filter(|target| target.contains(':')).collect();
    let count = |target: &String| all.iter().filter(|other| *other == target).count();
    let most = all.iter().map(count).max().unwrap_or_default();
    if let Some(target) = all.iter().rfind(|target| count(target) == most).cloned() {
        for route in &mut draft.routes {
            if route.answer == DraftAnswer::Upstream(target.clone()) {
                route.answer = DraftAnswer::Default;
            }
        }
        draft.draft.upstream = Some(target);
    }
    lift_timeouts(draft);
    let is_plain = |route: &DraftRoute| {
        let own = (&route.host, &route.path, &route.answer) == (&None, &None, &DraftAnswer::Default);
        let headers = [&route.request_headers, &route.response_headers];
        own && headers.iter().all(|rules| **rules == DraftHeaderRules::default())
            && route.timeouts == DraftTimeouts::default()
    };
    if let [only] = draft.routes.as_slice()
        && is_plain(only)
    {
        if only.auth != DraftAuth::None {
            draft.draft.auth = only.auth.clone().into();
        }
        draft.routes.clear();
    }
    name_the_rest(draft);
}

/// Gives a route that says nothing a path, since such a route is hard to see.
fn name_the_rest(draft: &mut Laid<'_>) {
    for route in &mut draft.routes {
        if (DraftRoute { comment: Vec::new(), ..route.clone() }) == DraftRoute::default() {
            route.path = Some("/".to_owned());
        }
    }
}

/// Moves timeouts to the top level that hold for every route with a gateway.
fn lift_timeouts(draft: &mut Laid<'_>) {
    let proxied = |route: &&mut DraftRoute| !matches!(route.answer, DraftAnswer::Respond(_));
    let mut routes: Vec<&mut DraftRoute> = draft.routes.iter_mut().filter(proxied).collect();
    let Some(first) = routes.first().map(|route| route.timeouts) else { return };
    if routes.iter().all(|route| route.timeouts == first) {
        for route in &mut routes {
            route.timeouts = DraftTimeouts::default();
        }
        draft.draft.timeouts.connect = first.connect.or(draft.draft.timeouts.connect);
        draft.draft.timeouts.read = first.read.or(draft.draft.timeouts.read);
        draft.draft.timeouts.send = first.send.or(draft.draft.timeouts.send);
    }
}
