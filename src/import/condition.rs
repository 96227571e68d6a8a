//! [`Condition`]: requests of which any of several matches holds, with the logic that routes lack.

use super::matching::{DraftMatch, DraftPath, DraftText, Unsayable, expression};

/// Requests for which any of these holds; for none, if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition(Vec<DraftMatch>);

/// What a value in a request is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// A header field.
    Header,
    /// A value in the query.
    Query,
    /// A cookie.
    Cookie,
}

/// How many matches a condition may become; what people write has fewer.
const MOST: usize = 64;

impl Condition {
    /// Every request.
    pub(super) fn always() -> Self {
        Self(vec![DraftMatch::default()])
    }

    /// No request.
    pub(super) fn never() -> Self {
        Self(Vec::new())
    }

    /// The requests that `one` takes.
    pub(super) fn of(one: DraftMatch) -> Self {
        Self(vec![one])
    }

    /// The requests for these paths.
    pub(super) fn path(path: DraftPath) -> Self {
        if path.is_any() { Self::always() } else { Self::of(DraftMatch::path(path)) }
    }

    /// The requests whose host, without its port, has this regular expression, which does not mind the case of
    /// letters. The expression has its own anchors.
    pub(super) fn host(regex: &str) -> Result<Self, Unsayable> {
        let text = format!("(?i){regex}");
        expression(&text)?;
        Ok(Self::of(field(FieldKind::Header, "Host", DraftText::Regex(text))))
    }

    /// The requests where the field has this value; one that is not there counts as empty.
    pub(super) fn equals(kind: FieldKind, name: &str, value: &str) -> Result<Self, Unsayable> {
        let is = Self::of(field(kind, name, DraftText::Is(value.to_owned())));
        if value.is_empty() { is.or(Self::present(kind, name).not()?) } else { Ok(is) }
    }

    /// The requests where this regular expression is found in the field; one that is not there counts as empty.
    pub(super) fn matches(kind: FieldKind, name: &str, regex: &str) -> Result<Self, Unsayable> {
        let takes_nothing = expression(regex)?.is_match(b"");
        let found = Self::of(field(kind, name, DraftText::Regex(regex.to_owned())));
        if takes_nothing { found.or(Self::present(kind, name).not()?) } else { Ok(found) }
    }

    /// The requests that have the field.
    pub(super) fn present(kind: FieldKind, name: &str) -> Self {
        Self::of(field(kind, name, DraftText::Present))
    }

    /// The matches of which any must hold.
    pub(super) fn alternatives(&self) -> &[DraftMatch] {
        &self.0
    }

    /// Whether no request is meant.
    pub(super) fn is_never(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every request is meant.
    pub(super) fn is_always(&self) -> bool {
        self.0.iter().any(DraftMatch::is_any)
    }

    /// The requests for which this or `other` holds.
    pub(super) fn or(self, other: Self) -> Result<Self, Unsayable> {
        let mut all: Vec<DraftMatch> = Vec::new();
        for one in self.0.into_iter().chain(other.0) {
            if all.iter().any(|known| known.covers(&one)) {
                continue;
            }
            all.retain(|known| !one.covers(known));
            match all.iter_mut().find_map(|known| known.or(&one)) {
                Some((known, both)) => *known = both,
                None => all.push(one),
            }
        }
        if all.len() > MOST { Err(Unsayable) } else { Ok(Self(all)) }
    }

    /// The requests for which this and `other` hold.
    pub(super) fn and(&self, other: &Self) -> Result<Self, Unsayable> {
        let mut all = Self::never();
        for own in &self.0 {
            for more in &other.0 {
                if let Some(both) = own.and(more)? {
                    all = all.or(Self::of(both))?;
                }
            }
        }
        Ok(all)
    }

    /// Whether this has a path that neither of two conditions has, of which it is what both hold for.
    pub(super) fn joins_paths(&self, own: &Self, other: &Self) -> bool {
        let known: Vec<_> = own.0.iter().chain(&other.0).map(|one| &one.path).collect();
        self.0.iter().any(|one| !known.contains(&&one.path))
    }

    /// The requests for which this does not hold.
    pub(super) fn not(&self) -> Result<Self, Unsayable> {
        let mut rest = Self::always();
        for one in &self.0 {
            let positive = one.positive();
            let mut without = Self(one.not.clone());
            if !positive.is_any() {
                without = Self::of(DraftMatch { not: vec![positive], ..DraftMatch::default() }).or(without)?;
            }
            rest = rest.and(&without)?;
        }
        Ok(rest)
    }
}

fn field(kind: FieldKind, name: &str, text: DraftText) -> DraftMatch {
    let mut one = DraftMatch::default();
    let list = match kind {
        FieldKind::Header => &mut one.headers,
        FieldKind::Query => &mut one.query,
        FieldKind::Cookie => &mut one.cookies,
    };
    list.push((name.to_owned(), text));
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: &str) -> Condition {
        Condition::of(DraftMatch { methods: vec![name.into()], ..DraftMatch::default() })
    }

    #[test]
    fn conditions_follow_the_rules_of_logic() {
        let (get, post) = (method("GET"), method("POST"));
        let key = Condition::equals(FieldKind::Header, "X-Key", "a").unwrap();
        let either = get.clone().or(post.clone()).unwrap();
        assert!(get.and(&post).unwrap().is_never());
        assert!(get.and(&get.not().unwrap()).unwrap().is_never());
        assert_eq!(get.not().unwrap().not().unwrap(), get);
        let neither = either.not().unwrap();
        assert_eq!(neither.alternatives().len(), 1);
        assert!(neither.and(&post).unwrap().is_never());
        let both = get.and(&key).unwrap();
        assert_eq!(both.not().unwrap().alternatives().len(), 1);
        let only = get.and(&key.not().unwrap()).unwrap();
        assert_eq!(only.not().unwrap().and(&get).unwrap(), both);
        assert!(Condition::always().not().unwrap().is_never());
        assert!(Condition::never().not().unwrap().is_always());
    }

    #[test]
    fn a_missing_field_is_an_empty_one() {
        let empty = Condition::equals(FieldKind::Cookie, "a", "").unwrap();
        assert_eq!(empty.alternatives().len(), 2);
        assert_eq!(Condition::matches(FieldKind::Cookie, "a", "^x").unwrap().alternatives().len(), 1);
        assert_eq!(Condition::matches(FieldKind::Cookie, "a", "^x?$").unwrap().alternatives().len(), 2);
        assert_eq!(Condition::matches(FieldKind::Cookie, "a", "(?=x)"), Err(Unsayable));
    }
}
