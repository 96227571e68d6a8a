//! Routes that contradict themselves or each other, and names that stand for nothing.

use super::path::PathMatcher;
use super::{RouteConfig, RouteTarget, strip};
use crate::config::keys::SectionChecks;
use crate::config::kinds::Quoted;
use crate::config::listen::Listen;
use crate::config::names::nearest;
use crate::config::problem::ValueError;
use crate::config::upstreams::UpstreamGroup;

/// Reports a `strip_prefix` that not every path of the route begins with.
pub(super) fn strip_prefix(route: &RouteConfig, checks: &mut SectionChecks<'_>) {
    let Some(prefix) = &route.strip_prefix else { return };
    let begins = match &route.matchers.path {
        Some(path) => strip::begins(path, prefix),
        None => false,
    };
    if !begins {
        let fault = ValueError::new("not every path of this route begins so");
        checks.report(&["strip_prefix", "path"], fault.hint(format!("path: {prefix}")));
    }
}

/// Reports groups in a `redirect` that the expression of the path does not have.
pub(super) fn redirect(route: &RouteConfig, checks: &mut SectionChecks<'_>) {
    let Some(redirect) = &route.redirect else { return };
    let regex = match &route.matchers.path {
        Some(PathMatcher::Regex(regex)) => Some(regex.regex()),
        _ => None,
    };
    if let Some(group) = redirect.to.missing_group(regex) {
        let (fault, hint) = match regex {
            Some(_) => {
                (format!("the expression of `path` has no group {group}"), "groups are counted by their `(`, from 1")
            }
            None => (
                format!("there is no expression with a group {group}"),
                "path: { regex: '^/old/(.*)$' }; $$ is a dollar",
            ),
        };
        checks.report(&["redirect"], ValueError::new(fault).hint(hint));
    }
}

/// Reports routes that contradict each other, or name an unknown upstream or listener, and listeners without a route.
pub(in crate::config) fn all(
    routes: &[RouteConfig],
    upstreams: &[(String, UpstreamGroup)],
    listen: &Listen,
    checks: &mut SectionChecks<'_>,
) {
    for (index, route) in routes.iter().enumerate() {
        let own = format!("routes[{index}]");
        // What takes too much because its matchers are wrong says nothing.
        let covers = |first: &usize| routes[*first].covers(route) && checks.is_whole(&format!("routes[{first}]"));
        if let Some(first) = (0..index).find(covers).filter(|_| checks.is_whole(&own)) {
            let fault = ValueError::new(format!("no request gets here: routes[{first}] takes them all"));
            checks.report_read(&[&own], fault.hint("the first route that matches wins; put the narrower one first"));
        }
        if let Some(RouteTarget::Named(name)) = &route.upstream
            && !upstreams.iter().any(|(known, _)| known == name)
        {
            let known = upstreams.iter().map(|(known, _)| known.as_str());
            checks.report(&[&format!("routes[{index}].upstream"), "upstreams"], unknown_upstream(name, known));
        }
        for name in &route.listener {
            if !listen.names().any(|(_, known)| known == Some(name)) {
                let known: Vec<String> = listen.names().filter_map(|(_, name)| name.map(str::to_owned)).collect();
                let fault = ValueError::new(format!("no listener is named {}", Quoted(name)));
                let fault = match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => {
                        fault.hint(format!("listen: {{ https: [{{ address: \"127.0.0.1:9443\", name: {name} }}] }}"))
                    }
                };
                checks.report(&[&format!("routes[{index}].listener"), "listen"], fault);
            }
        }
    }
    for (key, name) in listen.names() {
        let Some(name) = name else { continue };
        if !routes.iter().any(|route| route.is_at(Some(name))) {
            let fault = ValueError::new(format!("no route names the listener {}", Quoted(name)));
            checks.report(&[&key, "routes"], fault.hint(format!("a route with `listener: {name}`, or no `name`")));
        }
    }
}

/// The fault of a name that is none of `upstreams`.
fn unknown_upstream<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> ValueError {
    let fault = ValueError::new(format!("{} is not in `upstreams`", Quoted(name)));
    match nearest(name, known) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint(format!("a URL such as http://{name}:18789, or a name that stands in `upstreams`")),
    }
}
