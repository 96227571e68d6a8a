//! [`ApacheRoutes`]: the rules of one server, as Apache goes through it with a request.
//!
//! First the rules of `mod_rewrite`, then `ProxyPass` of sections, the last one first, and of the server in their order; a
//! request that none of them takes gets the redirects of `mod_alias`, or a 404. Then the sections of the request are
//! merged: `<Proxy>`, `<Location>` in the order of the files, `<If>`; what they say together decides which requests pass. Each
//! step splits the requests in two, and the rules come out in an order in which the first that matches is right. Where
//! requests inside of a condition cannot be said, those outside of it go first.

mod flow;
mod sections;
mod tidy;
mod verdict;

use flow::{Flow, Split};
use sections::{SectionGroup, all_bodies, groups};
use tidy::tidy;

use super::Apache;
use super::access::AddressAccess;
use super::proxy::{Pass, PassTarget, TimeLimit};
use super::redirect::{ApacheRedirect, RedirectAnswer};
use super::rewrite::{RewriteAction, RewriteCondition, RewriteMatch, RewriteNext, RewriteRule};
use super::sayable::Sayable;
use super::scope::{ApacheServer, SectionPlace};
use super::subject::Facts;
use crate::import::ImportError;
use crate::import::condition::Condition;
use crate::import::draft::{DraftAnswer, DraftAuth};
use crate::import::matching::{DraftMatch, DraftPath, Unsayable};
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Origin, Part, Shut};

/// Where requests go, if they are forwarded.
#[derive(Debug, Clone)]
struct Destination {
    origins: Vec<Origin>,
    target: PassTarget,
    timeouts: Vec<TimeLimit>,
}

/// The rules of one server.
pub(super) struct ApacheRoutes<'s, 'a, 'f> {
    apache: &'s mut Apache<'a, 'f>,
    server: &'s ApacheServer,
    facts: Facts,
    rewrites: Vec<RewriteRule>,
    /// `ProxyPass` in Apache's order, with the section of each that stands in one.
    passes: Vec<(Option<Origin>, Sayable, &'s Pass)>,
    /// The sections by path, then those by expression.
    groups: Vec<SectionGroup<'s>>,
    /// Whether anywhere an address is enough.
    address_suffices: bool,
    rules: Vec<ImportRule>,
    steps: usize,
}

/// Why a server does not become rules.
enum RoutesError {
    /// A limit of the whole import is exceeded.
    Import(ImportError),
    /// There would be too many.
    TooMany,
}

impl From<ImportError> for RoutesError {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

/// How many steps one server may take; what people write takes far fewer.
const MOST_STEPS: usize = 100_000;

/// How many rules one server may become.
const MOST_RULES: usize = 4000;

impl<'s, 'a, 'f> ApacheRoutes<'s, 'a, 'f> {
    /// The rules of `server`.
    ///
    /// # Errors
    /// A limit is exceeded.
    pub(super) fn of(
        apache: &'s mut Apache<'a, 'f>,
        server: &'s ApacheServer,
        facts: Facts,
    ) -> Result<Vec<ImportRule>, ImportError> {
        let groups = groups(server, &facts);
        let bodies = server.sections.iter().map(|section| &section.body).chain([&server.body]);
        let address_suffices =
            bodies.flat_map(all_bodies).any(|body| body.addresses.as_ref().is_some_and(AddressAccess::suffices));
        let of_sections = server.sections.iter().rev().filter_map(|section| {
            let SectionPlace::Paths(paths) = &section.at else { return None };
            let pass = section.body.pass.as_ref()?;
            Some((Some(section.origin.clone()), if paths.exact { pass.paths.clone() } else { paths.clone() }, pass))
        });
        let passes = of_sections.chain(server.passes.iter().map(|pass| (None, pass.paths.clone(), pass))).collect();
        let rewrites = RewriteRule::with_meant(&server.rules);
        let mut routes =
            Self { apache, server, facts, rewrites, passes, groups, address_suffices, rules: Vec::new(), steps: 0 };
        let all = Flow { when: Condition::always(), said: Vec::new() };
        let done = if server.rewrites == Some(true) { routes.rewrite(0, all) } else { routes.passes(0, all) };
        match done {
            Ok(()) => Ok(tidy(routes.rules)),
            Err(RoutesError::Import(error)) => Err(error),
            Err(RoutesError::TooMany) => {
                let mut rule = ImportRule::new(DraftMatch::default(), DraftAnswer::status(200));
                rule.shut(&server.origin, "its sections and rules meet in more ways than routes can list", SECTION);
                Ok(vec![rule])
            }
        }
    }

    fn step(&mut self) -> Result<(), RoutesError> {
        self.steps += 1;
        if self.steps <= MOST_STEPS && self.rules.len() <= MOST_RULES { Ok(()) } else { Err(RoutesError::TooMany) }
    }

