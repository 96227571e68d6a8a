//! [`AddressAccess`]: `Order`, `Allow`, `Deny` and `Satisfy`.

use super::{AccessCase, Methods, Unsaid, Verdict, case, origin_of, tidy};
use crate::import::apache::address;
use crate::import::apache::subject::{self, Facts, Question, Subject};
use crate::import::condition::Condition;
use crate::import::matching::Unsayable;
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// `Order`, `Allow`, `Deny` and `Satisfy` of one section.
#[derive(Debug, Clone, Default)]
pub(in crate::import::apache) struct AddressAccess {
    /// `Order`: whether it is `allow,deny`.
    pub(in crate::import::apache) allow_first: Option<(Origin, bool)>,
    /// `Allow` and `Deny`, with what stands behind `from`, and whether it is `Allow`.
    pub(in crate::import::apache) rules: Vec<(Origin, bool, Vec<String>)>,
    /// `Satisfy`: whether it is `Any`.
    pub(in crate::import::apache) any: Option<(Origin, bool)>,
    /// The methods that `<Limit>` has them for.
    pub(in crate::import::apache) limited: Option<(Origin, Methods)>,
    /// What cannot be said.
    pub(in crate::import::apache) unsaid: Option<Unsaid>,
}

impl AddressAccess {
    /// Takes a directive in; whether it is one.
    pub(in crate::import::apache) fn take(&mut self, node: &ImportNode, limited: Option<&(Origin, Methods)>) -> bool {
        let origin = origin_of(node);
        let words: Vec<String> = node.args.iter().map(|word| word.to_ascii_lowercase()).collect();
        match node.name.as_str() {
            "order" => match words.join("").as_str() {
                "deny,allow" => self.allow_first = Some((origin, false)),
                "allow,deny" | "mutual-failure" => self.allow_first = Some((origin, true)),
                _ => self.unsaid = Some((origin, "it is no order".into())),
            },
            "allow" | "deny" => match node.args.split_first() {
                Some((from, rest)) if from.eq_ignore_ascii_case("from") && !rest.is_empty() => {
                    self.rules.push((origin, node.name == "allow", rest.to_vec()));
                }
                _ => self.unsaid = Some((origin, "it has no clients".into())),
            },
            "satisfy" => self.any = Some((origin, words.first().is_some_and(|word| word == "any"))),
            _ => return false,
        }
        if node.name != "satisfy" {
            match (&self.limited, limited) {
                (None, Some(limited)) if self.rules.len() <= 1 => self.limited = Some(limited.clone()),
                (Some((_, own)), Some((_, methods))) if own == methods => {}
                (None, None) => {}
                _ => self.unsaid = Some((origin_of(node), "some methods have rules of their own".into())),
            }
        }
        true
    }

    /// Whether nothing is said.
    pub(in crate::import::apache) fn is_empty(&self) -> bool {
        self.allow_first.is_none() && self.rules.is_empty() && self.any.is_none() && self.unsaid.is_none()
    }

    /// Whether a client that is let in by its address needs no password.
    pub(in crate::import::apache) fn suffices(&self) -> bool {
        self.any.as_ref().is_some_and(|(_, any)| *any)
    }

    /// The cases.
    ///
    /// # Errors
    /// The directive that cannot be said.
    pub(in crate::import::apache) fn cases(&self, facts: &Facts) -> Result<Vec<AccessCase>, Unsaid> {
        if let Some(unsaid) = &self.unsaid {
            return Err(unsaid.clone());
        }
        let mut all = Vec::new();
        if let Some((origin, methods)) = &self.limited {
            let others =
                methods.others().map_err(|Unsayable| (origin.clone(), "its methods cannot be said".to_owned()))?;
            all.push(case(others, Verdict::Pass, origin));
        }
        let allow_first = self.allow_first.as_ref().is_some_and(|(_, first)| *first);
        // With `allow,deny` what is denied counts last, and so decides first here.
        for allows in [!allow_first, allow_first] {
            for (origin, is_allow, words) in self.rules.iter().filter(|(_, is_allow, _)| *is_allow == allows) {
                let when = clients(origin, words, facts)?;
                if !when.is_never() {
                    all.push(case(when, if *is_allow { Verdict::Pass } else { Verdict::Refuse }, origin));
                }
            }
        }
        let rest = if allow_first { Verdict::Refuse } else { Verdict::Pass };
        let origins = self.allow_first.iter().chain(&self.any).map(|(origin, _)| origin.clone()).collect::<Vec<_>>();
        all.push(AccessCase { when: Condition::always(), verdict: rest, origins: origins.clone() });
        for case in &mut all {
            case.origins.extend(origins.iter().filter(|one| !case.origins.contains(one)).cloned().collect::<Vec<_>>());
        }
        Ok(tidy(all))
    }
}

/// The clients behind `Allow from`.
fn clients(origin: &Origin, words: &[String], facts: &Facts) -> Result<Condition, Unsaid> {
    let unsaid = |why: &str| (origin.clone(), why.to_owned());
    let (mut nets, mut all) = (Vec::new(), Condition::never());
    for word in words {
        if word.eq_ignore_ascii_case("all") {
            return Ok(Condition::always());
        }
        if let Some(name) = word.strip_prefix("env=") {
            let (name, text) = name.strip_prefix('!').map_or((name, "1"), |name| (name, ""));
            let question = Question::Is { text: text.into(), ignore_case: false };
            let set = Subject::Environment(name.to_owned()).ask(&question, facts);
            all = set.and_then(|set| all.or(set)).map_err(|Unsayable| unsaid("the variable cannot be said"))?;
            continue;
        }
        nets.push(address::network(word).map_err(|Unsayable| unsaid("frontgate asks for no names of clients"))?);
    }
    if nets.is_empty() { Ok(all) } else { all.or(subject::from(nets)).map_err(|Unsayable| unsaid("too many clients")) }
}
