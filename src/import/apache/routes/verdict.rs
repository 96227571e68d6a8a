//! Which requests pass, and what becomes of those.

use super::flow::Flow;
use super::{ApacheRoutes, Destination, RULE, RoutesError};
use crate::import::apache::access::{AccessCase, AddressAccess, Requirement, Unsaid, Verdict, product};
use crate::import::apache::openid;
use crate::import::apache::proxy::PassTarget;
use crate::import::apache::scope::SectionBody;
use crate::import::condition::Condition;
use crate::import::draft::{DraftAnswer, DraftAuth};
use crate::import::matching::{DraftMatch, DraftPath, Unsayable};
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Part, Shut};

impl ApacheRoutes<'_, '_, '_> {
    /// The cases in which requests pass or not, or the directive that cannot be said.
    pub(super) fn access(&mut self, body: &SectionBody) -> Result<Result<Vec<AccessCase>, Unsaid>, RoutesError> {
        let members = match &body.group_file {
            Some((_, name)) => self.apache.groups(name)?,
            None => None,
        };
        let groups = |name: &str| members.as_ref().and_then(|all| all.get(name).cloned());
        let cases = || -> Result<Vec<AccessCase>, Unsaid> {
            let addresses = body.addresses.as_ref().map(|addresses| addresses.cases(&self.facts)).transpose()?;
            let suffices = body.addresses.as_ref().is_some_and(AddressAccess::suffices);
            let mut cases = if body.require.is_empty() {
                if let Some((origin, _)) = body.auth_type.as_ref().filter(|(_, kind)| kind != "none" && !suffices) {
                    return Err((origin.clone(), "without a Require beside it Apache answers 500".to_owned()));
                }
                vec![AccessCase { when: Condition::always(), verdict: Verdict::Pass, origins: Vec::new() }]
            } else {
                Requirement::cases(&body.require, &self.facts, &groups)?
            };
            if let Some(addresses) = addresses {
                let join = |address: Verdict, rest: Verdict| match (address, suffices) {
                    (Verdict::Pass, true) => Verdict::Pass,
                    (Verdict::Refuse, false) => Verdict::Refuse,
                    _ => rest,
                };
                let origin =
                    addresses.first().and_then(|case| case.origins.first()).unwrap_or(&self.server.origin).clone();
                cases = product(&addresses, &cases, &join)
                    .map_err(|Unsayable| (origin, "it cannot be said together with Require".to_owned()))?;
            }
            if let Some(origin) = &body.needs_tls {
                if suffices {
                    return Err((origin.clone(), "with Satisfy Any it may or may not be needed".to_owned()));
                }
                if !self.facts.tls {
                    cases = vec![AccessCase {
                        when: Condition::always(),
                        verdict: Verdict::Refuse,
                        origins: vec![origin.clone()],
                    }];
                }
            }
            Ok(cases)
        };
        Ok(cases())
    }

    /// What becomes of requests with one verdict.
    pub(super) fn decided(
        &mut self,
        mut flow: Flow,
        case: &AccessCase,
        body: &SectionBody,
        to: Option<&Destination>,
        allow: &[ipnet::IpNet],
        deny: &[ipnet::IpNet],
    ) -> Result<(), RoutesError> {
        let mut auth = DraftAuth::Inherited;
        match &case.verdict {
            Verdict::Refuse | Verdict::Neutral => {
                self.answer(&flow, DraftAnswer::status(403), &case.origins);
                return Ok(());
            }
            Verdict::Pass => {
                let part = if case.when.is_always() { Part::Auth } else { Part::When };
                flow.say_all(&case.origins, &part);
            }
            Verdict::Users(names) => {
                flow.say_all(&case.origins, &Part::Auth);
                let parts = [&body.auth_type, &body.user_file, &body.group_file, &body.provider];
                for (origin, _) in parts.into_iter().flatten() {
                    flow.say(origin, Part::Auth);
                }
                let origin = case.origins.first().unwrap_or(&self.server.origin);
                if body.auth_type.as_ref().is_some_and(|(_, kind)| kind == openid::AUTH_TYPE) {
                    match openid::login(&self.server.openid, body, names.as_deref(), origin) {
                        Ok(login) => {
                            auth = DraftAuth::Oidc(login.draft);
                            login.origins.iter().for_each(|origin| flow.say(origin, Part::Auth));
                            login.remarks.into_iter().for_each(|(origin, text)| {
                                flow.say(&origin, Part::Remark(ImportVerdict::Dropped, text));
                            });
                        }
                        Err(shut) => return self.shut(&flow, &[shut]),
                    }
                } else {
                    match self.apache.users(body, names.as_deref(), origin)? {
                        Ok(users) => auth = DraftAuth::Basic { users, user_headers: Vec::new() },
                        Err(shut) => return self.shut(&flow, &[shut]),
                    }
                }
            }
        }
        if !body.redirects.is_empty() {
            if !(allow.is_empty() && deny.is_empty()) {
                let origin = body.redirects[0].origin.clone();
                let why = "it redirects clients of some networks only".to_owned();
                return self.shut(&flow, &[Shut { origin, why, write: RULE.to_owned() }]);
            }
            match self.redirects(&body.redirects, flow, &auth)? {
                Some(left) => flow = left,
                None => return Ok(()),
            }
        }
        let mut rule = flow.rule(DraftAnswer::status(404));
        (rule.route.auth, rule.route.allow, rule.route.deny) = (auth, allow.to_vec(), deny.to_vec());
        self.apache.put_headers(&body.headers, &mut rule);
        if let Some(to) = to {
            self.forward(&mut rule, to, body, &flow.when);
        }
        self.rules.extend(rule.for_each(&flow.when));
        self.step()
    }

    /// Makes the rule go to a gateway.
    pub(super) fn forward(&mut self, rule: &mut ImportRule, to: &Destination, body: &SectionBody, when: &Condition) {
        to.origins.iter().for_each(|origin| rule.say(origin, Part::Answer));
        let Some(origin) = to.origins.last() else { return };
        // Until it is known that the gateway can be had, it is one that must not answer in its place.
        rule.route.answer = DraftAnswer::status(200);
        let (upstream, strip, about) = match &to.target {
            PassTarget::Gateway { upstream, strip, about, .. } => (upstream, strip, about),
            PassTarget::Nowhere(..) | PassTarget::Off => return,
        };
        if !self.apache.is_reachable(upstream) {
            return rule.shut(
                origin,
                format!("no endpoint of the balancer `{upstream}` is known"),
                "List its endpoints under `upstreams`",
            );
        }
        rule.route.answer = DraftAnswer::Upstream(upstream.clone());
        if let Some(text) = about {
            rule.say(origin, Part::Remark(ImportVerdict::Dropped, text.clone()));
        }
        if self.server.keeps_host != Some(true) {
            rule.say(origin, Part::Remark(ImportVerdict::Wrong, LOST_HOST.to_owned()));
        }
        if let Some(prefix) = strip {
            let begins = |one: &DraftMatch| match &one.path {
                Some(DraftPath::Prefix(path) | DraftPath::Exact(path)) if !one.ignore_case => {
                    path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                }
                _ => false,
            };
            if !when.alternatives().iter().all(begins) {
                rule.shut(
                    origin,
                    "a prefix is cut from paths of which a regular expression decides",
                    "Write the paths without an expression",
                );
            }
            rule.route.strip_prefix = Some(prefix.clone());
            rule.say(origin, Part::Strip);
        }
        for limit in body.timeouts.iter().chain(&to.timeouts) {
            let time = if limit.connect { &mut rule.route.timeouts.connect } else { &mut rule.route.timeouts.read };
            *time = Some(limit.time);
            rule.say(&limit.origin, Part::Timeouts);
        }
    }
}

const LOST_HOST: &str = "without `ProxyPreserveHost On` the gateway saw its own address as Host, so its check of the origin fails. frontgate \
                         forwards Host as it came: list the page's origin in gateway.controlUi.allowedOrigins";
