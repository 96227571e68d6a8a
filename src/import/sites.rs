//! [`lay`]: the [`ImportSite`]s that another proxy kept apart, as one [`Draft`]: listeners, names, and routes by host.

use std::net::SocketAddr;

use super::draft::{Draft, DraftAnswer, DraftAuth, DraftHeaderRules, DraftRespond, DraftRoute, DraftTimeouts};
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

/// Lays `sites` into the draft.
pub(super) fn lay(sites: Vec<ImportSite>, draft: &mut Draft, report: &mut ImportReport) {
    listen(&sites, draft, report);
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
            draft.routes.extend(routes.iter().map(|route| DraftRoute { host: host.clone(), ..route.clone() }));
        }
    }
    draft.routes.sort_by_key(|route| match &route.host {
        Some(host) if host.starts_with("*.") => 1,
        Some(_) => 0,
        None => 2,
    });
    simplify(draft);
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
    for addr in sites.iter().filter(|site| site.door == ImportListener::Tls).flat_map(|site| &site.listen) {
        add(&mut https, *addr);
    }
    for addr in sites.iter().filter(|site| site.door == ImportListener::Redirect).flat_map(|site| &site.listen) {
        if !https.contains(addr) {
            add(&mut draft.listen.http, *addr);
        }
    }
    for site in sites.iter().filter(|site| site.door == ImportListener::Plain) {
        for addr in &site.listen {
            let plain = BindAddr::Tcp(*addr);
            if https.contains(addr) || draft.listen.http.contains(addr) {
                let does = if https.contains(addr) { "speaks TLS" } else { "redirects to https" };
                let remedy = format!(
                    "{addr} {does} for another site, and frontgate does one thing at an address: this site is reached by \
                     https. If it must be reached in the clear, give it an address of its own in listen.plain"
                );
                report.dropped(&site.place, &site.directive, remedy);
            } else if !draft.listen.plain.contains(&plain) {
                draft.listen.plain.push(plain);
            }
        }
    }
    draft.listen.https = Some(https);
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
fn simplify(draft: &mut Draft) {
    let targets = |draft: &Draft| -> Vec<String> {
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
        draft.upstream = Some(target);
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
            draft.auth = only.auth.clone();
        }
        draft.routes.clear();
    }
    name_the_rest(draft);
}

/// Gives a route that says nothing a path, since such a route is hard to see.
fn name_the_rest(draft: &mut Draft) {
    for route in &mut draft.routes {
        if (DraftRoute { comment: Vec::new(), ..route.clone() }) == DraftRoute::default() {
            route.path = Some("/".to_owned());
        }
    }
}

/// Moves timeouts to the top level that hold for every route with a gateway.
fn lift_timeouts(draft: &mut Draft) {
    let proxied = |route: &&mut DraftRoute| !matches!(route.answer, DraftAnswer::Respond(_));
    let mut routes: Vec<&mut DraftRoute> = draft.routes.iter_mut().filter(proxied).collect();
    let Some(first) = routes.first().map(|route| route.timeouts) else { return };
    if routes.iter().all(|route| route.timeouts == first) {
        for route in &mut routes {
            route.timeouts = DraftTimeouts::default();
        }
        draft.timeouts.connect = first.connect.or(draft.timeouts.connect);
        draft.timeouts.read = first.read.or(draft.timeouts.read);
        draft.timeouts.send = first.send.or(draft.timeouts.send);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(door: ImportListener, hosts: &[&str], listen: &str, routes: Vec<DraftRoute>) -> ImportSite {
        ImportSite {
            place: ImportPlace::start("a.conf"),
            directive: "site".into(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            is_default: false,
            door,
            listen: vec![listen.parse().expect("an address")],
            routes,
        }
    }

    fn to(path: Option<&str>, upstream: &str) -> DraftRoute {
        DraftRoute {
            path: path.map(str::to_owned),
            answer: DraftAnswer::Upstream(upstream.into()),
            ..DraftRoute::default()
        }
    }

    fn laid(sites: Vec<ImportSite>) -> (Draft, ImportReport) {
        let (mut draft, mut report) = (Draft::default(), ImportReport::default());
        lay(sites, &mut draft, &mut report);
        (draft, report)
    }

    #[test]
    fn one_site_with_one_gateway_needs_no_routes() {
        let (draft, _) = laid(vec![
            site(ImportListener::Redirect, &["a.b"], "[::]:80", Vec::new()),
            site(ImportListener::Tls, &["a.b"], "[::]:443", vec![to(None, "http://g:1")]),
        ]);
        assert_eq!(draft.upstream.as_deref(), Some("http://g:1"));
        assert_eq!(
            (draft.routes.len(), draft.listen.http.len(), draft.listen.https.map(|list| list.len())),
            (0, 1, Some(1))
        );
    }

    #[test]
    fn hosts_do_not_fall_through_to_each_other() {
        let mut first = site(ImportListener::Tls, &["a.b"], "[::]:443", vec![to(None, "http://g:1")]);
        first.is_default = true;
        let second = site(ImportListener::Tls, &["c.d", "*.e.f"], "[::]:443", vec![to(Some("/x"), "http://g:2")]);
        let (draft, _) = laid(vec![first, second]);
        let shape: Vec<_> = draft.routes.iter().map(|route| (route.host.as_deref(), route.path.as_deref())).collect();
        let (exact, wildcard) = (Some("c.d"), Some("*.e.f"));
        assert_eq!(shape, [(exact, Some("/x")), (exact, None), (wildcard, Some("/x")), (wildcard, None), (None, None)]);
        let answers: Vec<_> = [0, 1, 4].iter().map(|index| &draft.routes[*index].answer).collect();
        assert_eq!(answers, [&DraftAnswer::Default, &respond(404), &DraftAnswer::Upstream("http://g:1".into())]);
    }

    #[test]
    fn one_address_does_one_thing() {
        let (draft, report) = laid(vec![
            site(ImportListener::Redirect, &["a.b"], "[::]:80", Vec::new()),
            site(ImportListener::Plain, &["c.d"], "[::]:80", vec![to(None, "http://g:1")]),
        ]);
        assert_eq!((draft.listen.http.len(), draft.listen.plain.len()), (1, 0));
        assert!(report.notes()[0].text.contains("redirects to https for another site"));
    }

    #[test]
    fn what_a_second_site_for_a_host_does_differently_is_reported() {
        let tls = site(ImportListener::Tls, &["a.b"], "[::]:443", vec![to(None, "http://g:1")]);
        let same = ImportSite {
            door: ImportListener::Plain,
            listen: vec!["[::]:80".parse().expect("an address")],
            ..tls.clone()
        };
        let (draft, report) = laid(vec![tls.clone(), same.clone()]);
        assert_eq!((report.notes().len(), draft.listen.plain.len(), draft.routes.len()), (1, 1, 0));
        let (_, report) = laid(vec![tls, ImportSite { routes: vec![to(None, "http://g:2")], ..same }]);
        assert!(report.notes()[0].text.contains("is a host of another site"));
    }
}
