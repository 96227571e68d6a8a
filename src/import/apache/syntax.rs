//! [`parse`]: the text of one Apache configuration file as a tree of directives, each word with its place.
//!
//! Only the shape is known here, as Apache's own reader has it: lines (a backslash continues one), words (quotes only
//! at the beginning of one), sections. What a directive means is not.

use std::sync::Arc;

use crate::import::fields::hides_the_rest;
use crate::import::{ImportError, ImportPlace};

/// A line `Name argument...`, or a section `<Name argument...>` with what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApacheDirective {
    /// The first word.
    pub(crate) name: ApacheWord,
    /// The words behind it.
    pub(crate) args: Vec<ApacheWord>,
    /// What a section holds; `None` for a line.
    pub(crate) body: Option<Vec<ApacheDirective>>,
}

impl ApacheDirective {
    /// The directive as the report shows it, without passwords and tokens.
    pub(super) fn shown(&self) -> String {
        let mut words = vec![self.name.text.clone()];
        let name = self.name.text.to_ascii_lowercase();
        let mut secret = ["secret", "passphrase", "password"].iter().any(|kind| name.ends_with(kind));
        for word in &self.args {
            let text = if secret { "…".to_owned() } else { word.text.clone() };
            secret |= hides_the_rest(&word.text);
            let quote = text.is_empty() || text.contains(char::is_whitespace);
            words.push(if quote { format!("\"{text}\"") } else { text });
        }
        let line = words.join(" ");
        if self.body.is_some() { format!("<{line}>") } else { line }
    }
}

/// One word, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApacheWord {
    pub(crate) text: String,
    /// Where the word begins.
    pub(crate) place: ImportPlace,
}

/// The directives of `file`, which has this text. The first mistake ends the reading: what follows it can mean
/// anything.
///
/// # Errors
/// The text that breaks the format and what should be there instead, with its place.
pub(crate) fn parse(text: &str, file: &Arc<str>) -> Result<Vec<ApacheDirective>, ImportError> {
    let mut open: Vec<(ApacheWord, Vec<ApacheWord>)> = Vec::new();
    let mut levels: Vec<Vec<ApacheDirective>> = vec![Vec::new()];
    for chars in lines(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let Some(first) = chars.iter().position(|(c, _)| !c.is_whitespace()) else { continue };
        let (start, at) = chars[first];
        let rest = ApacheRest { chars: &chars[first..], file };
        let mut finished = None;
        match start {
            '#' => {}
            '<' if rest.chars.get(1).is_some_and(|(c, _)| *c == '/') => {
                let end = rest.after(2).closing(at)?;
                let Some((name, args)) = open.pop() else {
                    let found = format!("</{}>, which ends a section that was not begun", end.text);
                    return Err(ImportError::syntax(&end.place, found, format!("<{}> before it", end.text)));
                };
                if !name.text.eq_ignore_ascii_case(&end.text) {
                    let found = format!("</{}> as the end of <{}> from line {}", end.text, name.text, name.place.line);
                    return Err(ImportError::syntax(&end.place, found, format!("</{}>", name.text)));
                }
                finished = Some(ApacheDirective { name, args, body: levels.pop() });
            }
            '<' => {
                let mut words = rest.after(1).opening(at)?;
                if open.len() == DEEPEST {
                    let found = format!("a section in {DEEPEST} others");
                    return Err(ImportError::syntax(&rest.place(at), found, "fewer levels"));
                }
                open.push((words.remove(0), words));
                levels.push(Vec::new());
            }
            _ => {
                let mut words = rest.words();
                finished = Some(ApacheDirective { name: words.remove(0), args: words, body: None });
            }
        }
        levels.last_mut().expect("one level for each open section, and the file's own").extend(finished);
    }
    // Apache does not look for the end of a section that asks for modules and the like.
    while open.last().is_some_and(|(name, _)| UNCLOSED.iter().any(|one| name.text.eq_ignore_ascii_case(one))) {
        let Some((name, args)) = open.pop() else { break };
        let section = ApacheDirective { name, args, body: levels.pop() };
        levels.last_mut().expect("one level for each open section, and the file's own").push(section);
    }
    if let Some((name, _)) = open.pop() {
        let found = format!("<{}> without an end", name.text);
        let expected = format!("</{}> before the end of the file", name.text);
        return Err(ImportError::syntax(&name.place, found, expected));
    }
    Ok(levels.pop().unwrap_or_default())
}

/// Sections that may be left open at the end of a file.
const UNCLOSED: [&str; 6] = ["IfModule", "IfDefine", "IfVersion", "IfFile", "IfDirective", "IfSection"];

