//! Which sections hold for which requests: from the last to the first, since the last one that says something counts.

use super::flow::{Flow, Split};
use super::{ACCESS, ApacheRoutes, Destination, RoutesError, SECTION};
use crate::import::apache::access::{AccessCase, Requirement, Verdict};
use crate::import::apache::expression;
use crate::import::apache::proxy::PassTarget;
use crate::import::apache::sayable::Sayable;
use crate::import::apache::scope::{ApacheServer, SectionBody, SectionPlace};
use crate::import::apache::subject::Facts;
use crate::import::condition::Condition;
use crate::import::matching::{DraftMatch, Unsayable};
use crate::import::tree::{Origin, Part, Shut};

/// A section, or several of which the first that holds counts.
pub(super) type SectionGroup<'s> = Vec<(Sayable, Origin, &'s SectionBody)>;

impl<'s> ApacheRoutes<'s, '_, '_> {
    /// The sections that hold for the requests.
    pub(super) fn sections(&mut self, to: Option<&Destination>, flow: Flow) -> Result<(), RoutesError> {
        if let Some(Destination { origins, target: PassTarget::Nowhere(why, write), .. }) = to {
            let shut = |origin: &Origin| Shut { origin: origin.clone(), why: why.clone(), write: (*write).to_owned() };
            return self.shut(&flow, &origins.iter().map(shut).collect::<Vec<_>>());
        }
        let server = self.server;
        let proxies = server.sections.iter().filter_map(|section| {
            let SectionPlace::Proxy { url, is_regex } = &section.at else { return None };
            let requests = to?.target.within(url, *is_regex)?;
            Some(vec![(requests, section.origin.clone(), &section.body)])
        });
        let groups: Vec<SectionGroup<'s>> = proxies.chain(self.groups.iter().cloned()).collect();
        self.walk(&groups, 0, flow, &mut Vec::new(), to)
    }

