//! Writes what all routes have in common above them.

use std::collections::BTreeMap;

use super::translation::Translation;
use crate::import::draft::{DraftHeaderRules, DraftTimeouts};
use crate::import::old::{DraftAnswer, DraftAuth, DraftRoute};

impl Translation<'_, '_> {
    /// Puts the routes into the draft, and what they have in common above them.
    pub(super) fn settle(&mut self, mut routes: Vec<DraftRoute>) {
        let targets: Vec<String> = routes
            .iter()
            .filter_map(|route| match &route.answer {
                DraftAnswer::Upstream(name) if name.contains(':') => Some(name.clone()),
                _ => None,
            })
            .collect();
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for target in &targets {
            *counts.entry(target).or_default() += 1;
        }
        let most = counts.values().max().copied();
        // Of those that most routes have the last, which is for the rest.
        let upstream = targets.iter().rfind(|target| counts.get(target).copied() == most).cloned();
        if let Some(upstream) = &upstream {
            for route in &mut routes {
                if route.answer == DraftAnswer::Upstream(upstream.clone()) {
                    route.answer = DraftAnswer::Default;
                }
            }
        }
        self.draft.upstream = upstream;
        self.lift_timeouts(&mut routes);
        let plain = |route: &DraftRoute| {
            route.host.is_none()
                && route.path.is_none()
                && route.answer == DraftAnswer::Default
                && route.request_headers == DraftHeaderRules::default()
                && route.response_headers == DraftHeaderRules::default()
                && route.timeouts == DraftTimeouts::default()
        };
        match routes.as_slice() {
            [one] if plain(one) => {
                self.draft.auth =
                    if one.auth == DraftAuth::None { DraftAuth::Inherited } else { one.auth.clone() }.into();
                for line in &one.comment {
                    self.draft.comment("upstream", line.clone());
                }
            }
            _ => {
                for route in &mut routes {
                    // The top level lets every client in, so there is nothing to say again.
                    if route.auth == DraftAuth::None {
                        route.auth = DraftAuth::Inherited;
                    }
                }
                self.draft.routes = routes.into_iter().map(Into::into).collect();
            }
        }
    }

    fn lift_timeouts(&mut self, routes: &mut [DraftRoute]) {
        let common = |pick: fn(&DraftTimeouts) -> Option<std::time::Duration>, routes: &[DraftRoute]| {
            let mut all = routes
                .iter()
                .filter(|route| !matches!(route.answer, DraftAnswer::Respond(_)))
                .map(|route| pick(&route.timeouts));
            let first = all.next()??;
            all.all(|other| other == Some(first)).then_some(first)
        };
        let read = common(|timeouts| timeouts.read, routes);
        let send = common(|timeouts| timeouts.send, routes);
        let connect = common(|timeouts| timeouts.connect, routes);
        (self.draft.timeouts.read, self.draft.timeouts.send, self.draft.timeouts.connect) = (read, send, connect);
        for route in routes {
            let responds = matches!(route.answer, DraftAnswer::Respond(_));
            for (own, common) in [
                (&mut route.timeouts.read, read),
                (&mut route.timeouts.send, send),
                (&mut route.timeouts.connect, connect),
            ] {
                if responds || *own == common {
                    *own = None;
                }
            }
        }
    }
}
