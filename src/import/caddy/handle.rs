//! `handle`, `handle_path` and `route`: blocks of directives for some paths.

use super::Caddy;
use super::body::{CaddyBody, MATCHER, strips};
use super::context::Context;
use super::matcher::{Matcher, More};
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;

impl Caddy {
    pub(super) fn handle(
        &mut self,
        node: &ImportNode,
        matcher: &Matcher,
        hosts: &[String],
        context: &Context,
        body: &mut CaddyBody,
    ) {
        let (place, shown) = (&node.place, &node.shown);
        if matcher.more != More::Nothing
            || matcher.is_upgrade && node.inner().iter().all(|inner| inner.name != "reverse_proxy")
        {
            self.report.dropped(place, shown, MATCHER);
            self.dropped_with(node);
            return;
        }
        let mut inner = Context { paths: matcher.paths.clone(), hosts: hosts.to_vec(), ..context.clone() };
        if node.name == "handle_path" {
            let prefix = matcher.paths.first().map_or("", String::as_str).trim_end_matches('/').to_owned();
            self.report.wrong(place, shown, strips(&prefix));
            inner.taken = prefix;
        }
        let about = if matcher.exact { "" } else { ", which is not quite the same" };
        let paths = if matcher.paths == ["/"] { "everything else".to_owned() } else { matcher.paths.join(", ") };
        self.report.kept(place, shown, format!("routes for {paths}{about}"));
        let mut found = self.body(node.inner(), &inner, node.name != "route");
        for (_, rule) in &mut found.rules {
            rule.except.extend(matcher.except.iter().cloned());
        }
        if matcher.is_upgrade {
            for (_, rule) in found.rules {
                if let DraftAnswer::Upstream(upstream) = rule.answer {
                    body.upgrades.push((place.clone(), shown.clone(), rule.path, upstream));
                }
            }
            return;
        }
        body.rules.extend(found.rules);
        body.upgrades.extend(found.upgrades);
        body.roots.extend(found.roots);
        if matcher.is_all() && hosts.is_empty() {
            body.to_https = found.to_https.or(body.to_https.take());
        }
    }

    fn dropped_with(&mut self, node: &ImportNode) {
        for inner in node.inner() {
            self.report.dropped(&inner.place, &inner.shown, format!("part of `{}`, which is dropped", node.shown));
            self.dropped_with(inner);
        }
    }
}
