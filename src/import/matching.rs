//! [`DraftMatch`]: the requests that a route takes, as the settings say it: what is given must hold, all of it.

mod common;
mod overlap;
mod path;

use ipnet::IpNet;
use regex::bytes::{Regex, RegexBuilder};

pub(super) use common::parsed;
pub(crate) use path::DraftPath;
pub(super) use path::{literal, literal_start};

/// The requests that a route takes. An empty part says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftMatch {
    /// The host, without its port. The lowering turns it into the host of routes, but for sets that must not hold.
    pub(crate) host: Option<String>,
    /// The paths.
    pub(crate) path: Option<DraftPath>,
    /// Whether letters of either case are the same in `path`; a regular expression says it itself.
    pub(crate) ignore_case: bool,
    /// The methods, any of them.
    pub(crate) methods: Vec<String>,
    /// The networks of clients, any of them.
    pub(crate) from: Vec<IpNet>,
    /// Header fields, all of them.
    pub(crate) headers: Vec<(String, DraftText)>,
    /// Values in the query, all of them.
    pub(crate) query: Vec<(String, DraftText)>,
    /// Cookies, all of them.
    pub(crate) cookies: Vec<(String, DraftText)>,
    /// Sets of which none may hold; they have no such sets of their own.
    pub(crate) not: Vec<DraftMatch>,
}

/// What the value of a field must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DraftText {
    /// This text.
    Is(String),
    /// A text in which this regular expression is found.
    Regex(String),
    /// Any text, if the field is there.
    Present,
}

/// Routes cannot say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsayable;

impl DraftMatch {
    /// The requests for these paths.
    pub(super) fn path(path: DraftPath) -> Self {
        Self { path: Some(path), ..Self::default() }
    }

    /// Whether every request is taken.
    pub(super) fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// The requests that both take; `None` when there are none.
    pub(super) fn and(&self, other: &Self) -> Result<Option<Self>, Unsayable> {
        let Some((path, ignore_case)) = overlap::both(self, other)? else { return Ok(None) };
        let host = match (&self.host, &other.host) {
            (Some(own), Some(other)) if own != other => return Ok(None),
            (own, other) => own.clone().or_else(|| other.clone()),
        };
        let Some(methods) = meet(&self.methods, &other.methods, |a, b| (a == b).then(|| a.clone())) else {
            return Ok(None);
        };
        let narrower = |a: &IpNet, b: &IpNet| match (a.contains(b), b.contains(a)) {
            (true, _) => Some(*b),
            (_, true) => Some(*a),
            _ => None,
        };
        let Some(from) = meet(&self.from, &other.from, narrower) else { return Ok(None) };
        let mut joined = Self { host, path, ignore_case, methods, from, ..self.clone() };
        for (own, more) in [
            (&mut joined.headers, &other.headers),
            (&mut joined.query, &other.query),
            (&mut joined.cookies, &other.cookies),
        ] {
            for (name, text) in more {
                if !demand(own, name, text)? {
                    return Ok(None);
                }
            }
        }
        for set in &other.not {
            if !joined.not.contains(set) {
                joined.not.push(set.clone());
            }
        }
        let positive = joined.positive();
        // What cannot hold anyway need not be ruled out.
        joined.not.retain(|set| set.and(&positive) != Ok(None));
        Ok((!joined.not.iter().any(|set| set.covers(&positive))).then_some(joined))
    }

    /// The requests that either takes, with this match itself, if one match can say that.
    pub(super) fn or(&mut self, other: &Self) -> Option<(&mut Self, Self)> {
        let mut both = self.clone();
        if !self.from.is_empty() && !other.from.is_empty() {
            both.from.extend(&other.from);
        }
        if !self.methods.is_empty() && !other.methods.is_empty() {
            both.methods.extend(other.methods.iter().filter(|method| !self.methods.contains(method)).cloned());
        }
        let apart = [
            Self { from: self.from.clone(), ..both.clone() } == Self { from: self.from.clone(), ..other.clone() },
            Self { methods: self.methods.clone(), ..both.clone() }
                == Self { methods: self.methods.clone(), ..other.clone() },
        ];
        apart.contains(&true).then_some((self, both))
    }