    /// The rules of `mod_rewrite` from this one on.
    fn rewrite(&mut self, mut index: usize, mut flow: Flow) -> Result<(), RoutesError> {
        while let Some(rule) = self.rewrites.get(index).cloned() {
            self.step()?;
            let action = rule.action(&self.facts);
            let next = rule.next();
            let chained = rule.has("c");
            if (&action, next, chained) == (&Ok(RewriteAction::Nothing), RewriteNext::Skip(0), false) {
                index += 1;
                continue;
            }
            // Without a match what is chained to it is left out.
            let chain = self.rewrites[index..].iter().take_while(|rule| rule.has("c")).count();
            let after = index + chain + 1;
            let requests = rule.matches(&self.facts);
            match self.matched(index, after, 0, &requests, flow)? {
                Some(outside) => (flow, index) = (outside, after),
                None => return Ok(()),
            }
        }
        self.passes(0, flow)
    }

    /// Splits the requests by what a rule asks for, from this factor on; those that are left for the rules behind it.
    fn matched(
        &mut self,
        index: usize,
        after: usize,
        factor: usize,
        requests: &RewriteMatch,
        flow: Flow,
    ) -> Result<Option<Flow>, RoutesError> {
        let rule = &self.rewrites[index].clone();
        let Some(condition) = requests.factors.get(factor) else {
            self.rewritten(index, requests.exact, flow)?;
            return Ok(None);
        };
        let Ok(Split { inside, outside, outside_first }) = flow.split(condition) else {
            self.shut_rule(rule, &flow, "its requests cannot be told from others")?;
            return Ok(None);
        };
        if outside_first && let Some(outside) = outside.clone() {
            self.rewrite(after, outside)?;
        }
        if let Some(inside) = inside
            && let Some(left) = self.matched(index, after, factor + 1, requests, inside)?
        {
            self.rewrite(after, left)?;
        }
        Ok(outside.filter(|_| !outside_first))
    }

    fn shut_rule(&mut self, rule: &RewriteRule, flow: &Flow, why: &str) -> Result<(), RoutesError> {
        let shut = Shut { origin: rule.origin.clone(), why: why.to_owned(), write: RULE.to_owned() };
        self.shut(flow, &[shut])
    }

    /// What a rule does with the requests that it matches.
    fn rewritten(&mut self, index: usize, exact: bool, mut flow: Flow) -> Result<(), RoutesError> {
        let rule = &self.rewrites[index].clone();
        let action = rule.action(&self.facts);
        let conditions: Vec<Origin> = rule.conditions.iter().map(|condition| condition.origin.clone()).collect();
        flow.say_all(&conditions, &Part::When);
        let origins = [rule.origin.clone()];
        if !exact {
            return self.shut_rule(rule, &flow, "routes cannot ask for what it asks for");
        }
        if rule.conditions.iter().any(RewriteCondition::asks_for_file) {
            let text = "frontgate serves no files, and takes every one for missing".to_owned();
            flow.say_all(&conditions, &Part::Remark(ImportVerdict::Dropped, text));
        }
        match action {
            Err(Unsayable) => self.shut_rule(rule, &flow, "frontgate cannot do what it does"),
            Ok(RewriteAction::Status(status)) => {
                self.answer(&flow, DraftAnswer::status(status), &origins);
                Ok(())
            }
            Ok(RewriteAction::Redirect(answer)) => {
                let own = rule.own_paths();
                self.redirect(flow, &answer, &own, &rule.origin, &DraftAuth::Inherited);
                Ok(())
            }
            Ok(RewriteAction::Forward) => {
                let expression = (!rule.negated).then_some(rule.expression.as_str());
                let target = PassTarget::of_rule(expression, &rule.target);
                let destination = Destination { origins: origins.to_vec(), target, timeouts: Vec::new() };
                self.sections(Some(&destination), flow)
            }
            Ok(RewriteAction::Local) if rule.next() == RewriteNext::End || index + 1 == self.rewrites.len() => {
                let text = "Apache looked for a file of that name, and frontgate serves none".to_owned();
                flow.say_all(&origins, &Part::Remark(ImportVerdict::Dropped, text));
                self.answer(&flow, DraftAnswer::status(404), &origins);
                Ok(())
            }
            Ok(RewriteAction::Local | RewriteAction::Restart) => {
                self.shut_rule(rule, &flow, "the rules go on with another path, and frontgate changes none")
            }
            Ok(RewriteAction::Nothing) => {
                flow.say_all(&origins, &Part::When);
                match rule.next() {
                    RewriteNext::End => self.passes(0, flow),
                    RewriteNext::Skip(number) => self.rewrite(index + 1 + number, flow),
                }
            }
        }
    }

    /// `ProxyPass`: of sections, of which the last has the first word, and of the server, from this one on.
    fn passes(&mut self, mut index: usize, mut flow: Flow) -> Result<(), RoutesError> {
        while let Some((section, paths, pass)) = self.passes.get(index).cloned() {
            index += 1;
            if flow.is_apart(&paths.condition) {
                continue;
            }
            self.step()?;
            let Ok(Split { inside, outside, outside_first }) = flow.split(&paths.condition) else {
                return self.shut_pass(pass, &flow, "its requests cannot be told from others");
            };
            if outside_first && let Some(outside) = outside.clone() {
                self.passes(index, outside)?;
            }
            if let Some(mut inside) = inside {
                inside.say_all(section.as_slice(), &Part::When);
                self.passed(pass, &paths, inside)?;
            }
            match outside.filter(|_| !outside_first) {
                Some(outside) => flow = outside,
                None => return Ok(()),
            }
        }
        self.unproxied(flow)
    }

