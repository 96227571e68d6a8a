//! Which directive is read where: [`Apache::server`] takes the directives of a server in, [`Apache::body`] those of a section.

use std::time::Duration;

use super::Apache;
use super::access::{AddressAccess, Methods, Requirement, origin_of};
use super::known;
use super::pattern::{ApachePattern, is_path};
use super::proxy::{Pass, SectionPath};
use super::redirect::ApacheRedirect;
use super::rewrite::RewriteRule;
use super::sayable::Sayable;
use super::scope::{ApacheServer, FieldValue, HeaderChange, Section, SectionBody, SectionPlace};
use crate::import::condition::Condition;
use crate::import::matching::{DraftPath, Unsayable};
use crate::import::node::ImportNode;
use crate::import::table::DirectiveClass;
use crate::import::tree::{Origin, Shut};

impl Apache<'_, '_> {
    /// Takes the directives of a server in.
    pub(super) fn server(&mut self, nodes: &[ImportNode], server: &mut ApacheServer) {
        let mut body = SectionBody::default();
        for node in nodes {
            self.server_directive(node, server, &mut body);
        }
        for node in std::mem::take(&mut server.pending) {
            self.report.not_needed(&node.place, &node.shown, "no rule follows it");
        }
        server.body = body;
    }

    fn server_directive(&mut self, node: &ImportNode, server: &mut ApacheServer, body: &mut SectionBody) {
        let origin = || origin_of(node);
        match node.name.as_str() {
            // What is listened at, and other servers, are looked at by themselves.
            "virtualhost" => {}
            "listen" => self.listen.push((origin(), node.args.clone())),
            "servername" => server.names.extend(node.args.first().map(|name| (origin(), name.clone()))),
            "serveralias" => server.names.extend(node.args.iter().map(|name| (origin(), name.clone()))),
            "location" | "locationmatch" => self.location(node, server),
            "proxy" | "proxymatch" => {
                let is_regex = node.name == "proxymatch" || node.arg(0) == "~";
                let url = node.arg(usize::from(node.arg(0) == "~")).to_owned();
                let mut inner = SectionBody::default();
                for one in node.inner() {
                    if matches!(one.name.as_str(), "balancermember" | "proxyset") && url.starts_with("balancer://") {
                        self.balancer_part(one, &url);
                    } else {
                        self.body_directive(one, &mut inner, None);
                    }
                }
                server.sections.push(Section {
                    origin: origin(),
                    at: SectionPlace::Proxy { url, is_regex },
                    body: inner,
                });
            }
            "balancermember" if node.arg(0).starts_with("balancer://") => {
                let url = node.arg(0).to_owned();
                let rest = ImportNode { args: node.args[1..].to_vec(), ..node.clone() };
                self.balancer_part(&rest, &url);
            }
            "proxypass" | "proxypassmatch" => server.passes.extend(Pass::with_meant(node, self)),
            "proxypreservehost" | "proxyaddheaders" | "proxyrequests" | "timeout" | "proxytimeout" => {
                self.forwarding(node, server, body);
            }
            "rewriteengine" => server.rewrites = Some(node.arg(0).eq_ignore_ascii_case("on")),
            "rewritecond" => server.pending.push(node.clone()),
            "rewriterule" => {
                let conditions = std::mem::take(&mut server.pending);
                let rule = RewriteRule::of(node, &conditions);
                self.user_variables.extend(rule.user_variable().1);
                server.rules.push(rule);
            }
            "rewriteoptions" => {
                let inherits =
                    node.args.iter().map(|word| word.to_ascii_lowercase()).find(|word| word.starts_with("inherit"));
                server.inherits = inherits.map(|how| (origin(), how)).or(server.inherits.take());
            }
            "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => {
                server.redirects.push(ApacheRedirect::of(node, false));
            }
            name if name.starts_with("setenvif") || name.starts_with("browsermatch") => {
                server.environment.push(node.clone());
            }
            "regexdefaultoptions"
                if node.args.iter().any(|word| {
                    !matches!(
                        word.to_ascii_uppercase().as_str(),
                        "NONE" | "+DOTALL" | "DOTALL" | "+DOLLAR_ENDONLY" | "DOLLAR_ENDONLY"
                    )
                }) =>
            {
                body.shut.push(unsaid(
                    node,
                    "it changes what every expression means",
                    "Write the expressions for the usual options",
                ));
            }
            name if name.starts_with("ssl") && name != "sslrequire" && name != "sslrequiressl" => {
                self.server_tls(node, server);
            }
            "mdomain" | "mdomainset" => {
                self.managed_domain(node);
                for one in node.inner() {
                    self.managed_directive(one);
                }
            }
            name if name.starts_with("oidc") => server.openid.push(node.clone()),
            name if name.starts_with("md") => self.managed_directive(node),
            name if name.starts_with("remoteip") => self.remote_ip(node),
            "limitrequestbody" => self.request_body(node),
            "keepalivetimeout" => match known::seconds(node.arg(0)) {
                Some(Duration::ZERO) => {
                    self.report.not_needed(&node.place, &node.shown, "connections are kept for timeouts.keep_alive");
                }
                Some(time) => {
                    self.draft.timeouts.keep_alive = Some(time);
                    self.report.kept(&node.place, &node.shown, "timeouts.keep_alive");
                }
                None => self.report.dropped(&node.place, &node.shown, "it is no time: set timeouts.keep_alive"),
            },
            "qs_srvmaxconnperip" => match node.arg(0).parse() {
                Ok(most) => {
                    self.draft.limits.connections_per_client = Some(most);
                    self.report.kept(&node.place, &node.shown, "limits.connections_per_client");
                }
                Err(_) => {
                    self.report.dropped(&node.place, &node.shown, "it is no number: set limits.connections_per_client");
                }
            },
            _ => self.body_directive(node, body, None),
        }
    }

    /// Takes a directive of a section in; `path` is the section's, if it has one.
    fn body_directive(&mut self, node: &ImportNode, body: &mut SectionBody, path: Option<&SectionPath>) {
        let origin = || origin_of(node);
        let word = |index: usize| node.arg(index).to_ascii_lowercase();
        if let Some(requirement) = Requirement::of(node) {
            body.require.push(requirement);
            return;
        }
        if body.addresses.get_or_insert_default().take(node, None) {
            return;
        }
        if body.addresses.as_ref().is_some_and(AddressAccess::is_empty) {
            body.addresses = None;
        }
        match node.name.as_str() {
            "authtype" => body.auth_type = Some((origin(), word(0))),
            "authname" => body.is_named = true,
            "authuserfile" => body.user_file = Some((origin(), node.arg(0).to_owned())),
            "authgroupfile" => body.group_file = Some((origin(), node.arg(0).to_owned())),
            "authbasicprovider" => {
                let providers = node.args.iter().map(|word| word.to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
                body.provider = Some((origin(), providers));
            }
            "authmerging" => body.merging = Some((origin(), word(0))),
            "sslrequiressl" => body.needs_tls = Some(origin()),
            "sslverifyclient" if matches!(word(0).as_str(), "none" | "optional" | "optional_no_ca") => {
                self.report.not_needed(&node.place, &node.shown, "it keeps no client out by itself");
            }
            "limit" | "limitexcept" => self.limited(node, body),
            "if" => body.branches.push(vec![(origin(), Some(node.args.join(" ")), self.body(node.inner(), path))]),
            "elseif" | "else" => {
                let expression = (node.name == "elseif").then(|| node.args.join(" "));
                let inner = self.body(node.inner(), path);
                match body.branches.last_mut() {
                    Some(branches) => branches.push((origin(), expression, inner)),
                    None => body.shut.push(unsaid(node, "there is no <If> before it", "Remove it")),
                }
            }
            name if name.starts_with("oidc") => body.openid = Some(origin()),
            "requestheader" | "header" => match HeaderChange::of(node) {
                Some(mut change) => {
                    let variable = node.args.iter().find_map(|word| word.strip_prefix("%{")?.strip_suffix("}e"));
                    if variable.is_some_and(|name| self.user_variables.contains(name)) {
                        change.value = FieldValue::User;
                    }
                    body.headers.push(change);
                }
                None => self.report.dropped(&node.place, &node.shown, "it names no field"),
            },
            "proxypass" | "proxypassmatch" => body.pass = Pass::of(node, path, self).or(body.pass.take()),
            "proxyset" => {
                let settings = node.args.clone();
                body.timeouts.extend(self.settings(node, &settings));
            }
            "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => {
                body.redirects.push(ApacheRedirect::of(node, true));
            }
            "limitrequestbody" => self.request_body(node),
            "rewriterule" => match RewriteRule::of(node, &[]).user_variable() {
                (true, user) => self.user_variables.extend(user),
                // A rule there sees the URL of the gateway.
                (false, _) => body.shut.push(unsaid(
                    node,
                    "in a section a rule sees other paths than clients ask for",
                    "Write the rule outside of the section",
                )),
            },
            "setenvif" | "setenvifnocase" | "browsermatch" | "browsermatchnocase" => {
                for name in node.args.iter().skip(usize::from(node.name.starts_with("setenv")) + 1) {
                    self.local_variables.insert(variable_name(name));
                }
            }
            "directory" | "directorymatch" | "files" | "filesmatch" => self.skip(node),
            "include" => body.shut.push(unsaid(
                node,
                "there is no such file, or it cannot be read, and it may keep clients out",
                "Import the config again where the file can be read",
            )),
            "use" => body.shut.push(unsaid(
                node,
                "there is no such macro here, and it may keep clients out",
                "Import the config again with the file that has it",
            )),
            _ => match known::class(node) {
                DirectiveClass::Guarding(write) => {
                    body.shut.push(unsaid(node, "frontgate has no such directive", write));
                    self.inside(node);
                }
                // The report speaks of these in the end.
                _ => {
                    for one in node.inner() {
                        self.body_directive(one, body, path);
                    }
                }
            },
        }
    }

    /// What a section says.
    fn body(&mut self, nodes: &[ImportNode], path: Option<&SectionPath>) -> SectionBody {
        let mut body = SectionBody::default();
        for node in nodes {
            self.body_directive(node, &mut body, path);
        }
        body
    }

    /// Notes that everything in a section belongs to it.
    fn inside(&mut self, node: &ImportNode) {
        for one in node.inner() {
            self.report.dropped(&one.place, &one.shown, format!("part of {}", node.shown));
            self.inside(one);
        }
    }

    fn location(&mut self, node: &ImportNode, server: &mut ApacheServer) {
        let is_regex = node.name == "locationmatch" || node.arg(0) == "~";
        let text = node.arg(usize::from(node.arg(0) == "~")).to_owned();
        let paths = if is_regex {
            match ApachePattern::of(&text, false).and_then(|pattern| pattern.spread_paths()) {
                Ok(condition) => Sayable::exactly(condition),
                Err(Unsayable) => Sayable::among(ApachePattern::beginning(&text)),
            }
        } else {
            location_paths(&text)
        };
        let path = SectionPath { text, is_regex };
        let body = self.body(node.inner(), Some(&path));
        server.sections.push(Section { origin: origin_of(node), at: SectionPlace::Paths(paths), body });
    }

    /// `<Limit>` and `<LimitExcept>`.
    fn limited(&mut self, node: &ImportNode, body: &mut SectionBody) {
        let origin = origin_of(node);
        let methods = Methods { names: node.args.clone(), except: node.name == "limitexcept" };
        let mut inner = Vec::new();
        for one in node.inner() {
            let limited = (origin.clone(), methods.clone());
            if let Some(requirement) = Requirement::of(one) {
                inner.push(requirement);
            } else if !body.addresses.get_or_insert_default().take(one, Some(&limited)) {
                self.body_directive(one, body, None);
            }
        }
        if body.addresses.as_ref().is_some_and(AddressAccess::is_empty) {
            body.addresses = None;
        }
        if !inner.is_empty() {
            body.require.push(Requirement::Limited { origin, methods, inner });
        }
    }

    fn request_body(&mut self, node: &ImportNode) {
        match node.arg(0).parse::<u64>() {
            Ok(0) => self.report.not_needed(
                &node.place,
                &node.shown,
                "there is no limit unless limits.request_body sets one",
            ),
            Ok(bytes) => {
                self.draft.limits.request_body = self.draft.limits.request_body.max(Some(bytes));
                self.report.kept(&node.place, &node.shown, "limits.request_body, for all routes: the largest of them");
            }
            Err(_) => {
                self.report.dropped(&node.place, &node.shown, "it is no number of bytes: set limits.request_body");
            }
        }
    }

    fn skip(&mut self, node: &ImportNode) {
        self.report.not_needed(&node.place, &node.shown, "it concerns files, and frontgate serves none");
        for inner in node.inner() {
            self.skip(inner);
        }
    }

    /// Says of every directive of which nothing is said yet what is known of it.
    pub(super) fn sweep(&mut self, nodes: &[ImportNode]) {
        for node in nodes {
            if !self.report.mentions(&node.place) {
                match known::class(node) {
                    DirectiveClass::Needless(why) => self.report.not_needed(&node.place, &node.shown, why),
                    DirectiveClass::Lost(remedy) => self.report.dropped(&node.place, &node.shown, remedy),
                    DirectiveClass::Translated => self.report.not_needed(&node.place, &node.shown, known::UNUSED),
                    DirectiveClass::Guarding(write) => {
                        let text = format!(
                            "no route comes from where it stands, so that there is nothing for it to guard. {write}"
                        );
                        self.report.dropped(&node.place, &node.shown, text);
                    }
                }
            }
            self.sweep(node.inner());
        }
    }
}

/// The requests of `<Location>`, whose text may have wildcards.
fn location_paths(text: &str) -> Sayable {
    if text.starts_with('/') && is_path(text) {
        return Sayable::exactly(Condition::path(DraftPath::Prefix(text.to_owned())));
    }
    if !text.starts_with('/') || text.contains(['\\', '[', '%']) {
        return Sayable::among(Condition::always());
    }
    let regex: String = text
        .chars()
        .map(|letter| match letter {
            '*' => "[^/]*".to_owned(),
            '?' => "[^/]".to_owned(),
            letter => regex::escape(letter.encode_utf8(&mut [0; 4])),
        })
        .collect();
    Sayable::exactly(Condition::path(DraftPath::Regex(format!("^{regex}$"))))
}

/// The variable of `NAME`, `!NAME` and `NAME=value`.
pub(super) fn variable_name(text: &str) -> String {
    text.trim_start_matches('!').split('=').next().unwrap_or_default().to_owned()
}

fn unsaid(node: &ImportNode, why: &str, write: &str) -> Shut {
    Shut { origin: Origin::of(&node.place, &node.shown), why: why.to_owned(), write: write.to_owned() }
}
