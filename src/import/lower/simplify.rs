//! Says once at the top what every route says.

use crate::import::draft::{Draft, DraftAnswer, DraftAuth, DraftRoute, DraftTimeouts};

/// Moves to the top what holds for every route, and leaves a single route out that says nothing more.
pub(super) fn simplify(draft: &mut Draft) {
    unused(draft);
    gateway(draft);
    timeouts(draft);
    let plain = |route: &DraftRoute| {
        let rest = DraftRoute { comment: Vec::new(), auth: DraftAuth::Inherited, ..route.clone() };
        rest == DraftRoute::default()
    };
    if let [only] = draft.routes.as_slice()
        && plain(only)
        && draft.upstream.is_some()
    {
        draft.auth = only.auth.clone();
        draft.routes.clear();
    }
}

/// Leaves out the upstreams that no route names.
fn unused(draft: &mut Draft) {
    let routes = &draft.routes;
    let named = |name: &str| routes.iter().any(|route| route.answer == DraftAnswer::Upstream(name.to_owned()));
    draft.upstreams.retain(|upstream| named(&upstream.name));
}

/// The gateway of most routes is the gateway, of equals the last; named ones stay where they are.
fn gateway(draft: &mut Draft) {
    let target = |route: &DraftRoute| match &route.answer {
        DraftAnswer::Upstream(name) if name.contains(':') => Some(name.clone()),
        _ => None,
    };
    let all: Vec<String> = draft.routes.iter().filter_map(target).collect();
    let mut counts = std::collections::HashMap::<&String, usize>::new();
    for one in &all {
        *counts.entry(one).or_default() += 1;
    }
    let most = counts.values().max().copied().unwrap_or_default();
    let Some(gateway) = all.iter().rfind(|one| counts[one] == most).cloned() else { return };
    for route in &mut draft.routes {
        if route.answer == DraftAnswer::Upstream(gateway.clone()) {
            route.answer = DraftAnswer::Default;
        }
    }
    draft.upstream = Some(gateway);
}

/// Moves timeouts to the top that hold for every route with a gateway.
fn timeouts(draft: &mut Draft) {
    let mut routes: Vec<&mut DraftRoute> = draft.routes.iter_mut().filter(|route| route.answer.forwards()).collect();
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
