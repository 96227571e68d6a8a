//! [`NginxDirective`]: nginx's configuration as a tree.

use super::lexer::{NginxLexer, NginxToken};
use crate::import::error::ImportError;
use crate::import::place::ImportPlace;
use crate::import::tree::Origin;

/// One directive with its words, and its block if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NginxDirective {
    pub(super) place: ImportPlace,
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) block: Option<Vec<Self>>,
}

/// How deep blocks may be nested; people do not nest them deeper.
const DEEPEST: usize = 32;

/// How many directives there may be; people do not write as many.
const MOST_DIRECTIVES: usize = 50_000;

/// The directives in `text`, which is in `file`.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<NginxDirective>, ImportError> {
    let mut parser = Parser { lexer: NginxLexer::new(file, text), left: MOST_DIRECTIVES };
    parser.directives(0, None)
}

struct Parser<'a> {
    lexer: NginxLexer<'a>,
    left: usize,
}

impl Parser<'_> {
    /// Up to the end of the block that `opened` began, or of the text.
    fn directives(
        &mut self,
        depth: usize,
        opened: Option<&NginxDirective>,
    ) -> Result<Vec<NginxDirective>, ImportError> {
        let mut list = Vec::new();
        loop {
            let (place, token) = self.lexer.next()?;
            match (token, opened) {
                (NginxToken::Word(name), _) => list.push(self.directive(place, name, depth)?),
                (NginxToken::Close, Some(_)) | (NginxToken::Over, None) => return Ok(list),
                (NginxToken::Over, Some(block)) => {
                    let expected = format!("the `}}` that closes `{}` of line {}", block.name, block.place.line);
                    return Err(ImportError::syntax(&place, NginxToken::Over.described(), expected));
                }
                (NginxToken::Close, None) => {
                    return Err(ImportError::syntax(&place, "`}` without a block", "a directive"));
                }
                (token, _) => return Err(ImportError::syntax(&place, token.described(), "a directive")),
            }
        }
    }

    fn directive(&mut self, place: ImportPlace, name: String, depth: usize) -> Result<NginxDirective, ImportError> {
        let file = place.to_string();
        let too_much = |limit: String| ImportError::TooMuch { file: file.clone(), limit };
        let Some(left) = self.left.checked_sub(1) else {
            return Err(too_much(format!("more than {MOST_DIRECTIVES} directives in a file")));
        };
        self.left = left;
        let mut directive = NginxDirective { place, name, args: Vec::new(), block: None };
        loop {
            let (here, token) = self.lexer.next()?;
            match token {
                NginxToken::Word(word) => directive.args.push(word),
                NginxToken::End => return Ok(directive),
                NginxToken::Open if directive.name.ends_with("_by_lua_block") => {
                    self.lexer.skip_code()?;
                    directive.block = Some(Vec::new());
                    return Ok(directive);
                }
                NginxToken::Open if depth == DEEPEST => {
                    return Err(too_much(format!("blocks nested deeper than {DEEPEST}")));
                }
                NginxToken::Open => {
                    directive.block = Some(self.directives(depth + 1, Some(&directive))?);
                    return Ok(directive);
                }
                token @ (NginxToken::Close | NginxToken::Over) => {
                    let expected = format!("`;` or `{{` behind `{}` of line {}", directive.name, directive.place.line);
                    return Err(ImportError::syntax(&here, token.described(), expected));
                }
            }
        }
    }
}

impl NginxDirective {
    /// The first word behind the name.
    pub(super) fn first(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }

    /// The directive as the report has it.
    pub(super) fn origin(&self) -> Origin {
        Origin::of(&self.place, self.shown())
    }

    /// Its own directives; none without a block.
    pub(super) fn inner(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// As it is shown: without its block.
    pub(super) fn shown(&self) -> String {
        let word = |word: &str| match word {
            "" => "''".to_owned(),
            word if word.contains([' ', ';', '{']) && !word.contains('"') => format!("\"{word}\""),
            word => word.to_owned(),
        };
        let words: Vec<String> = std::iter::once(&self.name).chain(&self.args).map(|text| word(text)).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_words_blocks_and_places() {
        let tree = parse("f", "user x;\nhttp {\n  server { listen 443 ssl; }\n}\n").unwrap();
        assert_eq!(tree.len(), 2);
        let listen = &tree[1].inner()[0].inner()[0];
        assert_eq!((listen.shown().as_str(), listen.place.line, listen.place.column), ("listen 443 ssl", 3, 12));
    }

    #[test]
    fn code_in_lua_is_passed_over() {
        let text = "access_by_lua_block { local t = { a = '}' } -- }\n return \"}\\\"\" }\nlisten 80;";
        let tree = parse("f", text).unwrap();
        assert_eq!((tree.len(), tree[1].name.as_str()), (2, "listen"));
    }

    #[test]
    fn bad_syntax_is_told_with_its_place() {
        let cases = [
            ("server {\n  listen 80\n}\n", "f:3:1: `}`; expected `;` or `{` behind `listen` of line 2"),
            ("server {\n", "f:2:1: the end of the file; expected the `}` that closes `server` of line 1"),
            ("}\n", "f:1:1: `}` without a block; expected a directive"),
            ("a \"b;\n", "f:1:3: a quote that does not end; expected `\"`"),
            ("a 'b'c;", "f:1:6: `c` right behind a quoted word; expected a space, `;` or `{`"),
            (";", "f:1:1: `;`; expected a directive"),
            ("a b", "f:1:4: the end of the file; expected `;` or `{` behind `a` of line 1"),
            ("x_by_lua_block { if", "f:1:17: code that does not end; expected the `}` that closes the block"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse("f", text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn there_are_limits() {
        assert!(matches!(parse("f", &"a{".repeat(100)), Err(ImportError::TooMuch { .. })));
        assert!(matches!(parse("f", &"a;".repeat(MOST_DIRECTIVES + 1)), Err(ImportError::TooMuch { .. })));
    }
}
