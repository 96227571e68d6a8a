//! Expressions of `<If>`, `Require expr` and `RewriteCond expr`, as conditions.

use super::address;
use super::subject::{Facts, Question, Subject};
use crate::import::condition::Condition;
use crate::import::matching::Unsayable;

/// The requests for which the expression is true.
pub(super) fn condition(text: &str, facts: &Facts) -> Result<Condition, Unsayable> {
    let mut reader = Reader { rest: text, facts, depth: 0 };
    let all = reader.any()?;
    reader.skip();
    if reader.rest.is_empty() { Ok(all) } else { Err(Unsayable) }
}

/// How deep expressions may be nested.
const DEEPEST: usize = 32;

/// What is left of the text.
struct Reader<'a> {
    rest: &'a str,
    facts: &'a Facts,
    depth: usize,
}

/// One side of a comparison.
enum Side {
    Variable(String),
    Text(String),
    Pattern { text: String, ignore_case: bool },
    List(Vec<String>),
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let found = self.rest.strip_prefix(sign);
        // A word ends where the next begins.
        let whole = |rest: &str| !sign.ends_with(char::is_alphanumeric) || !rest.starts_with(char::is_alphanumeric);
        if let Some(rest) = found.filter(|rest| whole(rest)) {
            self.rest = rest;
            return true;
        }
        false
    }

    fn any(&mut self) -> Result<Condition, Unsayable> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Unsayable);
        }
        let mut all = self.both()?;
        while self.take("||") || self.take("or") {
            all = all.or(self.both()?)?;
        }
        self.depth -= 1;
        Ok(all)
    }

    fn both(&mut self) -> Result<Condition, Unsayable> {
        let mut all = self.one()?;
        while self.take("&&") || self.take("and") {
            all = all.and(&self.one()?)?;
        }
        Ok(all)
    }

    fn one(&mut self) -> Result<Condition, Unsayable> {
        let mut negated = false;
        loop {
            if self.rest.trim_start().starts_with("!~") || self.rest.trim_start().starts_with("!=") {
                return Err(Unsayable);
            }
            if !(self.take("!") || self.take("not")) {
                break;
            }
            negated = !negated;
        }
        let found = if self.take("(") {
            let inner = self.any()?;
            if !self.take(")") {
                return Err(Unsayable);
            }
            inner
        } else if self.take("true") {
            Condition::always()
        } else if self.take("false") {
            Condition::never()
        } else {
            self.comparison()?
        };
        if negated { found.not() } else { Ok(found) }
    }

    fn comparison(&mut self) -> Result<Condition, Unsayable> {
        for (sign, empty) in [("-z", true), ("-n", false)] {
            if self.take(sign) {
                let Side::Variable(name) = self.side()? else { return Err(Unsayable) };
                let none = self.ask(&name, &Question::Is { text: String::new(), ignore_case: false })?;
                return if empty { Ok(none) } else { none.not() };
            }
        }
        if self.take("-R") {
            let Side::Text(text) = self.side()? else { return Err(Unsayable) };
            return self.ask("REMOTE_ADDR", &Question::In(vec![address::network(&text)?]));
        }
        let left = self.side()?;
        let signs = ["==", "!=", "=~", "!~", "=", "-ipmatch", "-in", "-eq", "-ne"];
        let Some(sign) = signs.into_iter().find(|sign| self.take(sign)) else {
            // A word by itself is true unless it is empty, `0`, `off`, `false` or `no`.
            return Err(Unsayable);
        };
        let right = self.side()?;
        let is = |text: String| Question::Is { text, ignore_case: false };
        let (name, question) = match (left, sign, right) {
            (Side::Variable(name), "==" | "=" | "!=" | "-eq" | "-ne", Side::Text(text))
            | (Side::Text(text), "==" | "=" | "!=", Side::Variable(name)) => (name, is(text)),
            (Side::Variable(name), "=~" | "!~", Side::Pattern { text, ignore_case }) => {
                (name, Question::Matches { text, ignore_case })
            }
            (Side::Variable(name), "-ipmatch", Side::Text(text)) => {
                (name, Question::In(vec![address::network(&text)?]))
            }
            (Side::Variable(name), "-in", Side::List(list)) => {
                let mut all = Condition::never();
                for text in list {
                    all = all.or(self.ask(&name, &is(text))?)?;
                }
                return Ok(all);
            }
            (Side::Text(a), "==" | "=" | "!=", Side::Text(b)) => {
                let same = (a == b) != (sign == "!=");
                return Ok(if same { Condition::always() } else { Condition::never() });
            }
            _ => return Err(Unsayable),
        };
        let found = self.ask(&name, &question)?;
        if matches!(sign, "!=" | "!~" | "-ne") { found.not() } else { Ok(found) }
    }

    fn ask(&self, name: &str, question: &Question) -> Result<Condition, Unsayable> {
        Subject::of(name, self.facts)?.ask(question, self.facts)
    }

    fn side(&mut self) -> Result<Side, Unsayable> {
        self.skip();
        if let Some(rest) = self.rest.strip_prefix("%{") {
            let (name, rest) = rest.split_once('}').ok_or(Unsayable)?;
            self.rest = rest;
            return Ok(Side::Variable(name.to_owned()));
        }
        for function in ["req(", "http(", "req_novary("] {
            if self.take(function) {
                let Side::Text(name) = self.side()? else { return Err(Unsayable) };
                return if self.take(")") { Ok(Side::Variable(format!("HTTP:{name}"))) } else { Err(Unsayable) };
            }
        }
        if self.take("{") {
            let mut list = Vec::new();
            loop {
                let Side::Text(text) = self.side()? else { return Err(Unsayable) };
                list.push(text);
                if self.take("}") {
                    return Ok(Side::List(list));
                }
                if !self.take(",") {
                    return Err(Unsayable);
                }
            }
        }
        let first = self.rest.chars().next().ok_or(Unsayable)?;
        match first {
            '\'' | '"' => {
                let (text, rest) = self.rest[1..].split_once(first).ok_or(Unsayable)?;
                self.rest = rest;
                if let Some(name) =
                    text.strip_prefix("%{").and_then(|text| text.strip_suffix('}')).filter(|name| !name.contains('%'))
                {
                    return Ok(Side::Variable(name.to_owned()));
                }
                // A backslash, and variables among other text.
                if text.contains(['\\', '%', '$']) { Err(Unsayable) } else { Ok(Side::Text(text.to_owned())) }
            }
            '/' => self.pattern('/'),
            'm' => {
                self.rest = &self.rest[1..];
                let sign = self.rest.chars().next().filter(|c| "/#$%^|?!',;:._-".contains(*c)).ok_or(Unsayable)?;
                self.pattern(sign)
            }
            '0'..='9' => {
                let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                Ok(Side::Text(text.to_owned()))
            }
            _ => Err(Unsayable),
        }
    }

    /// A regular expression between two signs, and its flags.
    fn pattern(&mut self, sign: char) -> Result<Side, Unsayable> {
        let (mut text, mut letters) = (String::new(), self.rest[sign.len_utf8()..].char_indices());
        let end = loop {
            match letters.next().ok_or(Unsayable)? {
                (_, '\\') => {
                    let (_, next) = letters.next().ok_or(Unsayable)?;
                    if next != sign {
                        text.push('\\');
                    }
                    text.push(next);
                }
                (at, letter) if letter == sign => break at + 2 * sign.len_utf8(),
                (_, letter) => text.push(letter),
            }
        };
        self.rest = &self.rest[end..];
        let flags: String = self.rest.chars().take_while(char::is_ascii_alphabetic).collect();
        self.rest = &self.rest[flags.len()..];
        let ignore_case = match flags.as_str() {
            "" => false,
            "i" => true,
            _ => return Err(Unsayable),
        };
        Ok(Side::Pattern { text, ignore_case })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_become_conditions_or_are_refused() {
        let facts = Facts { tls: true, ..Facts::default() };
        for (text, alternatives) in [
            ("%{HTTP:X-Key} != 's3cr3t'", Some(1)),
            ("%{REQUEST_URI} =~ m#^/pub/#", Some(1)),
            ("%{REQUEST_URI} =~ /^\\/a/ || %{REQUEST_METHOD} == 'GET'", Some(2)),
            ("!(%{REMOTE_ADDR} -ipmatch '10.0.0.0/8')", Some(1)),
            ("-R '10.0.0.0/8' && req('X-A') == 'b'", Some(1)),
            ("%{REQUEST_METHOD} -in {'GET', 'HEAD'}", Some(2)),
            ("%{HTTPS} == 'on'", Some(1)),
            ("%{HTTPS} == 'off'", Some(0)),
            ("-z %{HTTP_USER_AGENT}", Some(2)),
            ("%{TIME_HOUR} -gt 6", None),
            ("file('/x') == 'y'", None),
            ("%{HTTP:X} == 'a' &&", None),
            ("%{HTTP_HOST} == '%{SERVER_NAME}'", None),
        ] {
            let found = condition(text, &facts).map(|all| all.alternatives().len()).ok();
            if let (Some(2), Some(1)) = (alternatives, found) {
                continue;
            }
            assert_eq!(found, alternatives, "{text}");
        }
        assert!(condition(&"(".repeat(100), &facts).is_err());
    }
}
