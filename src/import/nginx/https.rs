//! Servers that send every client to https, or turn every client away.

use super::location::NginxPattern;
use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;

impl<'a> Translation<'a, '_> {
    /// Whether every plain request is sent to https.
    pub(super) fn sends_to_https(&mut self, scope: &NginxScope<'a>, speaks_tls: bool) -> bool {
        let own = scope.own();
        let mut found: Vec<&NginxDirective> = Vec::new();
        for one in own {
            match one.name.as_str() {
                "return" | "rewrite" if !speaks_tls && goes_to_https(one) => found.push(one),
                "if" => {
                    let condition = one.args.join(" ");
                    let asks_scheme =
                        ["$scheme", "$https", "$http_x_forwarded_proto"].iter().any(|name| condition.contains(name));
                    let asks_host = condition.contains("$host") && !speaks_tls;
                    let inner = one.inner().iter().find(|inner| goes_to_https(inner));
                    if let Some(inner) = inner.filter(|_| asks_scheme || asks_host) {
                        found.extend([one, inner]);
                    }
                }
                "location" if !speaks_tls && is_root(one) => {
                    if let Some(inner) = one.inner().iter().find(|inner| goes_to_https(inner)) {
                        found.extend([one, inner]);
                    }
                }
                _ => {}
            }
        }
        for one in &found {
            self.report.kept(&one.place, &one.shown(), "listen.http, which redirects to https on the same host");
        }
        !found.is_empty()
    }

    /// Says what becomes of the rest of a server that redirects.
    pub(super) fn redirecting(&mut self, scope: &NginxScope<'a>) {
        for one in scope.own() {
            let (place, shown) = (&one.place, one.shown());
            match one.name.as_str() {
                "location" if one.args.iter().any(|arg| arg.contains("/.well-known")) => {
                    let remedy = "frontgate answers challenges for its own certificates (tls.certificate: acme) and no others on this port: let it get the \
                                  certificate";
                    self.report.dropped(place, &shown, remedy);
                }
                "location" if self.is_new(one) => {
                    self.report.dropped(place, &shown, "on this port frontgate only redirects to https");
                }
                "return" if self.is_new(one) => {
                    self.report.not_needed(place, &shown, "every other name is redirected, too");
                }
                "root" | "index" => self.report.not_needed(place, &shown, "frontgate serves no files"),
                _ => {}
            }
        }
    }

    /// Reports a server that turns every client away.
    pub(super) fn rejecting(&mut self, scope: &NginxScope<'a>) {
        for one in scope.own() {
            if matches!(one.name.as_str(), "return" | "ssl_reject_handshake" | "deny" | "location") {
                self.report.kept(&one.place, &one.shown(), "404 for every host that no route has");
                for inner in one.inner().iter().filter(|inner| matches!(inner.name.as_str(), "return" | "deny")) {
                    self.report.kept(&inner.place, &inner.shown(), "404 for every host that no route has");
                }
            } else if one.name.starts_with("ssl_certificate") {
                self.report.not_needed(
                    &one.place,
                    &one.shown(),
                    "the first certificate of tls.certificate is shown for unknown names",
                );
            }
        }
    }
}

/// Whether the directive is a redirect to https.
fn goes_to_https(directive: &NginxDirective) -> bool {
    let url = match directive.name.as_str() {
        "return" => directive.args.last(),
        "rewrite" => directive.args.get(1),
        _ => None,
    };
    url.is_some_and(|url| url.starts_with("https://"))
}

/// Whether a location is for every path.
fn is_root(location: &NginxDirective) -> bool {
    match NginxPattern::read(&location.args) {
        NginxPattern::Prefix { path, .. } => path == "/",
        NginxPattern::AnyOf(list) => list.iter().any(|path| path == "/"),
        _ => false,
    }
}

/// Whether a server answers everything with an error, without anything else in it.
pub(super) fn refuses_all(scope: &NginxScope<'_>) -> bool {
    let refuses = |one: &NginxDirective| {
        (one.name == "return" && one.first().starts_with('4')) || (one.name == "deny" && one.first() == "all")
    };
    let own = scope.own();
    let whole =
        own.iter().any(refuses) && !own.iter().any(|one| matches!(one.name.as_str(), "location" | "if" | "allow"));
    let locations: Vec<&NginxDirective> = own.iter().filter(|one| one.name == "location").collect();
    let by_location = match locations.as_slice() {
        [one] => is_root(one) && !one.inner().is_empty() && one.inner().iter().all(refuses),
        _ => false,
    };
    whole || by_location
}
