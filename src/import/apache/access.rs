//! Which clients a section lets in: [`Requirement`] for `Require`, [`AddressAccess`] for `Order`, `Allow` and `Deny`.
//!
//! Both become an ordered list of [`AccessCase`]s, of which the first that holds decides.

mod address_access;

use ipnet::IpNet;

pub(super) use address_access::AddressAccess;

use super::subject::{self, Facts, Question, Subject};
use super::{address, expression};
use crate::import::condition::Condition;
use crate::import::matching::{DraftMatch, Unsayable};
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// What a client must be or have.
#[derive(Debug, Clone)]
pub(super) enum Requirement {
    /// `Require`, with its words as they are written.
    One { origin: Origin, words: Vec<String> },
    /// `<RequireAll>`
    All(Origin, Vec<Requirement>),
    /// `<RequireAny>`
    Any(Origin, Vec<Requirement>),
    /// `<RequireNone>`
    None(Origin, Vec<Requirement>),
    /// What stands in `<Limit>` or `<LimitExcept>`.
    Limited { origin: Origin, methods: Methods, inner: Vec<Requirement> },
    /// Something else among them, which may be anything.
    Unknown(Origin),
}

/// Methods of `<Limit>`, or all but these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Methods {
    pub(super) names: Vec<String>,
    pub(super) except: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may pass.
    Pass,
    /// It is refused.
    Refuse,
    /// It may pass with the password of one of these users, or of any user.
    Users(Option<Vec<String>>),
    /// Nothing is said about it.
    Neutral,
}

/// One case: the requests, what becomes of them, and the directives that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccessCase {
    pub(super) when: Condition,
    pub(super) verdict: Verdict,
    pub(super) origins: Vec<Origin>,
}

/// A directive that cannot be said, and why.
pub(super) type Unsaid = (Origin, String);

impl Requirement {
    /// `Require` and its sections; `None` for any other directive.
    pub(super) fn of(node: &ImportNode) -> Option<Self> {
        let origin = Origin::of(&node.place, &node.shown);
        let inner = || node.inner().iter().map(|one| Self::of(one).unwrap_or(Self::Unknown(origin_of(one)))).collect();
        Some(match node.name.as_str() {
            "require" => Self::One { origin, words: node.args.clone() },
            "requireall" => Self::All(origin, inner()),
            "requireany" => Self::Any(origin, inner()),
            "requirenone" => Self::None(origin, inner()),
            _ => return None,
        })
    }

    /// What holds in a section that stands in another: `AuthMerging`.
    pub(super) fn merged(outer: Vec<Self>, inner: &[Self], merging: Option<&(Origin, String)>) -> Vec<Self> {
        match merging {
            None if inner.is_empty() => outer,
            Some((origin, how)) if how != "off" && !(outer.is_empty() || inner.is_empty()) => {
                let both = vec![Self::Any(origin.clone(), outer), Self::Any(origin.clone(), inner.to_vec())];
                match how.as_str() {
                    "and" => vec![Self::All(origin.clone(), both)],
                    "or" => both,
                    _ => vec![Self::Unknown(origin.clone())],
                }
            }
            Some((_, how)) if how != "off" && inner.is_empty() => outer,
            _ => inner.to_vec(),
        }
    }

    /// Whether these refuse every client.
    pub(super) fn refuse_all(all: &[Self]) -> bool {
        let denied = |one: &Self| match one {
            Self::One { words, .. } => {
                matches!(words.as_slice(), [all, how] if all.eq_ignore_ascii_case("all") && how.eq_ignore_ascii_case("denied"))
            }
            _ => false,
        };
        !all.is_empty() && all.iter().all(denied)
    }

    /// Whether any of these asks for a user.
    pub(super) fn ask_for_users(all: &[Self]) -> bool {
        all.iter().any(|one| match one {
            Self::One { words, .. } => !matches!(
                words.first().map(|word| word.to_ascii_lowercase()).as_deref(),
                Some("all" | "ip" | "local" | "method")
            ),
            Self::All(_, inner) | Self::Any(_, inner) | Self::None(_, inner) | Self::Limited { inner, .. } => {
                Self::ask_for_users(inner)
            }
            Self::Unknown(_) => true,
        })
    }

