//! Which directive is translated where.

use std::time::Duration;

use super::Apache;
use super::access::is_open;
use super::known::{self, ApacheKnownDirective};
use super::pattern::ApachePattern;
use super::scope::{ApacheScope, Here};
use crate::import::ImportError;
use crate::import::node::ImportNode;
use crate::import::paths::{ImportAccess, ImportSection};

impl Apache<'_, '_> {
    /// Translates one directive of a server, or of a section `here` in it.
    pub(super) fn directive(
        &mut self,
        node: &ImportNode,
        scope: &mut ApacheScope,
        here: &mut Here,
    ) -> Result<(), ImportError> {
        if let Some(body) = &node.body {
            return self.section(node, body, scope, here);
        }
        if self.access(node, &mut here.access) {
            return Ok(());
        }
        match node.name.as_str() {
            "serverroot" => {}
            "listen" => match self.address(node.arg(0)) {
                Some(addr) => self.listen.push(((node.place.clone(), node.shown.clone()), addr)),
                None => self.report.dropped(
                    &node.place,
                    &node.shown,
                    "it is no address: write one in listen.https or listen.http",
                ),
            },
            "servername" | "serveralias" => self.server_name(node, scope),
            "documentroot" => scope.files.push(((node.place.clone(), node.shown.clone()), "/".into())),
            "alias" | "scriptalias" | "wsgiscriptalias" => self.alias(node, scope),
            "proxypass"
            | "proxypassmatch"
            | "proxypassreverse"
            | "proxypassreversecookiedomain"
            | "proxypassreversecookiepath"
            | "balancermember"
            | "proxyset"
            | "proxypreservehost"
            | "proxyaddheaders"
            | "proxyrequests"
            | "timeout"
            | "proxytimeout" => self.proxy(node, scope, here),
            "rewriteengine" | "rewritecond" | "rewriterule" => self.rewrite(node, scope, here),
            "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => self.redirect(node, scope, here),
            "requestheader" => self.request_header(node, here),
            "header" => self.response_header(node, here),
            name if name.starts_with("ssl") || name.starts_with("md") => self.tls(node, scope),
            name if name.starts_with("remoteip") => self.remote_ip(node),
            "limitrequestbody" => match node.arg(0).parse::<u64>() {
                Ok(0) => self.report.not_needed(
                    &node.place,
                    &node.shown,
                    "there is no limit unless limits.request_body sets one",
                ),
                Ok(bytes) => {
                    self.draft.limits.request_body = self.draft.limits.request_body.max(Some(bytes));
                    self.report.kept(&node.place, &node.shown, "limits.request_body, for all routes");
                }
                Err(_) => {
                    self.report.dropped(&node.place, &node.shown, "it is no number of bytes: set limits.request_body");
                }
            },
            "allowencodedslashes" => {
                scope.keeps_paths.1 = !node.arg(0).eq_ignore_ascii_case("off");
                self.report.not_needed(&node.place, &node.shown, "frontgate forwards the path byte for byte");
            }
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
            "customlog" | "transferlog" => {
                self.report.not_needed(
                    &node.place,
                    &node.shown,
                    "requests are logged to standard output, which the journal keeps",
                );
            }
            _ => self.unknown(node),
        }
        Ok(())
    }

    /// Reports a directive that concerns something else, or nothing, with what is known about it.
    pub(super) fn unknown(&mut self, node: &ImportNode) {
        match known::directive(node) {
            Some(ApacheKnownDirective::NotNeeded(why)) => self.report.not_needed(&node.place, &node.shown, why),
            Some(ApacheKnownDirective::Dropped(remedy)) => self.report.dropped(&node.place, &node.shown, remedy),
            None => {
                let remedy = "this directive is not known here: see what it does, and whether frontgate has to do it";
                self.report.dropped(&node.place, &node.shown, remedy);
            }
        }
        for inner in node.body.iter().flatten() {
            self.unknown(inner);
        }
    }

    fn section(
        &mut self,
        node: &ImportNode,
        body: &[ImportNode],
        scope: &mut ApacheScope,
        here: &mut Here,
    ) -> Result<(), ImportError> {
        match node.name.as_str() {
            "location" | "locationmatch" => self.location(node, body, scope),
            "proxy" | "proxymatch" if node.arg(0).starts_with("balancer://") => {
                self.balancer(node, body);
                Ok(())
            }
            "proxy" | "proxymatch" => {
                self.report.kept(&node.place, &node.shown, "for everything that is forwarded");
                let mut inner = Here { paths: vec!["/".into()], ..Here::default() };
                for one in body {
                    self.directive(one, scope, &mut inner)?;
                }
                self.leave(inner, scope)
            }
            "directory" | "directorymatch" | "files" | "filesmatch" => {
                self.skip(node, "it concerns files, and frontgate serves none");
                Ok(())
            }
            "if" | "elseif" | "else" => {
                let shuts = body.iter().any(|one| !is_open(one));
                self.drop_all(node, "frontgate has no conditions");
                if shuts {
                    here.section.gate =
                        ImportAccess::Shut(format!("`{}` ({}) cannot be translated.", node.shown, node.place));
                }
                Ok(())
            }
            "mdomainset" => {
                self.managed_domain(node);
                for one in body {
                    self.tls(one, scope);
                }
                Ok(())
            }
            _ => {
                if !self.access(node, &mut here.access) {
                    self.unknown(node);
                }
                Ok(())
            }
        }
    }