/// How deep sections may be nested: the functions that walk the tree call themselves.
const DEEPEST: usize = 32;

/// Line and column, both counted from 1.
type ApachePosition = (usize, usize);

/// The lines as Apache sees them, continuations joined, each character with its place.
fn lines(text: &str) -> Vec<Vec<(char, ApachePosition)>> {
    let mut lines = Vec::new();
    let mut chars = Vec::new();
    for (number, physical) in (1..).zip(text.split('\n')) {
        let physical = physical.strip_suffix('\r').unwrap_or(physical);
        let continued = physical.strip_suffix('\\');
        let columns = (1..).zip(continued.unwrap_or(physical).chars());
        chars.extend(columns.map(|(column, c)| (c, (number, column))));
        if continued.is_none() {
            lines.push(std::mem::take(&mut chars));
        }
    }
    lines.push(chars);
    lines
}

/// What is left of a line.
#[derive(Clone, Copy)]
struct ApacheRest<'a> {
    chars: &'a [(char, ApachePosition)],
    file: &'a Arc<str>,
}

impl ApacheRest<'_> {
    fn place(&self, (line, column): ApachePosition) -> ImportPlace {
        ImportPlace { file: Arc::clone(self.file), line, column }
    }

    fn after(self, skipped: usize) -> Self {
        Self { chars: &self.chars[skipped..], ..self }
    }

    /// The words of `<Name words>` behind the `<`, which is at `at`; at least one.
    fn opening(self, at: ApachePosition) -> Result<Vec<ApacheWord>, ImportError> {
        let Some(end) = self.chars.iter().rposition(|(c, _)| *c == '>') else {
            return Err(ImportError::syntax(&self.place(at), "a section's line without an end", "`>` in it"));
        };
        let words = Self { chars: &self.chars[..end], ..self }.words();
        match words.first() {
            Some(name) if !name.text.is_empty() => Ok(words),
            _ => Err(ImportError::syntax(
                &self.place(at),
                "a section without a name",
                "a name, as in <VirtualHost *:443>",
            )),
        }
    }

    /// The name in `</Name>`, behind the `</`. Apache looks at nothing behind it.
    fn closing(self, at: ApachePosition) -> Result<ApacheWord, ImportError> {
        let name: String = self.chars.iter().map(|(c, _)| *c).take_while(|c| !c.is_whitespace()).collect();
        match name.split_once('>') {
            Some((name, "")) if !name.is_empty() => Ok(ApacheWord { text: name.to_owned(), place: self.place(at) }),
            _ => Err(ImportError::syntax(
                &self.place(at),
                "the end of a section without a name",
                "a name, as in </VirtualHost>",
            )),
        }
    }

    /// Words as `ap_getword_conf` takes them apart: quotes count at the beginning of a word only, and within them a
    /// backslash stands for the quote or the backslash behind it.
    fn words(self) -> Vec<ApacheWord> {
        let mut words: Vec<ApacheWord> = Vec::new();
        let mut rest = self;
        while let Some(first) = rest.chars.iter().position(|(c, _)| !c.is_whitespace()) {
            rest = rest.after(first);
            let (start, at) = rest.chars[0];
            let quote = matches!(start, '"' | '\'').then_some(start);
            let (text, used) = word(&rest.chars[usize::from(quote.is_some())..], quote);
            // A quote that is left open ends with the line.
            let used = used.map_or(rest.chars.len(), |used| used + 2 * usize::from(quote.is_some()));
            words.push(ApacheWord { text, place: rest.place(at) });
            rest = rest.after(used);
        }
        words
    }
}