    /// The cases of several requirements, of which one suffices.
    ///
    /// # Errors
    /// The directive that cannot be said.
    pub(super) fn cases(all: &[Self], facts: &Facts, groups: &Groups<'_>) -> Result<Vec<AccessCase>, Unsaid> {
        if let [Self::Limited { origin, methods, inner }] = all {
            let others =
                methods.others().map_err(|Unsayable| (origin.clone(), "its methods cannot be said".to_owned()))?;
            let mut cases = vec![AccessCase { when: others, verdict: Verdict::Pass, origins: vec![origin.clone()] }];
            let mut own = Self::cases(inner, facts, groups)?;
            for case in &mut own {
                case.origins.push(origin.clone());
            }
            cases.extend(own);
            return Ok(tidy(cases));
        }
        let any = |a: Verdict, b: Verdict| match (a, b) {
            (Verdict::Pass, _) | (_, Verdict::Pass) => Verdict::Pass,
            (Verdict::Users(a), Verdict::Users(b)) => Verdict::Users(match (a, b) {
                (Some(a), Some(b)) => Some([a, b].concat()),
                _ => None,
            }),
            (Verdict::Users(a), _) | (_, Verdict::Users(a)) => Verdict::Users(a),
            (Verdict::Refuse, _) | (_, Verdict::Refuse) => Verdict::Refuse,
            _ => Verdict::Neutral,
        };
        Self::joined(all, facts, groups, &any)
    }

    fn joined(
        all: &[Self],
        facts: &Facts,
        groups: &Groups<'_>,
        join: &impl Fn(Verdict, Verdict) -> Verdict,
    ) -> Result<Vec<AccessCase>, Unsaid> {
        let mut joined: Option<(Vec<AccessCase>, Origin)> = None;
        for one in all {
            let (cases, origin) = (one.own_cases(facts, groups)?, one.origin().clone());
            joined = Some(match joined {
                None => (cases, origin),
                Some((before, _)) => {
                    let both = product(&before, &cases, join).map_err(|Unsayable| {
                        (origin.clone(), "it cannot be said together with what stands beside it".to_owned())
                    })?;
                    (both, origin)
                }
            });
        }
        Ok(joined.map_or_else(Vec::new, |(cases, _)| tidy(cases)))
    }

    fn origin(&self) -> &Origin {
        match self {
            Self::One { origin, .. }
            | Self::Limited { origin, .. }
            | Self::Unknown(origin)
            | Self::All(origin, _)
            | Self::Any(origin, _)
            | Self::None(origin, _) => origin,
        }
    }

    fn own_cases(&self, facts: &Facts, groups: &Groups<'_>) -> Result<Vec<AccessCase>, Unsaid> {
        let mut cases = match self {
            Self::One { origin, words } => return one(origin, words, facts, groups),
            Self::Any(_, inner) => Self::cases(inner, facts, groups)?,
            Self::All(_, inner) => {
                let both = |a: Verdict, b: Verdict| match (a, b) {
                    (Verdict::Refuse, _) | (_, Verdict::Refuse) => Verdict::Refuse,
                    (Verdict::Users(a), Verdict::Users(b)) => Verdict::Users(match (a, b) {
                        (Some(a), Some(b)) => Some(a.into_iter().filter(|user| b.contains(user)).collect()),
                        (Some(only), None) | (None, Some(only)) => Some(only),
                        (None, None) => None,
                    }),
                    (Verdict::Users(a), _) | (_, Verdict::Users(a)) => Verdict::Users(a),
                    (Verdict::Pass, _) | (_, Verdict::Pass) => Verdict::Pass,
                    _ => Verdict::Neutral,
                };
                Self::joined(inner, facts, groups, &both)?
            }
            Self::None(origin, inner) => {
                let mut cases = Self::cases(inner, facts, groups)?;
                for case in &mut cases {
                    case.verdict = match case.verdict {
                        Verdict::Pass => Verdict::Refuse,
                        Verdict::Refuse | Verdict::Neutral => Verdict::Neutral,
                        Verdict::Users(_) => return Err((origin.clone(), "it refuses users by name".to_owned())),
                    };
                }
                cases
            }
            Self::Limited { origin, .. } => {
                return Err((origin.clone(), "for some methods other rules hold beside these".to_owned()));
            }
            Self::Unknown(origin) => return Err((origin.clone(), "it is not known what it does here".to_owned())),
        };
        for case in &mut cases {
            case.origins.push(self.origin().clone());
        }
        Ok(cases)
    }
}

