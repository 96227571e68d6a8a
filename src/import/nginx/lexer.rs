//! [`NginxLexer`]: the words of nginx's configuration language.

use std::iter::Peekable;
use std::str::Chars;

use crate::import::error::ImportError;
use crate::import::place::ImportPlace;

/// A word, or what stands between words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NginxToken {
    /// A word without its quotes and escapes.
    Word(String),
    /// `;`
    End,
    /// `{`
    Open,
    /// `}`
    Close,
    /// The text has ended.
    Over,
}

impl NginxToken {
    /// The token as a message names it.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Word(word) => format!("`{}`", word.chars().take(40).collect::<String>().escape_debug()),
            Self::End => "`;`".to_owned(),
            Self::Open => "`{`".to_owned(),
            Self::Close => "`}`".to_owned(),
            Self::Over => "the end of the file".to_owned(),
        }
    }
}

/// Cuts a text into tokens, by the rules of `ngx_conf_read_token`: a comment or a quote begins only where a word may
/// begin, and `${` is no block.
pub(super) struct NginxLexer<'a> {
    letters: Peekable<Chars<'a>>,
    here: ImportPlace,
}

impl<'a> NginxLexer<'a> {
    /// The tokens of `text`, which is in `file`.
    pub(super) fn new(file: &str, text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { letters: text.chars().peekable(), here: ImportPlace::start(file) }
    }

    /// The next token, and where it begins.
    pub(super) fn next(&mut self) -> Result<(ImportPlace, NginxToken), ImportError> {
        self.skip_space();
        let place = self.here.clone();
        let token = match self.letters.peek() {
            None => NginxToken::Over,
            Some(';') => self.single(NginxToken::End),
            Some('{') => self.single(NginxToken::Open),
            Some('}') => self.single(NginxToken::Close),
            Some(&quote @ ('"' | '\'')) => NginxToken::Word(self.quoted(quote)?),
            Some(_) => NginxToken::Word(self.bare()),
        };
        Ok((place, token))
    }

    /// Passes over the code of a Lua block after its `{` has been read.
    pub(super) fn skip_code(&mut self) -> Result<(), ImportError> {
        let start = self.here.clone();
        let mut depth = 1;
        while let Some(letter) = self.take() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 1 => return Ok(()),
                '}' => depth -= 1,
                '-' if self.letters.peek() == Some(&'-') => while self.take().is_some_and(|letter| letter != '\n') {},
                '"' | '\'' => {
                    while let Some(inner) = self.take().filter(|inner| *inner != letter && *inner != '\n') {
                        if inner == '\\' {
                            self.take();
                        }
                    }
                }
                _ => {}
            }
        }
        Err(ImportError::syntax(&start, "code that does not end", "the `}` that closes the block"))
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.letters.next()?;
        self.here.pass(letter);
        Some(letter)
    }

    fn single(&mut self, token: NginxToken) -> NginxToken {
        self.take();
        token
    }

    fn skip_space(&mut self) {
        while let Some(&letter) = self.letters.peek() {
            if letter == '#' {
                while self.letters.peek().is_some_and(|letter| *letter != '\n') {
                    self.take();
                }
            } else if is_space(letter) {
                self.take();
            } else {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ImportError> {
        let start = self.here.clone();
        self.take();
        let mut word = String::new();
        loop {
            match self.take() {
                Some(letter) if letter == quote => break,
                Some('\\') => self.escaped(&mut word),
                Some(letter) => word.push(letter),
                None => return Err(ImportError::syntax(&start, "a quote that does not end", format!("`{quote}`"))),
            }
        }
        match self.letters.peek() {
            Some(&letter) if !is_space(letter) && !";{})".contains(letter) => {
                let found = format!("`{}` right behind a quoted word", letter.escape_debug());
                Err(ImportError::syntax(&self.here, found, "a space, `;` or `{`"))
            }
            _ => Ok(word),
        }
    }

    fn bare(&mut self) -> String {
        let mut word = String::new();
        while let Some(&letter) = self.letters.peek() {
            let variable = letter == '{' && word.ends_with('$');
            if is_space(letter) || (";{".contains(letter) && !variable) {
                break;
            }
            self.take();
            if letter == '\\' { self.escaped(&mut word) } else { word.push(letter) }
        }
        word
    }

    /// Takes what stands behind a backslash. It stays where it means nothing to nginx: regular expressions have their
    /// own.
    fn escaped(&mut self, word: &mut String) {
        match self.take() {
            Some(letter @ ('"' | '\'' | '\\')) => word.push(letter),
            Some('t') => word.push('\t'),
            Some('r') => word.push('\r'),
            Some('n') => word.push('\n'),
            Some(letter) => word.extend(['\\', letter]),
            None => word.push('\\'),
        }
    }
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<NginxToken> {
        let mut lexer = NginxLexer::new("f", text);
        let mut tokens = Vec::new();
        loop {
            match lexer.next().unwrap().1 {
                NginxToken::Over => return tokens,
                token => tokens.push(token),
            }
        }
    }

    #[test]
    fn words_are_cut_as_nginx_cuts_them() {
        let word = |text: &str| NginxToken::Word(text.into());
        let cases = [
            ("a b;", vec![word("a"), word("b"), NginxToken::End]),
            ("a{b;}", vec![word("a"), NginxToken::Open, word("b"), NginxToken::End, NginxToken::Close]),
            ("a # b;\nc;", vec![word("a"), word("c"), NginxToken::End]),
            ("a#b;", vec![word("a#b"), NginxToken::End]),
            ("\"a b\" 'c;d'{", vec![word("a b"), word("c;d"), NginxToken::Open]),
            ("'' \"\\\"\" '\\''", vec![word(""), word("\""), word("'")]),
            ("x${y}z;", vec![word("x${y}z"), NginxToken::End]),
            ("~ \\.php$ {", vec![word("~"), word("\\.php$"), NginxToken::Open]),
            ("a\"b;", vec![word("a\"b"), NginxToken::End]),
            ("\u{feff}a;", vec![word("a"), NginxToken::End]),
        ];
        for (text, expected) in cases {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }
}
