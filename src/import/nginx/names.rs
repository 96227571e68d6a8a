//! `server_name`: the names that routes and certificates can have.

use std::net::IpAddr;

use super::scope::NginxScope;
use super::server::NginxNames;
use super::translation::Translation;

impl<'a> Translation<'a, '_> {
    pub(super) fn names(&mut self, scope: &NginxScope<'a>) -> NginxNames {
        let mut names = NginxNames::default();
        for directive in scope.own().iter().filter(|one| one.name == "server_name") {
            let (place, shown) = (&directive.place, directive.shown());
            for name in &directive.args {
                let lower = name.to_ascii_lowercase();
                if lower.is_empty() || lower == "_" || lower.starts_with('$') {
                    continue;
                }
                if lower.starts_with('~') {
                    let remedy = "a route's host is a name or *. and a name: write the names out, in tls.names and in the routes";
                    self.report.dropped(place, &shown, remedy);
                } else if let Some(parent) = lower.strip_prefix('.') {
                    names.hosts.extend([parent.to_owned(), format!("*.{parent}")]);
                } else if lower.strip_prefix("*.").unwrap_or(&lower).contains('*') {
                    let remedy = "a wildcard stands for the beginning of a name only: write the names out, in tls.names and in the routes";
                    self.report.dropped(place, &shown, remedy);
                } else if is_host(lower.strip_prefix("*.").unwrap_or(&lower)) {
                    names.hosts.push(lower);
                } else {
                    self.report.dropped(place, &shown, "not the name of a host");
                }
            }
            if !names.hosts.is_empty() {
                self.report.kept(place, &shown, "tls.names and the host of routes");
            } else if self.is_new(directive) {
                self.report.not_needed(place, &shown, "it is no name");
            }
        }
        names.hosts.dedup();
        names
    }
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label))
}