    /// Goes through the sections from the last to the first; `within` are those that hold. In the last one, alternatives
    /// before `alternative` do not hold.
    pub(super) fn walk(
        &mut self,
        groups: &[SectionGroup<'s>],
        mut alternative: usize,
        mut flow: Flow,
        within: &mut Vec<&'s SectionBody>,
        to: Option<&Destination>,
    ) -> Result<(), RoutesError> {
        let mut left = groups.len();
        while let Some(group) = left.checked_sub(1).map(|last| &groups[last]) {
            if alternative == 0 && group.iter().all(|(_, _, body)| is_overruled(body, within)) {
                left -= 1;
                continue;
            }
            let Some((requests, origin, body)) = group.get(alternative) else {
                (left, alternative) = (left - 1, 0);
                continue;
            };
            alternative += 1;
            if flow.is_apart(&requests.condition) {
                continue;
            }
            self.step()?;
            let Ok(Split { inside, outside, outside_first }) = flow.split(&requests.condition) else {
                let why = "its requests cannot be told from others".to_owned();
                return self.shut(&flow, &[Shut { origin: origin.clone(), why, write: SECTION.to_owned() }]);
            };
            if outside_first && let Some(outside) = outside.clone() {
                self.walk(&groups[..left], alternative, outside, within, to)?;
            }
            if let Some(mut inside) = inside {
                inside.say_all(std::slice::from_ref(origin), &Part::When);
                if requests.exact {
                    let open = within
                        .iter()
                        .all(|body| body.require.is_empty() && body.addresses.is_none() && body.merging.is_none());
                    within.push(body);
                    if open && !self.address_suffices && body.refuses_all() {
                        self.finish(inside, within, to)?;
                    } else {
                        self.walk(&groups[..left - 1], 0, inside, within, to)?;
                    }
                    within.pop();
                } else {
                    let why = "routes cannot ask for the requests that it is for".to_owned();
                    self.shut(&inside, &[Shut { origin: origin.clone(), why, write: SECTION.to_owned() }])?;
                }
            }
            match outside.filter(|_| !outside_first) {
                Some(outside) => flow = outside,
                None => return Ok(()),
            }
        }
        self.finish(flow, within, to)
    }

    /// Ends the way of requests whose sections are all known: which of them pass, and where to.
    pub(super) fn finish(
        &mut self,
        mut flow: Flow,
        within: &[&'s SectionBody],
        to: Option<&Destination>,
    ) -> Result<(), RoutesError> {
        let bodies: Vec<&SectionBody> = [&self.server.body].into_iter().chain(within.iter().rev().copied()).collect();
        let body = SectionBody::merged(&bodies);
        if !body.shut.is_empty() {
            return self.shut(&flow, &body.shut);
        }
        let cases = match self.access(&body)? {
            Ok(cases) => cases,
            Err((origin, why)) => {
                let shut = Shut { origin, why, write: ACCESS.to_owned() };
                return self.shut(&flow, &[shut]);
            }
        };
        // One list of networks is a guard of the route, which needs no second route.
        let networks = |case: &AccessCase| match case.when.alternatives() {
            [one] if *one == DraftMatch { from: one.from.clone(), ..DraftMatch::default() } => Some(one.from.clone()),
            _ => None,
        };
        if let [first, last] = cases.as_slice()
            && let Some(nets) = networks(first).filter(|nets| !nets.is_empty())
            && (first.verdict == Verdict::Refuse) != (last.verdict == Verdict::Refuse)
        {
            let lets_in = last.verdict == Verdict::Refuse;
            let case = if lets_in { first } else { last };
            first.origins.iter().chain(&last.origins).for_each(|origin| flow.say(origin, Part::Addresses));
            let (allow, deny) = if lets_in { (nets, Vec::new()) } else { (Vec::new(), nets) };
            return self.decided(flow, case, &body, to, &allow, &deny);
        }
        for (index, case) in cases.iter().enumerate() {
            let Ok(Split { inside, outside, outside_first }) = flow.split(&case.when) else {
                let origin = case.origins.first().unwrap_or(&self.server.origin).clone();
                let why = "it cannot be said together with the section where it stands".to_owned();
                return self.shut(&flow, &[Shut { origin, why, write: ACCESS.to_owned() }]);
            };
            if outside_first {
                // What is left must come before: the rest of the cases, for the requests outside.
                let Some(outside) = outside else { continue };
                let rest = &cases[index + 1..];
                if let [last] = rest {
                    self.decided(outside, last, &body, to, &[], &[])?;
                } else {
                    let origin = case.origins.first().unwrap_or(&self.server.origin).clone();
                    let why = "it cannot be said together with the section where it stands".to_owned();
                    return self.shut(&flow, &[Shut { origin, why, write: ACCESS.to_owned() }]);
                }
                if let Some(inside) = inside {
                    self.decided(inside, case, &body, to, &[], &[])?;
                }
                return Ok(());
            }
            if let Some(inside) = inside {
                self.decided(inside, case, &body, to, &[], &[])?;
            }
            match outside {
                Some(outside) => flow = outside,
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

/// Whether nothing that a section says counts where later ones hold, too: they have requirements of their own.
fn is_overruled(body: &SectionBody, later: &[&SectionBody]) -> bool {
    let own = |body: &&&SectionBody| !body.require.is_empty() && body.merging.is_none();
    let Some(last) = later.iter().find(own) else { return false };
    let login = last.auth_type.is_some() && last.is_named && last.user_file.is_some()
        || !Requirement::ask_for_users(&last.require);
    let rest = SectionBody { require: Vec::new(), merging: None, ..body.clone() };
    let without = SectionBody {
        auth_type: None,
        is_named: false,
        user_file: None,
        group_file: None,
        provider: None,
        ..rest.clone()
    };
    later.iter().all(|body| body.merging.is_none()) && if login { without.is_empty() } else { rest.is_empty() }
}

/// The sections by path in their order, and behind them those by expression.
pub(super) fn groups<'s>(server: &'s ApacheServer, facts: &Facts) -> Vec<SectionGroup<'s>> {
    let (mut all, mut behind) = (Vec::new(), Vec::new());
    let everywhere = Sayable::exactly(Condition::always());
    branches(&server.body, &everywhere, facts, &mut behind);
    for section in &server.sections {
        let paths = match &section.at {
            SectionPlace::Paths(paths) => paths.clone(),
            // What stands in <Proxy> holds for what goes there, which is not known here.
            SectionPlace::Proxy { .. } => Sayable::among(Condition::always()),
        };
        branches(&section.body, &paths, facts, &mut behind);
        if matches!(section.at, SectionPlace::Paths(_)) && !section.body.is_empty() {
            all.push(vec![(paths, section.origin.clone(), &section.body)]);
        }
    }
    all.extend(behind);
    all
}

fn branches<'s>(body: &'s SectionBody, within: &Sayable, facts: &Facts, all: &mut Vec<SectionGroup<'s>>) {
    for one in &body.branches {
        let (mut group, mut nested) = (Vec::new(), Vec::new());
        for (origin, text, inner) in one {
            let own = text.as_ref().map_or(Ok(Condition::always()), |text| expression::condition(text, facts));
            let both = own.and_then(|own| own.and(&within.condition));
            let requests = match both {
                Ok(condition) => Sayable { condition, exact: within.exact },
                Err(Unsayable) => Sayable::among(within.condition.clone()),
            };
            branches(inner, &requests, facts, &mut nested);
            group.push((requests, origin.clone(), inner));
        }
        all.push(group);
        all.extend(nested);
    }
}

/// The section and those that stand in it.
pub(super) fn all_bodies(body: &SectionBody) -> Vec<&SectionBody> {
    let inner = body.branches.iter().flatten().flat_map(|(_, _, inner)| all_bodies(inner));
    [body].into_iter().chain(inner).collect()
}
