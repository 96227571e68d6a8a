//! [`parse`]: the text of one Caddyfile as a tree of lines, each token with its place.
//!
//! Only the shape is known here, as Caddy's lexer has it: tokens (quotes, backticks, heredocs), lines, blocks in
//! braces. What a line means is not: a site, a snippet and a directive look the same.

use std::sync::Arc;

use crate::import::{ImportError, ImportPlace};

/// The tokens of a line, and the block that it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaddyLine {
    /// The tokens; empty only for a block of its own, which holds the global options.
    pub(crate) tokens: Vec<CaddyToken>,
    /// What stands between the braces behind it.
    pub(crate) block: Option<Vec<CaddyLine>>,
    /// Where the line begins.
    pub(crate) place: ImportPlace,
}

/// One token, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaddyToken {
    pub(crate) text: String,
    /// Where the token begins.
    pub(crate) place: ImportPlace,
    /// Whether the token stood in quotes, backticks or a heredoc: then `{`, `*` and commas are text.
    pub(crate) quoted: bool,
}

/// The lines of `file`, which has this text. The first mistake ends the reading: what follows it can mean anything.
///
/// # Errors
/// The text that breaks the format and what should be there instead, with its place.
pub(crate) fn parse(text: &str, file: &Arc<str>) -> Result<Vec<CaddyLine>, ImportError> {
    let mut lexer = CaddyLexer::new(text.strip_prefix('\u{feff}').unwrap_or(text), file);
    let mut open: Vec<CaddyLine> = Vec::new();
    let mut levels: Vec<Vec<CaddyLine>> = vec![Vec::new()];
    let mut tokens: Vec<CaddyToken> = Vec::new();
    loop {
        let finished = match lexer.next()? {
            CaddyPiece::Token(token) if is(&token, "{") && lexer.at_line_end() => {
                if open.len() == DEEPEST {
                    let found = format!("a block in {DEEPEST} others");
                    return Err(ImportError::syntax(&token.place, found, "fewer levels"));
                }
                let place = tokens.first().unwrap_or(&token).place.clone();
                open.push(CaddyLine { tokens: std::mem::take(&mut tokens), block: None, place });
                levels.push(Vec::new());
                None
            }
            CaddyPiece::Token(token) if is(&token, "}") && tokens.is_empty() => {
                let Some(opened) = open.pop() else {
                    let expected = "`{` at the end of a line before it";
                    return Err(ImportError::syntax(&token.place, "`}` without a block", expected));
                };
                if !lexer.at_line_end() {
                    let expected = "the end of the line";
                    return Err(ImportError::syntax(&lexer.place, "a word behind the `}` of a block", expected));
                }
                Some(CaddyLine { block: levels.pop(), ..opened })
            }
            CaddyPiece::Token(token) if is(&token, "}") => {
                let found = "`}` behind other words";
                return Err(ImportError::syntax(&token.place, found, "`}` on a line of its own"));
            }
            CaddyPiece::Token(token) => {
                tokens.push(token);
                None
            }
            // Addresses go on behind a comma.
            CaddyPiece::LineEnd if tokens.last().is_some_and(|last| !last.quoted && last.text.ends_with(',')) => None,
            CaddyPiece::LineEnd => line(&mut tokens),
            CaddyPiece::End => break,
        };
        levels.last_mut().expect("one level for each open block, and the file's own").extend(finished);
    }
    if let Some(opened) = open.pop() {
        let expected = "`}` before the end of the file";
        return Err(ImportError::syntax(&opened.place, "a block without an end", expected));
    }
    let mut lines = levels.pop().unwrap_or_default();
    lines.extend(line(&mut tokens));
    Ok(lines)
}

/// The line of these tokens, if there are any.
fn line(tokens: &mut Vec<CaddyToken>) -> Option<CaddyLine> {
    let place = tokens.first()?.place.clone();
    Some(CaddyLine { tokens: std::mem::take(tokens), block: None, place })
}

/// Whether a token is this bare word.
fn is(token: &CaddyToken, word: &str) -> bool {
    !token.quoted && token.text == word
}

/// How deep blocks may be nested: the functions that walk the tree call themselves.
const DEEPEST: usize = 32;