/// A word's text and its length up to the quote or the space that ends it; no length where a quote is missing.
fn word(chars: &[(char, ApachePosition)], quote: Option<char>) -> (String, Option<usize>) {
    let mut text = String::new();
    let mut at = 0;
    while let Some((c, _)) = chars.get(at) {
        let ends = match quote {
            Some(quote) => *c == quote,
            None => c.is_whitespace(),
        };
        if ends {
            return (text, Some(at));
        }
        let next = chars.get(at + 1).map(|(c, _)| *c);
        let escapes = *c == '\\' && next.is_some_and(|next| next == '\\' || Some(next) == quote);
        at += usize::from(escapes);
        text.push(chars[at].0);
        at += 1;
    }
    (text, quote.is_none().then_some(at))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::import::node::ImportNode;

    /// The directive that `text` is, as it is when it has been expanded.
    pub(in crate::import::apache) fn node(text: &str) -> ImportNode {
        expanded(&parse(text, &"a.conf".into()).expect("right")[0])
    }

    fn expanded(directive: &ApacheDirective) -> ImportNode {
        ImportNode {
            name: directive.name.text.to_lowercase(),
            args: directive.args.iter().map(|word| word.text.clone()).collect(),
            place: directive.name.place.clone(),
            shown: directive.shown(),
            body: directive.body.as_ref().map(|body| body.iter().map(expanded).collect()),
        }
    }

    /// The tree on one line: `name(arg,arg)` and `{...}` for what a section holds.
    fn shape(directives: &[ApacheDirective]) -> String {
        let one = |directive: &ApacheDirective| {
            let args: Vec<&str> = directive.args.iter().map(|word| word.text.as_str()).collect();
            let body = directive.body.as_ref().map(|body| format!("{{{}}}", shape(body)));
            format!("{}({}){}", directive.name.text, args.join(","), body.unwrap_or_default())
        };
        directives.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn parsed(text: &str) -> Result<Vec<ApacheDirective>, ImportError> {
        parse(text, &"a.conf".into())
    }

    #[test]
    fn lines_words_and_sections_are_taken_apart_as_apache_does() {
        for (text, expected) in [
            ("", ""),
            ("\u{feff}Listen 80\r\n", "Listen(80)"),
            ("  # a comment \\\n that goes on\nListen 80", "Listen(80)"),
            ("ProxyPass / \\\n   http://a/ \\\n", "ProxyPass(/,http://a/)"),
            (r#"Header set A "b \"c\" \\ d" 'e "f"'"#, r#"Header(set,A,b "c" \ d,e "f")"#),
            (r#"RewriteCond %{HTTP:A} it's"x"#, r#"RewriteCond(%{HTTP:A},it's"x)"#),
            (r"RewriteRule ^/a\.b\\c$ -", r"RewriteRule(^/a\.b\c$,-)"),
            ("ErrorDocument 404 \"not here", "ErrorDocument(404,not here)"),
            ("<VirtualHost *:80 [::]:80 >\nA b\n</virtualhost>", "VirtualHost(*:80,[::]:80){A(b)}"),
            ("<If \"%{A} > 1\">\n<Else>\n</Else>\n</If>", "If(%{A} > 1){Else(){}}"),
            ("A \"b\"\"c\"", "A(b,c)"),
            ("<A /x> # > no\n</A>", "A(/x>,#){}"),
            ("<A /x> #note\n</A> </B>", "A(/x){}"),
            ("A / \"http://b c", "A(/,http://b c)"),
            ("<IfModule x>\n<A>\n</A> </IfModule>\n", "IfModule(x){A(){}}"),
        ] {
            assert_eq!(parsed(text).as_deref().map(shape).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_place_and_what_was_expected() {
        for (text, expected) in [
            ("</A>", "a.conf:1:1: </A>, which ends a section that was not begun; expected <A> before it"),
            ("<A>\n\n  <B x>\n</A>\n", "a.conf:4:1: </A> as the end of <B> from line 3; expected </B>"),
            ("<A>\nB c\n", "a.conf:1:2: <A> without an end; expected </A> before the end of the file"),
            (" <A b\n</A>", "a.conf:1:2: a section's line without an end; expected `>` in it"),
            ("< >", "a.conf:1:1: a section without a name; expected a name, as in <VirtualHost *:443>"),
            ("<A>\n</A b>", "a.conf:2:1: the end of a section without a name; expected a name, as in </VirtualHost>"),
        ] {
            assert_eq!(parsed(text).map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn places_count_from_one_and_follow_continuations() {
        let directives = parsed("# \u{e4}\n  ProxyPass \\\n    /a  b").expect("right");
        let places: Vec<_> = directives[0].args.iter().map(|word| (word.place.line, word.place.column)).collect();
        let name = &directives[0].name.place;
        assert_eq!(((name.line, name.column), places), ((2, 3), vec![(3, 5), (3, 9)]));
    }

    #[test]
    fn depth_has_a_limit() {
        assert!(parsed(&"<A>\n".repeat(DEEPEST + 1)).is_err_and(|error| error.to_string().starts_with("a.conf:33:1")));
    }

    #[test]
    fn secrets_are_not_shown() {
        for (text, expected) in [
            ("RequestHeader set Authorization \"Bearer x\"", "RequestHeader set Authorization …"),
            ("RequestHeader set X-Hook-Secret x \"expr=%{HTTPS}\"", "RequestHeader set X-Hook-Secret … …"),
            ("ServerTokens Prod", "ServerTokens Prod"),
            ("ProxyPass /token/ http://127.0.0.1:1/token/", "ProxyPass /token/ http://127.0.0.1:1/token/"),
        ] {
            let directives = parse(text, &"a".into()).expect("right");
            assert_eq!(directives[0].shown(), expected);
        }
    }
}
