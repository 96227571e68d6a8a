//! [`Translator`]: takes a regular expression of PCRE apart, and writes it for routes.

use std::fmt::Write;

use crate::import::matching::{Unsayable, expression};

/// How deep groups may be nested.
const DEEPEST: usize = 32;

/// What has been translated so far.
pub(super) struct Translator {
    pub(super) letters: Vec<char>,
    pub(super) at: usize,
    pub(super) regex: String,
    /// The plain letters from the beginning, as the expression has them, while there is nothing else.
    pub(super) literal: Option<String>,
    pub(super) beside: Vec<(bool, String)>,
    /// Whether there are alternatives outside of all groups.
    pub(super) splits: bool,
}

impl Translator {
    pub(super) fn new(text: &str) -> Self {
        Self {
            letters: text.chars().collect(),
            at: 0,
            regex: String::new(),
            literal: None,
            beside: Vec::new(),
            splits: false,
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn follows(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, letter)| self.peek(index) == Some(letter))
    }

    /// Alternatives, up to the end of the group or of the text.
    pub(super) fn alternatives(&mut self, depth: usize) -> Result<(), Unsayable> {
        while let Some(letter) = self.peek(0).filter(|letter| *letter != ')') {
            let start = self.regex.len();
            let before = self.literal.clone();
            self.at += 1;
            match letter {
                '^' => {
                    self.regex.push('^');
                    self.literal = (start == 0).then(|| "^".to_owned());
                    continue;
                }
                '$' => self.regex.push('$'),
                '|' => {
                    self.splits |= depth == 0;
                    self.literal = None;
                    self.regex.push('|');
                    continue;
                }
                '.' => self.regex.push_str("(?s:.)"),
                '[' => self.class()?,
                '(' => {
                    if self.group(depth)? {
                        continue;
                    }
                }
                '\\' => self.escape()?,
                '*' | '+' | '?' => return Err(Unsayable),
                letter => self.literally(letter),
            }
            let is_literal =
                matches!(letter, '\\') && self.regex[start..].chars().count() <= 2 || !"$.[(\\".contains(letter);
            let piece = self.regex[start..].to_owned();
            let repeated = self.quantifier()?;
            self.literal = before.filter(|_| is_literal && !repeated).map(|text| text + &piece);
        }
        Ok(())
    }

    /// Whether something says how often what stands before it is repeated.
    fn quantifier(&mut self) -> Result<bool, Unsayable> {
        match self.peek(0) {
            Some(letter @ ('*' | '+' | '?')) => {
                self.at += 1;
                self.regex.push(letter);
            }
            Some('{') => {
                let Some(end) = self.letters[self.at..].iter().position(|letter| *letter == '}') else {
                    return Ok(false);
                };
                let inner: String = self.letters[self.at + 1..self.at + end].iter().collect();
                let (least, most) = inner.split_once(',').unwrap_or((&inner, ""));
                let number = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
                if least.is_empty() || !number(least) || !number(most) {
                    return Ok(false);
                }
                self.at += end + 1;
                let _ = write!(self.regex, "{{{inner}}}");
            }
            _ => return Ok(false),
        }
        match self.peek(0) {
            Some('?') => {
                self.at += 1;
                self.regex.push('?');
            }
            // It gives nothing back, which routes cannot say.
            Some('+') => return Err(Unsayable),
            _ => {}
        }
        Ok(true)
    }

    /// A group, behind its parenthesis; whether it was look-ahead, which is no part of the text.
    fn group(&mut self, depth: usize) -> Result<bool, Unsayable> {
        if depth == DEEPEST {
            return Err(Unsayable);
        }
        for (mark, must) in [("?!", false), ("?=", true)] {
            if self.follows(mark) {
                self.at += 2;
                let literal = self.literal.clone().filter(|_| depth == 0).ok_or(Unsayable)?;
                let mut inner = Self { regex: String::new(), literal: None, beside: Vec::new(), ..self.clone_here() };
                inner.alternatives(depth + 1)?;
                if !inner.beside.is_empty() || inner.peek(0) != Some(')') {
                    return Err(Unsayable);
                }
                self.at = inner.at + 1;
                // Groups are counted, those of the look-ahead too.
                let groups = expression(&inner.regex)?.captures_len() - 1;
                self.regex.push_str(&"()".repeat(groups));
                let ahead = if inner.regex.contains('|') { format!("(?:{})", inner.regex) } else { inner.regex };
                self.beside.push((must, format!("{literal}{ahead}")));
                return Ok(true);
            }
        }
        let flags: String = self.letters[self.at..].iter().take_while(|c| "?i:-".contains(**c)).collect();
        match flags.as_str() {
            "?:" | "?i:" | "?-i:" => {
                self.at += flags.len();
                let _ = write!(self.regex, "({flags}");
            }
            "?i" if self.peek(2) == Some(')') && self.regex.is_empty() => {
                self.at += 3;
                self.regex.push_str("(?i)");
                return Ok(true);
            }
            "" => self.regex.push('('),
            _ => return Err(Unsayable),
        }
        if self.peek(0) == Some('*') {
            return Err(Unsayable);
        }
        self.alternatives(depth + 1)?;
        if self.peek(0) != Some(')') {
            return Err(Unsayable);
        }
        self.at += 1;
        self.regex.push(')');
        Ok(false)
    }