enum CaddyPiece {
    Token(CaddyToken),
    LineEnd,
    End,
}

struct CaddyLexer<'a> {
    rest: &'a str,
    place: ImportPlace,
}

impl<'a> CaddyLexer<'a> {
    fn new(text: &'a str, file: &Arc<str>) -> Self {
        Self { rest: text, place: ImportPlace { file: Arc::clone(file), line: 1, column: 1 } }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        self.place.pass(c);
        Some(c)
    }

    /// Spaces, and line ends behind a backslash.
    fn skip_spaces(&mut self) {
        loop {
            match self.peek() {
                Some('\n') | None => return,
                Some(c) if c.is_whitespace() => drop(self.take()),
                Some('\\') if self.rest.starts_with("\\\n") || self.rest.starts_with("\\\r\n") => {
                    while self.take() != Some('\n') {}
                }
                Some(_) => return,
            }
        }
    }

    /// Whether nothing but a comment is left on this line.
    fn at_line_end(&mut self) -> bool {
        self.skip_spaces();
        matches!(self.peek(), None | Some('\n' | '#'))
    }

    fn next(&mut self) -> Result<CaddyPiece, ImportError> {
        self.skip_spaces();
        let place = self.place.clone();
        match self.peek() {
            None => Ok(CaddyPiece::End),
            Some('\n') => {
                self.take();
                Ok(CaddyPiece::LineEnd)
            }
            Some('#') => {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.take();
                }
                Ok(self.next_after_comment())
            }
            Some(quote @ ('"' | '`')) => {
                self.take();
                let text = self.quoted(quote, &place)?;
                Ok(CaddyPiece::Token(CaddyToken { text, place, quoted: true }))
            }
            Some(_) if self.rest.starts_with("<<") => match self.heredoc(&place)? {
                Some(text) => Ok(CaddyPiece::Token(CaddyToken { text, place, quoted: true })),
                None => Ok(CaddyPiece::Token(CaddyToken { text: self.bare(), place, quoted: false })),
            },
            Some(_) => Ok(CaddyPiece::Token(CaddyToken { text: self.bare(), place, quoted: false })),
        }
    }

    fn next_after_comment(&mut self) -> CaddyPiece {
        match self.take() {
            Some(_) => CaddyPiece::LineEnd,
            None => CaddyPiece::End,
        }
    }

    /// Up to the next space. The default of a variable, `{$NAME:default}`, may have spaces.
    fn bare(&mut self) -> String {
        let mut text = String::new();
        let mut inside = false;
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() || inside && *c != '\n') {
            let continues = self.rest.starts_with("\\\n") || self.rest.starts_with("\\\r\n");
            if continues {
                break;
            }
            let end = self.rest.split('\n').next().unwrap_or_default().find('}');
            inside = self.rest.starts_with("{$") && end.is_some() || inside && c != '}';
            self.take();
            text.push(c);
        }
        text
    }

    /// Up to the quote that ends it. In double quotes, a backslash keeps one from ending it; in backticks nothing does.
    fn quoted(&mut self, quote: char, place: &ImportPlace) -> Result<String, ImportError> {
        let mut text = String::new();
        loop {
            match self.take() {
                Some(c) if c == quote => return Ok(text),
                Some('\\') if quote == '"' && self.peek() == Some('"') => {
                    self.take();
                    text.push('"');
                }
                Some(c) => text.push(c),
                None => {
                    let expected = format!("{quote} before the end of the file");
                    return Err(ImportError::syntax(place, "a quote without an end", expected));
                }
            }
        }
    }

    /// `<<MARKER`, lines, and a line that holds MARKER only; `None` where `<<` begins an ordinary word. The spaces
    /// before the last marker are taken off each line.
    fn heredoc(&mut self, place: &ImportPlace) -> Result<Option<String>, ImportError> {
        let (first, after) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        let marker = first[2..].trim_end_matches('\r');
        let right = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if marker.is_empty() || !marker.chars().all(right) {
            return Ok(None);
        }
        let mut lines: Vec<&str> = Vec::new();
        for line in after.split('\n') {
            // The marker may have other tokens behind it.
            let indent = &line[..line.len() - line.trim_start().len()];
            if let Some(rest) = line.trim_start().strip_prefix(marker)
                && (rest.is_empty() || rest.starts_with(char::is_whitespace))
            {
                let taken: usize = lines.iter().map(|line| line.len() + 1).sum();
                let stop = first.len() + 1 + taken + indent.len() + marker.len();
                let end = self.rest.len() - stop;
                while self.rest.len() > end {
                    self.take();
                }
                let cut = |line: &&str| line.strip_prefix(indent).unwrap_or(line).trim_end_matches('\r').to_owned();
                return Ok(Some(lines.iter().map(cut).collect::<Vec<_>>().join("\n")));
            }
            lines.push(line);
        }
        Err(ImportError::syntax(place, format!("<<{marker} without an end"), format!("{marker} on a line of its own")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree on one line: tokens with `,` between them, `{...}` for a block, `;` between lines.
    fn shape(lines: &[CaddyLine]) -> String {
        let one = |line: &CaddyLine| {
            let tokens: Vec<&str> = line.tokens.iter().map(|token| token.text.as_str()).collect();
            let block = line.block.as_ref().map(|block| format!("{{{}}}", shape(block)));
            format!("{}{}", tokens.join(","), block.unwrap_or_default())
        };
        lines.iter().map(one).collect::<Vec<_>>().join(";")
    }

    fn parsed(text: &str) -> Result<Vec<CaddyLine>, ImportError> {
        parse(text, &"C".into())
    }

    #[test]
    fn tokens_lines_and_blocks_are_taken_apart_as_caddy_does() {
        for (text, expected) in [
            ("", ""),
            ("\u{feff}localhost\r\nreverse_proxy :18789\r\n", "localhost;reverse_proxy,:18789"),
            ("{\n\temail a@b.c\n}\n", "{email,a@b.c}"),
            ("a.b, c.d,\n  e.f { # here\n x\n}", "a.b,,c.d,,e.f{x}"),
            ("header A \"b \\\"c\\\" \\d\" `e \"f\"`", "header,A,b \"c\" \\d,e \"f\""),
            ("a \\\n  b # c\nd#e", "a,b;d#e"),
            ("header X {placeholder}\n", "header,X,{placeholder}"),
            ("respond <<END\n    one\n      two\n    END 200\nnext", "respond,one\n  two,200;next"),
            ("respond <<\n", "respond,<<"),
            ("r {$A:b c}d {$E", "r,{$A:b c}d,{$E"),
            ("@a path /x { y", "@a,path,/x,{,y"),
            ("respond \"a\nb\"", "respond,a\nb"),
        ] {
            assert_eq!(parsed(text).as_deref().map(shape).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_place_and_what_was_expected() {
        for (text, expected) in [
            ("a\n}", "C:2:1: `}` without a block; expected `{` at the end of a line before it"),
            ("a {\n b }\n}", "C:2:4: `}` behind other words; expected `}` on a line of its own"),
            ("a {\n b\n} c", "C:3:3: a word behind the `}` of a block; expected the end of the line"),
            (" a.b {\n c {\n }\n", "C:1:2: a block without an end; expected `}` before the end of the file"),
            ("a \"b\nc", "C:1:3: a quote without an end; expected \" before the end of the file"),
            ("a <<X\nb\n", "C:1:3: <<X without an end; expected X on a line of its own"),
        ] {
            assert_eq!(parsed(text).map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn places_count_from_one_in_characters() {
        let lines = parsed("# \u{e4}\n  a \u{e4}  b {\n\tc\n}").expect("right");
        let at = |place: &ImportPlace| (place.line, place.column);
        let places: Vec<_> = lines[0].tokens.iter().map(|token| at(&token.place)).collect();
        assert_eq!(places, [(2, 3), (2, 5), (2, 8)]);
        assert_eq!(lines[0].block.as_ref().map(|block| at(&block[0].place)), Some((3, 2)));
    }

    #[test]
    fn depth_has_a_limit() {
        assert!(parsed(&"a {\n".repeat(DEEPEST + 1)).is_err_and(|error| error.to_string().starts_with("C:33:3")));
    }
}
