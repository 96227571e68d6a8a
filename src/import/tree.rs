//! [`ImportTree`]: what another proxy does, as all languages say it: addresses, servers, and the rules of each server, of
//! which the first that matches decides.
//!
//! Each part knows the directives that it comes from. What the report says of them is made when the part is in the file,
//! by [`lower`](super::lower).

use super::condition::Condition;
use super::draft::{DraftAnswer, DraftRoute};
use super::matching::DraftMatch;
use super::place::ImportPlace;
use super::report::ImportVerdict;
use crate::config::BindAddr;

/// What another proxy does.
#[derive(Debug, Clone, Default)]
pub(super) struct ImportTree {
    /// The addresses that are listened at, each once.
    pub(super) listeners: Vec<ImportListener>,
    /// The servers.
    pub(super) servers: Vec<ImportServer>,
}

/// One address that is listened at.
#[derive(Debug, Clone)]
pub(super) struct ImportListener {
    /// The address.
    pub(super) address: BindAddr,
    /// Whether an address of IPv6 that stands for all takes no clients of IPv4.
    pub(super) only_v6: bool,
    /// Whether TLS ends here.
    pub(super) tls: bool,
    /// Indices of the servers that answer here. The first that has a name answers for it.
    pub(super) servers: Vec<usize>,
    /// The index of the server that answers for all names that none of them has.
    pub(super) default: usize,
    /// The directives that say so.
    pub(super) origins: Vec<Origin>,
}

/// A server: names, and rules.
#[derive(Debug, Clone)]
pub(super) struct ImportServer {
    /// The directive that the server begins with.
    pub(super) origin: Origin,
    /// The names that it answers for.
    pub(super) hosts: Vec<HostName>,
    /// What it does with requests: the first rule that takes one decides, and what none takes is answered 404.
    pub(super) rules: Vec<ImportRule>,
}

/// A name that a server answers for. Exact ones go before those below a name, the longest first, and these before
/// regular expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostName {
    /// This name, in lower case.
    Exact(String),
    /// All names below this one, at any depth: `example.com` for `*.example.com`.
    Below(String),
    /// The names in which this regular expression is found.
    Regex(String),
}

/// A route, and what the report says once it is in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct ImportRule {
    /// The route; host and listeners are the lowering's.
    pub(super) route: DraftRoute,
    /// What each directive became.
    pub(super) said: Vec<Said>,
    /// What guards the route and cannot be said in it; with any of these it is shut.
    pub(super) shut: Vec<Shut>,
}

/// A directive, as the report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// Where it stands.
    pub(super) place: ImportPlace,
    /// Its text.
    pub(super) shown: String,
}

/// A directive became this part of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The directive.
    pub(super) origin: Origin,
    /// The part.
    pub(super) part: Part,
}

/// A part of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// The requests that the route takes.
    When,
    /// The password that it asks for, or that it asks for none.
    Auth,
    /// The networks of clients that it lets in, by `allow` and `deny`, or by being for some only.
    Addresses,
    /// What becomes of a request.
    Answer,
    /// What is cut from the path.
    Strip,
    /// The field of this name that tells the gateway which user it is.
    UserHeader(String),
    /// The field of this name in requests.
    RequestHeader(String),
    /// The field of this name in responses.
    ResponseHeader(String),
    /// Time limits.
    Timeouts,
    /// Another true sentence about the route, for when it is not shut.
    Remark(ImportVerdict, String),
}

/// A directive that guards and cannot be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shut {
    /// The directive.
    pub(super) origin: Origin,
    /// Why it cannot be said: a sentence without its full stop.
    pub(super) why: String,
    /// What to write instead: a sentence without its full stop.
    pub(super) write: String,
}

impl Origin {
    /// The directive at `place`, with this text.
    pub(super) fn of(place: &ImportPlace, shown: impl Into<String>) -> Self {
        Self { place: place.clone(), shown: shown.into() }
    }
}

impl ImportRule {
    /// A rule for these requests.
    pub(super) fn new(when: DraftMatch, answer: DraftAnswer) -> Self {
        Self { route: DraftRoute { when, answer, ..DraftRoute::default() }, ..Self::default() }
    }

    /// Notes that the directive became this part of the route.
    pub(super) fn say(&mut self, origin: &Origin, part: Part) {
        let said = Said { origin: origin.clone(), part };
        if !self.said.contains(&said) {
            self.said.push(said);
        }
    }

    /// Shuts the route, because the directive guards it and cannot be said.
    pub(super) fn shut(&mut self, origin: &Origin, why: impl Into<String>, write: impl Into<String>) {
        let shut = Shut { origin: origin.clone(), why: why.into(), write: write.into() };
        if !self.shut.contains(&shut) {
            self.shut.push(shut);
        }
    }

    /// The rule for each match of which any must hold.
    pub(super) fn for_each(&self, condition: &Condition) -> Vec<Self> {
        let one = |when: &DraftMatch| {
            let mut rule = self.clone();
            rule.route.when = when.clone();
            rule
        };
        condition.alternatives().iter().map(one).collect()
    }
}
