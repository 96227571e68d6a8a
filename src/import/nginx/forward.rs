//! `proxy_pass`: where requests go, and whether with the same path.

use super::location::NginxPattern;
use super::parser::NginxDirective;
use super::route::respond;
use super::scope::NginxScope;
use super::target::{NginxTarget, by_host};
use super::translation::Translation;
use super::variables::first_variable;
use crate::import::old::{DraftAnswer, DraftRoute};

impl<'a> Translation<'a, '_> {
    /// The routes of a `proxy_pass`.
    pub(super) fn forward(
        &mut self,
        pass: &NginxDirective,
        scope: &NginxScope<'a>,
        pattern: Option<&NginxPattern>,
        route: &DraftRoute,
    ) -> Vec<DraftRoute> {
        let (place, shown) = (&pass.place, pass.shown());
        let resolved = self.maps.resolve(pass.first(), scope);
        for name in ["set"] {
            for set in scope.everywhere(name).into_iter().filter(|set| pass.first().contains(set.first())) {
                self.report.kept(&set.place, &set.shown(), "part of an upstream's address");
            }
        }
        let Some(targets) = by_host(resolved) else {
            let remedy = "its address is known only with the request: name a fixed one; the route answers 502";
            self.report.dropped(place, &shown, remedy);
            let comment = format!("{place}: `{shown}` depends on the request; name the upstream here.");
            let answer = respond(502);
            return vec![DraftRoute { answer, comment: vec![comment], ..route.clone() }];
        };
        let mut routes = Vec::new();
        for (host, target) in targets {
            let mut own = DraftRoute { host, ..route.clone() };
            own.answer = match self.rewritten(pass, scope, pattern, &target) {
                Some(comment) if comment.is_empty() => DraftAnswer::Upstream(self.upstream(&target)),
                Some(comment) => {
                    own.comment.push(comment);
                    DraftAnswer::Upstream(self.upstream(&target))
                }
                None => {
                    own.comment.push(format!("{place}: frontgate rewrites no paths; see the report."));
                    respond(404)
                }
            };
            let what = match &own.answer {
                DraftAnswer::Upstream(name) => format!("upstream: {name}"),
                _ => "respond: 404".to_owned(),
            };
            self.report.kept(place, &shown, what);
            routes.push(own);
        }
        if let Some(map) = first_variable(pass.first()).and_then(|(_, name)| self.maps.making(&name)) {
            self.report.kept(&map.place, &map.shown(), "a route for each host");
            for entry in map.inner() {
                self.report.kept(&entry.place, &entry.shown(), "upstream");
            }
        }
        routes
    }

    /// Whether nginx changes the path: `None` when frontgate cannot serve that; otherwise what to say above the route.
    pub(super) fn rewritten(
        &mut self,
        pass: &NginxDirective,
        scope: &NginxScope<'a>,
        pattern: Option<&NginxPattern>,
        target: &NginxTarget,
    ) -> Option<String> {
        let path = match pattern {
            Some(NginxPattern::Prefix { path, .. } | NginxPattern::Exact(path)) => path,
            Some(NginxPattern::AnyOf(list)) => list.first().map_or("/", String::as_str),
            None | Some(NginxPattern::Regex(_) | NginxPattern::Named) => "/",
        };
        let (place, shown) = (&pass.place, pass.shown());
        let prefix = path.trim_end_matches('/');
        let mut strips = false;
        for rewrite in scope.own().iter().filter(|one| one.name == "rewrite") {
            let (pattern, to) = (rewrite.first(), rewrite.args.get(1).map_or("", String::as_str));
            let is_strip = pattern.starts_with(&format!("^{prefix}")) && matches!(to, "/$1" | "$1" | "/");
            if is_strip && !prefix.is_empty() {
                strips = true;
                let instead = format!(
                    "it cut {prefix} from the path, which the gateway then does not know of. frontgate forwards paths as they come: set \
                     gateway.controlUi.basePath to \"{prefix}\""
                );
                self.report.wrong(&rewrite.place, &rewrite.shown(), instead);
            } else if !self.report.mentions(&rewrite.place) {
                self.report.dropped(
                    &rewrite.place,
                    &rewrite.shown(),
                    "frontgate rewrites no paths: the upstream gets them as they come",
                );
            }
        }
        match target.uri.as_deref() {
            None => {}
            Some(uri) if uri == path => {
                let instead = "with a path behind the address nginx sends the path decoded and cleaned up: %2F becomes a slash. \
                               frontgate forwards it byte for byte";
                self.report.wrong(place, &shown, instead);
            }
            Some("/") => {
                strips = true;
                let instead = format!(
                    "the slash at the end made nginx cut {prefix} from the path. frontgate forwards paths as they come: set \
                     gateway.controlUi.basePath to \"{prefix}\""
                );
                self.report.wrong(place, &shown, instead);
            }
            Some(uri) => {
                let remedy = format!(
                    "it sent {path} on as {uri}, and frontgate rewrites no paths; the route answers 404. Let the upstream answer to {path} itself"
                );
                self.report.dropped(place, &shown, remedy);
                return None;
            }
        }
        if !strips {
            return Some(String::new());
        }
        self.report.next(format!("Set gateway.controlUi.basePath to \"{prefix}\" in the gateway's config: frontgate does not cut prefixes off"));
        Some(format!(
            "nginx cut {prefix} from the path; here the gateway gets it: gateway.controlUi.basePath: \"{prefix}\"."
        ))
    }

    /// What an upstream is called in the draft: a URL, or the name of a group.
    pub(super) fn upstream(&mut self, target: &NginxTarget) -> String {
        let Some(group) = self.groups.iter().find(|group| group.block.first() == target.authority) else {
            return target.url();
        };
        if let Some(single) = group.single() {
            return if single.starts_with("unix:") {
                single.to_owned()
            } else {
                format!("{}://{single}", target.scheme)
            };
        }
        let name: String = target
            .authority
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' })
            .take(60)
            .collect();
        let upstream = group.upstream(name.clone(), &target.scheme);
        if !self.draft.upstreams.contains(&upstream) && !group.is_empty() {
            self.draft.upstreams.push(upstream);
        }
        name
    }
}
