//! One location as routes.

use super::access::{NginxAccess, NginxAccessRule};
use super::headers;
use super::location::NginxPattern;
use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use crate::import::draft::DraftRespond;
use crate::import::error::ImportError;
use crate::import::old::{DraftAnswer, DraftAuth, DraftRoute};

/// A fixed answer.
pub(super) fn respond(status: u16) -> DraftAnswer {
    DraftAnswer::Respond(DraftRespond { status, ..DraftRespond::default() })
}

impl<'a> Translation<'a, '_> {
    /// What becomes of the requests for a location, or for a server outside of its locations, without a path. Several
    /// when it depends on the host: then the general one is the last.
    pub(super) fn answers(
        &mut self,
        scope: &NginxScope<'a>,
        pattern: Option<&NginxPattern>,
    ) -> Result<Vec<DraftRoute>, ImportError> {
        let pass = scope.own().iter().find(|one| one.name == "proxy_pass");
        let requests = match pass {
            Some(_) => headers::requests(scope, &self.maps, &mut self.report),
            None => headers::NginxRequests::default(),
        };
        let mut access = NginxAccess { files: &mut *self.files, report: &mut self.report, folder: self.folder };
        let condition = access.conditions(scope);
        // nginx checks access only where no `return` has answered before.
        let returns = scope.own().iter().any(|one| one.name == "return");
        let gate = match condition {
            Some(why) => NginxAccessRule::Shut(why),
            None if returns => NginxAccessRule::Open(DraftAuth::None),
            None => access.gate(scope, requests.user_header.clone())?,
        };
        let (response_headers, hsts) = headers::responses(scope, &mut self.report);
        self.hsts(scope, hsts);
        let mut route = DraftRoute { response_headers, ..DraftRoute::default() };
        match gate {
            NginxAccessRule::Shut(why) => {
                route.comment.push(format!("{why}: shut until you say which users may pass."));
                route.answer = respond(403);
                self.not_reached(scope, "the route answers 403");
                return Ok(vec![route]);
            }
            NginxAccessRule::Open(auth) => route.auth = auth,
        }
        if let Some(answer) = self.fixed(scope) {
            route.answer = answer;
            self.not_reached(scope, "`return` answers first");
            return Ok(vec![route]);
        }
        let Some(pass) = pass else {
            if let Some((try_files, named)) = fallback(scope) {
                return self.forward_instead(try_files, named, scope, &route);
            }
            self.files_instead(scope);
            route.answer = respond(404);
            return Ok(vec![route]);
        };
        if !matches!(route.auth, DraftAuth::Basic { .. }) && requests.user_header.is_some() {
            // No client may claim in this field to be that user.
            route.request_headers.remove.extend(requests.user_header.clone());
        }
        route.request_headers.set.extend(requests.rules.set.iter().cloned());
        route.request_headers.remove.extend(requests.rules.remove.iter().cloned());
        route.timeouts = self.timeouts(scope, pass);
        self.body_limit(scope);
        self.missing(pass, scope, &requests);
        Ok(self.forward(pass, scope, pattern, &route))
    }

    /// A location whose files are tried first, and then a named location, which does all of it here.
    fn forward_instead(
        &mut self,
        try_files: &'a NginxDirective,
        named: &'a NginxDirective,
        scope: &NginxScope<'a>,
        route: &DraftRoute,
    ) -> Result<Vec<DraftRoute>, ImportError> {
        let remedy = format!("frontgate serves no files: every request goes where `{}` sends it", named.shown());
        self.report.dropped(&try_files.place, &try_files.shown(), remedy);
        self.report.kept(&named.place, &named.shown(), "where requests go for which there is no file");
        let outside = scope.outside();
        let mut routes = self.answers(&outside.inside(named.inner()), None)?;
        for own in &mut routes {
            // A client that asks for a file has been asked for a password before.
            if own.auth == DraftAuth::Inherited {
                own.auth = route.auth.clone();
            }
        }
        Ok(routes)
    }

    /// Says that nothing is served from the disk.
    fn files_instead(&mut self, scope: &NginxScope<'a>) {
        for directive in scope.own() {
            let remedy = match directive.name.as_str() {
                "root" | "alias" | "try_files" | "index" | "autoindex" => {
                    "frontgate serves no files, so the route answers 404: let a server of files be its `upstream`"
                }
                "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" | "grpc_pass" | "memcached_pass" => {
                    "frontgate forwards HTTP only, so the route answers 404"
                }
                "stub_status" => "frontgate has /metrics and /status at its admin address",
                _ => continue,
            };
            self.report.dropped(&directive.place, &directive.shown(), remedy);
        }
    }

    /// Reports what else a block has as not reached.
    fn not_reached(&mut self, scope: &NginxScope<'a>, why: &str) {
        let moot = ["proxy_pass", "root", "alias", "try_files", "index", "rewrite"];
        for directive in scope.own().iter().filter(|one| moot.contains(&one.name.as_str())) {
            self.report.dropped(&directive.place, &directive.shown(), format!("not reached: {why}"));
        }
    }

    /// Reports what the old configuration should have said and did not.
    fn missing(&mut self, pass: &NginxDirective, scope: &NginxScope<'a>, requests: &headers::NginxRequests) {
        let (place, shown) = (&pass.place, pass.shown());
        if !requests.has_host {
            let instead = "Host is not set, so the gateway saw its own address and its check of the origin fails. frontgate forwards Host as \
                           it came";
            self.report.wrong(place, &shown, instead);
        }
        let version = scope.last("proxy_http_version").map_or("1.0", NginxDirective::first);
        if !requests.has_upgrade || version == "1.0" {
            let instead =
                "WebSockets cannot open: Upgrade is not forwarded over HTTP/1.1. frontgate always forwards them";
            self.report.wrong(place, &shown, instead);
        }
        if !requests.has_client {
            let instead = "the gateway is not told the client's address and takes every browser for a local one, which it pairs with admin \
                           rights. frontgate always tells it";
            self.report.wrong(place, &shown, instead);
        }
        let mut unused: Vec<&NginxDirective> = Vec::new();
        let (own, all) = (scope.all("proxy_set_header"), scope.everywhere("proxy_set_header"));
        let lost: Vec<&NginxDirective> =
            all.into_iter().filter(|one| !own.iter().any(|other| std::ptr::eq(*other, *one))).collect();
        let is_lost = |one: &&NginxDirective| !own.iter().any(|other| other.first().eq_ignore_ascii_case(one.first()));
        if let (Some(first), Some(_)) = (own.first(), lost.iter().copied().find(|one| is_lost(one))) {
            let instead =
                format!("it discards the {} of the outer blocks, all of them. frontgate's own fields stay", lost.len());
            self.report.wrong(&first.place, &first.shown(), instead);
        }
        for directive in lost.into_iter().filter(|one| !self.report.mentions(&one.place)) {
            unused.push(directive);
        }
        for directive in unused {
            self.report.not_needed(
                &directive.place,
                &directive.shown(),
                "a location with a proxy_set_header of its own discards it",
            );
        }
    }
}

/// The `try_files` of a location that ends with a named location, and that one.
fn fallback<'a>(scope: &NginxScope<'a>) -> Option<(&'a NginxDirective, &'a NginxDirective)> {
    let try_files = scope.own().iter().find(|one| one.name == "try_files")?;
    let name = try_files.args.last().filter(|name| name.starts_with('@'))?;
    let named = scope.server().iter().find(|one| one.name == "location" && one.args.first() == Some(name))?;
    // A named location that tries files again would lead back here.
    let forwards = named.inner().iter().any(|one| one.name == "proxy_pass");
    forwards.then_some((try_files, named))
}