    fn clone_here(&self) -> Self {
        Self {
            letters: self.letters.clone(),
            at: self.at,
            regex: String::new(),
            literal: None,
            beside: Vec::new(),
            splits: false,
        }
    }

    fn literally(&mut self, letter: char) {
        self.regex.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }

    /// What stands behind a backslash, outside of a class.
    fn escape(&mut self) -> Result<(), Unsayable> {
        let letter = self.peek(0).ok_or(Unsayable)?;
        self.at += 1;
        match letter {
            'b' => self.regex.push_str("\\b"),
            'A' => self.regex.push_str("\\A"),
            'z' => self.regex.push_str("\\z"),
            letter => match class_of(letter) {
                Some((set, true)) => {
                    let _ = write!(self.regex, "[^{set}]");
                }
                Some((set, false)) => {
                    let _ = write!(self.regex, "[{set}]");
                }
                None => self.character(letter)?,
            },
        }
        Ok(())
    }

    /// One character behind a backslash.
    fn character(&mut self, letter: char) -> Result<(), Unsayable> {
        match letter {
            'n' | 'r' | 't' | 'f' => {
                let _ = write!(self.regex, "\\{letter}");
            }
            letter if letter.is_ascii_alphanumeric() => return Err(Unsayable),
            letter => self.literally(letter),
        }
        Ok(())
    }

    /// A class, behind its bracket.
    fn class(&mut self) -> Result<(), Unsayable> {
        self.regex.push('[');
        if self.peek(0) == Some('^') {
            self.at += 1;
            self.regex.push('^');
        }
        let mut first = true;
        loop {
            let letter = self.peek(0).ok_or(Unsayable)?;
            self.at += 1;
            match letter {
                ']' if !first => break,
                '[' if self.peek(0) == Some(':') => {
                    let name: String =
                        self.letters[self.at + 1..].iter().take_while(|c| c.is_ascii_lowercase()).collect();
                    let end = format!(":{name}:]");
                    if !self.follows(&end) {
                        return Err(Unsayable);
                    }
                    self.at += end.len();
                    let _ = write!(self.regex, "[:{name}:]");
                }
                '\\' => {
                    let next = self.peek(0).ok_or(Unsayable)?;
                    self.at += 1;
                    match class_of(next) {
                        Some((set, true)) => {
                            let _ = write!(self.regex, "[^{set}]");
                        }
                        Some((set, false)) => self.regex.push_str(set),
                        None => self.class_letter(next, true)?,
                    }
                }
                // A range, unless it stands at an end.
                '-' if !first && self.peek(0).is_some_and(|next| next != ']') => self.regex.push('-'),
                letter => self.class_letter(letter, false)?,
            }
            first = false;
        }
        self.regex.push(']');
        Ok(())
    }

    fn class_letter(&mut self, letter: char, escaped: bool) -> Result<(), Unsayable> {
        if escaped && letter.is_ascii_alphanumeric() {
            return self.character(letter);
        }
        if "[]^-&~\\".contains(letter) {
            self.regex.push('\\');
        }
        self.regex.push(letter);
        Ok(())
    }
}

/// The letters of a class that a backslash names, and whether all others are meant. PCRE knows ASCII here.
fn class_of(letter: char) -> Option<(&'static str, bool)> {
    let set = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => " \\t\\n\\x0B\\f\\r",
        'h' => " \\t",
        _ => return None,
    };
    Some((set, letter.is_ascii_uppercase()))
}