/// Begins what stands for a claim among the names of users.
pub(super) const CLAIM: &str = "\0claim ";

/// The members of a group of users; `None` where that is not known.
pub(super) type Groups<'a> = dyn Fn(&str) -> Option<Vec<String>> + 'a;

/// The cases of one `Require`.
fn one(origin: &Origin, words: &[String], facts: &Facts, groups: &Groups<'_>) -> Result<Vec<AccessCase>, Unsaid> {
    let unsaid = |why: &str| (origin.clone(), why.to_owned());
    let (negated, words) = match words.split_first() {
        Some((first, rest)) if first.eq_ignore_ascii_case("not") => (true, rest),
        _ => (false, words),
    };
    let Some((kind, rest)) = words.split_first() else { return Err(unsaid("it asks for nothing")) };
    let nets = |words: &[String]| -> Result<Vec<IpNet>, Unsaid> {
        words
            .iter()
            .map(|word| address::network(word))
            .collect::<Result<_, _>>()
            .map_err(|Unsayable| unsaid("one of its words is no network"))
    };
    let said =
        |condition: Result<Condition, Unsayable>| condition.map_err(|Unsayable| unsaid("routes cannot ask for this"));
    let when = match (kind.to_ascii_lowercase().as_str(), rest) {
        ("all", [how]) if how.eq_ignore_ascii_case("granted") => Condition::always(),
        ("all", [how]) if how.eq_ignore_ascii_case("denied") => Condition::never(),
        ("ip", rest) if !rest.is_empty() => subject::from(nets(rest)?),
        // A client with an address of this machine is local, too; which those are is not known here.
        ("local", []) if !negated => subject::from(nets(&["127.0.0.0/8".to_owned(), "::1/128".to_owned()])?),
        ("method", rest) if !rest.is_empty() => said(Methods { names: rest.to_vec(), except: false }.own())?,
        ("ssl", []) => {
            if facts.tls {
                Condition::always()
            } else {
                Condition::never()
            }
        }
        ("expr", rest) => said(expression::condition(&rest.join(" "), facts))?,
        ("env", rest) if !rest.is_empty() => {
            let mut any = Condition::never();
            for name in rest {
                let set = Question::Is { text: "1".into(), ignore_case: false };
                let one = Subject::Environment(name.clone()).ask(&set, facts);
                any = said(one.and_then(|one| any.or(one)))?;
            }
            any
        }
        ("valid-user", []) if !negated => return Ok(vec![users(origin, None)]),
        ("user", names) if !negated && !names.is_empty() => return Ok(vec![users(origin, Some(names.to_vec()))]),
        // Of a login at an issuer (mod_auth_openidc); no name of a user begins so.
        ("claim", claims) if !negated && !claims.is_empty() => {
            return Ok(vec![users(origin, Some(claims.iter().map(|claim| format!("{CLAIM}{claim}")).collect()))]);
        }
        ("group", names) if !negated && !names.is_empty() => {
            let members: Option<Vec<Vec<String>>> = names.iter().map(|name| groups(name)).collect();
            let members = members.ok_or_else(|| unsaid("the members of the group are not known"))?;
            return Ok(vec![users(origin, Some(members.concat()))]);
        }
        _ => return Err(unsaid("frontgate cannot ask for this")),
    };
    let (yes, no) = if negated { (Verdict::Refuse, Verdict::Neutral) } else { (Verdict::Pass, Verdict::Refuse) };
    Ok(if when.is_never() {
        vec![case(Condition::always(), no, origin)]
    } else if when.is_always() {
        vec![case(when, yes, origin)]
    } else {
        vec![case(when, yes, origin), case(Condition::always(), no, origin)]
    })
}

