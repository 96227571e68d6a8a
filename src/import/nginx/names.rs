//! `server_name`: the names of a server.

use std::net::IpAddr;

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use crate::import::matching::expression;
use crate::import::tree::HostName;

/// The names of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NginxNames {
    /// The names that can be told from others.
    pub(super) hosts: Vec<HostName>,
    /// The directive with a name that cannot: a regular expression that routes may not have.
    pub(super) untold: Option<crate::import::tree::Origin>,
}

impl<'a> Translation<'a, '_> {
    pub(super) fn names(&mut self, scope: &NginxScope<'a>) -> NginxNames {
        let mut names = NginxNames::default();
        for directive in scope.own().iter().filter(|one| one.name == "server_name") {
            self.name_line(directive, &mut names);
        }
        names
    }

    fn name_line(&mut self, directive: &NginxDirective, names: &mut NginxNames) {
        let (place, shown) = (&directive.place, directive.shown());
        let before = names.hosts.len();
        for name in &directive.args {
            let lower = name.to_ascii_lowercase();
            if lower.is_empty() || lower == "_" || lower.starts_with('$') {
                continue;
            }
            if let Some(regex) = name.strip_prefix('~') {
                if expression(regex).is_ok() {
                    names.hosts.push(HostName::Regex(regex.to_owned()));
                } else {
                    names.untold = Some(directive.origin());
                }
            } else if let Some(parent) = lower.strip_prefix('.').filter(|parent| is_host(parent)) {
                names.hosts.extend([HostName::Exact(parent.to_owned()), HostName::Below(parent.to_owned())]);
            } else if let Some(parent) = lower.strip_prefix("*.").filter(|parent| is_host(parent)) {
                names.hosts.push(HostName::Below(parent.to_owned()));
            } else if let Some(start) = lower.strip_suffix(".*").filter(|start| is_host(start)) {
                names.hosts.push(HostName::Regex(format!("^{}\\..+$", regex::escape(start))));
            } else if is_host(&lower) {
                names.hosts.push(HostName::Exact(lower));
            } else {
                self.report.dropped(place, &shown, format!("`{name}` is not the name of a host"));
            }
        }
        if names.hosts.len() > before {
            self.report.kept(place, &shown, "the names of the server");
        } else if names.untold.is_none() && self.is_new(directive) {
            self.report.not_needed(place, &shown, "it is no name");
        }
    }
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label))
}