    fn shut_pass(&mut self, pass: &Pass, flow: &Flow, why: &str) -> Result<(), RoutesError> {
        self.shut(flow, &[Shut { origin: pass.origin.clone(), why: why.to_owned(), write: PASS.to_owned() }])
    }

    fn passed(&mut self, pass: &Pass, paths: &Sayable, mut flow: Flow) -> Result<(), RoutesError> {
        if !paths.exact {
            return self.shut_pass(pass, &flow, "routes cannot ask for what it asks for");
        }
        if pass.target == PassTarget::Off {
            flow.say(&pass.origin, Part::When);
            return self.unproxied(flow);
        }
        let destination = Destination {
            origins: vec![pass.origin.clone()],
            target: pass.target.clone(),
            timeouts: pass.timeouts.clone(),
        };
        self.sections(Some(&destination), flow)
    }

    /// Requests that nothing forwards.
    fn unproxied(&mut self, flow: Flow) -> Result<(), RoutesError> {
        let left = self.redirects(&self.server.redirects, flow, &DraftAuth::Inherited)?;
        left.into_iter().try_for_each(|flow| self.sections(None, flow))
    }

    /// Redirects, of which the first that fits decides; the requests that are left, all of which come behind the rules
    /// that are there.
    fn redirects(
        &mut self,
        all: &[ApacheRedirect],
        mut flow: Flow,
        auth: &DraftAuth,
    ) -> Result<Option<Flow>, RoutesError> {
        for redirect in all {
            self.step()?;
            let split = flow.split(&redirect.paths.condition);
            let Ok(Split { inside, outside, outside_first: false }) = split else {
                let why = "its requests cannot be told from others".to_owned();
                self.shut(&flow, &[Shut { origin: redirect.origin.clone(), why, write: RULE.to_owned() }])?;
                return Ok(None);
            };
            if let Some(inside) = inside {
                match &redirect.answer {
                    Ok(answer) if redirect.paths.exact => {
                        self.redirect(inside, answer, &redirect.paths.condition, &redirect.origin, auth);
                    }
                    _ => {
                        let why = "routes cannot say where it leads, or for which paths".to_owned();
                        self.shut(&inside, &[Shut { origin: redirect.origin.clone(), why, write: RULE.to_owned() }])?;
                    }
                }
            }
            match outside {
                Some(outside) => flow = outside,
                None => return Ok(None),
            }
        }
        Ok(Some(flow))
    }

    /// Answers with a redirect; `own` are the paths of the directive by itself.
    fn redirect(
        &mut self,
        mut flow: Flow,
        answer: &RedirectAnswer,
        own: &Condition,
        origin: &Origin,
        auth: &DraftAuth,
    ) {
        flow.say_all(std::slice::from_ref(origin), &Part::Answer);
        let (answer, groups) = match answer {
            RedirectAnswer::Status(status) => (DraftAnswer::status(*status), None),
            RedirectAnswer::To(place, status) => (place.draft(*status), place.groups.clone()),
        };
        let mut rule = flow.rule(answer);
        rule.route.auth = auth.clone();
        for mut one in rule.for_each(&flow.when) {
            if let Some(regex) = &groups {
                let path = own.alternatives().first().map(|own| (own.path.clone(), own.ignore_case));
                if path != Some((one.route.when.path.clone(), one.route.when.ignore_case)) {
                    one.shut(origin, "its path is joined with other conditions on paths", RULE);
                }
                (one.route.when.path, one.route.when.ignore_case) = (Some(DraftPath::Regex(regex.clone())), false);
            }
            self.rules.push(one);
        }
    }

    /// An answer of its own.
    fn answer(&mut self, flow: &Flow, answer: DraftAnswer, origins: &[Origin]) {
        let mut rule = flow.rule(answer);
        for origin in origins {
            rule.say(origin, Part::Answer);
        }
        self.rules.extend(rule.for_each(&flow.when));
    }

    /// Shuts the requests.
    fn shut(&mut self, flow: &Flow, why: &[Shut]) -> Result<(), RoutesError> {
        let mut rule = flow.rule(DraftAnswer::status(200));
        for shut in why {
            rule.shut(&shut.origin, &*shut.why, &*shut.write);
        }
        self.rules.extend(rule.for_each(&flow.when));
        self.step()
    }
}

const RULE: &str = "Write a route with `path`, `headers` and the like for what is meant, with `respond` or `redirect`";
const PASS: &str = "Write a route with the path that is meant and an `upstream`";
const SECTION: &str = "Write a route with the path that is meant, and what the section says of it";
const ACCESS: &str = "Say in the route by `auth`, `allow` or `deny` which clients may pass";