    fn location(&mut self, node: &ImportNode, body: &[ImportNode], scope: &mut ApacheScope) -> Result<(), ImportError> {
        let expression = match (node.name.as_str(), node.arg(0)) {
            ("locationmatch", expression) => Some(expression),
            (_, "~") => Some(node.arg(1)),
            _ => None,
        };
        let mut here = Here::default();
        match expression {
            None => {
                let path = node.arg(0);
                let plain = path.split(['*', '?', '[']).next().unwrap_or_default();
                here.paths = vec![if plain.is_empty() { "/".into() } else { plain.to_owned() }];
                if plain == path {
                    self.report.kept(&node.place, &node.shown, "the path of routes");
                } else {
                    self.report.kept(
                        &node.place,
                        &node.shown,
                        format!("the path {plain}, without what the wildcard asks for"),
                    );
                }
            }
            Some(expression) => {
                if let Some(pattern) = ApachePattern::of(expression) {
                    let paths = pattern.prefixes.join(", ");
                    let about = if pattern.exact { "" } else { ", which is not quite the same" };
                    self.report.kept(&node.place, &node.shown, format!("the path {paths}{about}"));
                    if !pattern.exact && body.iter().any(|one| !is_open(one)) {
                        self.report.dropped(
                            &node.place,
                            &node.shown,
                            format!(
                                "{paths} and what is below are shut, not other paths that begin with the same letters"
                            ),
                        );
                    }
                    here.is_exact = pattern.ends;
                    here.paths = pattern.prefixes;
                } else {
                    self.regex(node, body, expression, scope);
                    return Ok(());
                }
            }
        }
        for one in body {
            self.directive(one, scope, &mut here)?;
        }
        self.leave(here, scope)
    }

    /// Translates a section for paths that no prefix describes. If it shuts something, everything that begins alike is
    /// shut.
    fn regex(&mut self, node: &ImportNode, body: &[ImportNode], expression: &str, scope: &mut ApacheScope) {
        let beginning = ApachePattern::beginning(expression);
        let shuts = body.iter().any(|one| !is_open(one));
        self.drop_all(
            node,
            "routes know prefixes, not regular expressions: write a route for the path, if the gateway needs one",
        );
        if !shuts {
            return;
        }
        if beginning.len() > 1 {
            let remedy = format!("so that nothing is open that was not, everything below {beginning} answers 403");
            self.report.dropped(&node.place, &node.shown, remedy);
            let why = format!("`{}` ({}) cannot be translated.", node.shown, node.place);
            scope.sections.push(ImportSection {
                path: beginning,
                gate: ImportAccess::Shut(why),
                ..ImportSection::default()
            });
        } else {
            let remedy = "what it kept out goes to the gateway: see whether the gateway answers such paths at all";
            self.report.dropped(&node.place, &node.shown, remedy);
        }
    }

    /// Ends a section.
    fn leave(&mut self, mut here: Here, scope: &mut ApacheScope) -> Result<(), ImportError> {
        self.decide(&mut here)?;
        for path in here.paths {
            scope.sections.push(ImportSection { path, is_exact: here.is_exact, ..here.section.clone() });
        }
        Ok(())
    }

    fn alias(&mut self, node: &ImportNode, scope: &mut ApacheScope) {
        let path = node.arg(0).to_owned();
        if is_challenge(&path) {
            self.report.dropped(&node.place, &node.shown, CHALLENGE);
        } else {
            scope.files.push(((node.place.clone(), node.shown.clone()), path));
        }
    }

    fn skip(&mut self, node: &ImportNode, why: &str) {
        self.report.not_needed(&node.place, &node.shown, why);
        for inner in node.body.iter().flatten() {
            self.skip(inner, why);
        }
    }

    fn drop_all(&mut self, node: &ImportNode, remedy: &str) {
        self.report.dropped(&node.place, &node.shown, remedy);
        for inner in node.body.iter().flatten() {
            self.drop_all(inner, &format!("part of {}: {remedy}", node.shown));
        }
    }
}

/// Whether certificate authorities ask for a challenge at `path`.
pub(super) fn is_challenge(path: &str) -> bool {
    path.contains(".well-known/acme-challenge")
}

/// What the operator does about challenges that another program answered.
pub(super) const CHALLENGE: &str =
    "frontgate serves no files for certbot: set tls.certificate: acme, and frontgate gets the certificate itself";