fn case(when: Condition, verdict: Verdict, origin: &Origin) -> AccessCase {
    AccessCase { when, verdict, origins: vec![origin.clone()] }
}

fn users(origin: &Origin, names: Option<Vec<String>>) -> AccessCase {
    case(Condition::always(), Verdict::Users(names), origin)
}

pub(super) fn origin_of(node: &ImportNode) -> Origin {
    Origin::of(&node.place, &node.shown)
}

impl Methods {
    /// The requests with these methods. GET is HEAD, too.
    pub(super) fn own(&self) -> Result<Condition, Unsayable> {
        let mut methods = self.names.iter().map(|name| name.to_ascii_uppercase()).collect::<Vec<_>>();
        if methods.iter().any(|name| name == "GET") {
            methods.push("HEAD".into());
        }
        methods.sort();
        methods.dedup();
        let listed = Condition::of(DraftMatch { methods, ..DraftMatch::default() });
        if self.except { listed.not() } else { Ok(listed) }
    }

    /// The requests with other methods.
    fn others(&self) -> Result<Condition, Unsayable> {
        Self { names: self.names.clone(), except: !self.except }.own()
    }
}

/// What becomes of a request for which both lists decide. Each list ends with a case for all that is left.
pub(super) fn product(
    outer: &[AccessCase],
    inner: &[AccessCase],
    join: &impl Fn(Verdict, Verdict) -> Verdict,
) -> Result<Vec<AccessCase>, Unsayable> {
    let mut all = Vec::new();
    for a in outer {
        for b in inner {
            let when = a.when.and(&b.when)?;
            if when.is_never() {
                continue;
            }
            let verdict = join(a.verdict.clone(), b.verdict.clone());
            let mut origins = a.origins.clone();
            origins.extend(b.origins.iter().filter(|one| !a.origins.contains(one)).cloned());
            all.push(AccessCase { when, verdict, origins });
        }
    }
    if all.len() > MOST { Err(Unsayable) } else { Ok(tidy(all)) }
}

/// How many cases one section may have; what people write has fewer.
const MOST: usize = 256;

/// The same list, shorter: neighbours with one verdict become one case, and nothing comes behind a case for all.
fn tidy(cases: Vec<AccessCase>) -> Vec<AccessCase> {
    let mut tidy: Vec<AccessCase> = Vec::new();
    for next in cases {
        if tidy.last().is_some_and(|last| last.when.is_always()) {
            break;
        }
        if let Some(last) = tidy.last_mut()
            && last.verdict == next.verdict
            && let Ok(when) = last.when.clone().or(next.when.clone())
        {
            last.when = joined_networks(when);
            last.origins
                .extend(next.origins.iter().filter(|one| !last.origins.contains(one)).cloned().collect::<Vec<_>>());
            continue;
        }
        tidy.push(next);
    }
    tidy
}

/// The same condition, with one list for alternatives that ask for networks only.
fn joined_networks(condition: Condition) -> Condition {
    let only = |one: &DraftMatch| *one == DraftMatch { from: one.from.clone(), ..DraftMatch::default() };
    if condition.alternatives().len() < 2 || !condition.alternatives().iter().all(only) {
        return condition;
    }
    let nets: Vec<IpNet> = condition.alternatives().iter().flat_map(|one| one.from.clone()).collect();
    subject::from(nets)
}

#[cfg(test)]
mod tests;