    /// The names of hosts that are looked at.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &String> {
        self.host.iter().chain(self.not.iter().filter_map(|set| set.host.as_ref()))
    }

    /// What is left to look at for requests to this host, which is none of those that are looked at if it is `None`;
    /// `None` when no such request is taken.
    pub(super) fn at_host(&self, host: Option<&str>) -> Option<Self> {
        let fits = |wanted: &Option<String>| wanted.is_none() || wanted.as_deref() == host;
        let mut here = Self { host: None, ..self.clone() };
        here.not.retain(|set| fits(&set.host));
        for set in &mut here.not {
            set.host = None;
        }
        (fits(&self.host) && !here.not.iter().any(Self::is_any)).then_some(here)
    }

    /// The same without the sets that must not hold.
    pub(super) fn positive(&self) -> Self {
        Self { not: Vec::new(), ..self.clone() }
    }

    /// Whether every request that `other` takes is taken. `false` where that cannot be told.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let within = |net: &IpNet| self.from.iter().any(|own| own.contains(net));
        let fields = [(&self.headers, &other.headers), (&self.query, &other.query), (&self.cookies, &other.cookies)];
        overlap::covers(self, other)
            && (self.host.is_none() || self.host == other.host)
            && (self.methods.is_empty()
                || (!other.methods.is_empty() && other.methods.iter().all(|method| self.methods.contains(method))))
            && (self.from.is_empty() || (!other.from.is_empty() && other.from.iter().all(within)))
            && fields.iter().all(|(own, others)| {
                own.iter().all(|(name, text)| {
                    others.iter().any(|(same, other)| {
                        same.eq_ignore_ascii_case(name) && (text == other || *text == DraftText::Present)
                    })
                })
            })
            && self.not.iter().all(|set| other.not.iter().any(|wider| wider.covers(set)))
    }
}

/// What is in both lists, where an empty one stands for everything; `None` when nothing is.
fn meet<T: Clone + PartialEq>(own: &[T], other: &[T], both: impl Fn(&T, &T) -> Option<T>) -> Option<Vec<T>> {
    if own.is_empty() || other.is_empty() {
        return Some([own, other].concat());
    }
    let mut met: Vec<T> = Vec::new();
    for one in own.iter().flat_map(|a| other.iter().filter_map(|b| both(a, b)).collect::<Vec<_>>()) {
        if !met.contains(&one) {
            met.push(one);
        }
    }
    (!met.is_empty()).then_some(met)
}

/// Adds a demand to those of the fields; `false` when no request can fulfil all.
fn demand(fields: &mut Vec<(String, DraftText)>, name: &str, text: &DraftText) -> Result<bool, Unsayable> {
    let Some((_, own)) = fields.iter_mut().find(|(same, _)| same.eq_ignore_ascii_case(name)) else {
        fields.push((name.to_owned(), text.clone()));
        return Ok(true);
    };
    let found = |regex: &str, value: &str| expression(regex).map(|regex| regex.is_match(value.as_bytes()));
    let holds = match (&*own, text) {
        (own, text) if own == text => true,
        (_, DraftText::Present) => true,
        (DraftText::Present, _) => {
            *own = text.clone();
            true
        }
        (DraftText::Is(_), DraftText::Is(_)) => false,
        (DraftText::Is(value), DraftText::Regex(regex)) => found(regex, value)?,
        (DraftText::Regex(regex), DraftText::Is(value)) => {
            let holds = found(regex, value)?;
            *own = text.clone();
            holds
        }
        (DraftText::Regex(_), DraftText::Regex(_)) => return Err(Unsayable),
    };
    Ok(holds)
}

/// A regular expression, if it is one that routes may have.
pub(super) fn expression(text: &str) -> Result<Regex, Unsayable> {
    RegexBuilder::new(text).unicode(false).size_limit(LARGEST).build().map_err(|_| Unsayable)
}

/// Bytes that a compiled expression may have, as in the settings.
const LARGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, text: DraftText) -> DraftMatch {
        DraftMatch { headers: vec![(name.into(), text)], ..DraftMatch::default() }
    }

    #[test]
    fn parts_are_joined_where_both_can_hold() {
        let is = |value: &str| with("X-A", DraftText::Is(value.into()));
        let regex = |value: &str| with("x-a", DraftText::Regex(value.into()));
        assert_eq!(is("1").and(&is("2")), Ok(None));
        assert_eq!(is("12").and(&regex("^1")), Ok(Some(is("12"))));
        assert_eq!(regex("1").and(&regex("2")), Err(Unsayable));
        let nets = |list: &[&str]| DraftMatch {
            from: list.iter().map(|net| net.parse().unwrap()).collect(),
            ..DraftMatch::default()
        };
        let both = nets(&["10.0.0.0/8", "192.0.2.0/24"]).and(&nets(&["10.1.0.0/16", "::/0"]));
        assert_eq!(both, Ok(Some(nets(&["10.1.0.0/16"]))));
        assert_eq!(nets(&["10.0.0.0/8"]).and(&nets(&["11.0.0.0/8"])), Ok(None));
        let not = DraftMatch { not: vec![is("1")], ..DraftMatch::default() };
        assert_eq!(is("1").and(&not), Ok(None));
    }

    #[test]
    fn what_asks_for_less_covers_what_asks_for_more() {
        let any = DraftMatch::default();
        let get = DraftMatch { methods: vec!["GET".into()], ..DraftMatch::default() };
        let key = with("X-A", DraftText::Is("1".into()));
        let not = DraftMatch { not: vec![key.clone()], ..DraftMatch::default() };
        assert!(any.covers(&get) && any.covers(&not) && !get.covers(&any) && !not.covers(&any) && not.covers(&not));
        assert!(with("x-a", DraftText::Present).covers(&key));
    }
}
