//! [`Node`]: a YAML document as it was written, every scalar still text, every piece with its place.
//!
//! The tree is built from parser events and not through serde: a scalar then keeps its exact text (`1.10`, `off`, `0x10`
//! mean what the setting says they mean, not what YAML guesses), a key has a place of its own, and one mistake does not
//! end the reading.

use granit_parser::{Event, Parser, Span, StrInput};

use super::problem::{Fault, Place, Problem};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text, quoted or not.
    Scalar(String),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`
    Map(Vec<Entry>),
}

/// One key of a mapping, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// No setting lies deeper than this; YAML nested for its own sake ends here.
const DEEPEST: usize = 16;

/// No section has anywhere near as many keys; it bounds the search for duplicates and near names.
const MOST_KEYS: usize = 256;

/// Reads one YAML document. Mistakes that leave the rest readable go to `problems`; a syntax error is returned.
pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Result<Node, Problem> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut builder = Builder { events: Parser::new_from_str_with_options(text, options), problems };
    let mut root = None;
    while let Some((event, span)) = builder.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if root.is_some() => {
                let fault =
                    Fault::new("a second YAML document").hint("one file holds one configuration: remove the `---`");
                return Err(Problem::new(&place(&span), "", fault));
            }
            event => root = Some(builder.node(event, &span, "")?),
        }
    }
    Ok(root.unwrap_or_else(Node::empty))
}

struct Builder<'a> {
    events: Parser<'a, StrInput<'a>>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(error)) => {
                let at = error.marker();
                let place = Place::File { line: at.line(), column: at.col() + 1 };
                Err(Problem::new(&place, "", Fault::new(format!("not YAML: {}", error.info()))))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span, path: &str) -> Result<Node, Problem> {
        let place = place(span);
        let tagged = matches!(
            event,
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, _, Some(_)) | Event::MappingStart(_, _, Some(_))
        );
        if tagged {
            self.problems.push(Problem::new(&place, path, Fault::new("YAML tags (`!…`) mean nothing here")));
        }
        let value = match event {
            Event::Scalar(text, granit_parser::ScalarStyle::Plain, ..) if is_null(&text) => Value::Null,
            Event::Scalar(text, ..) => Value::Scalar(text.into_owned()),
            Event::SequenceStart(..) => self.list(path)?,
            Event::MappingStart(..) => self.map(path)?,
            _ => {
                let fault = Fault::new("YAML anchors and aliases are not supported").hint("write the value out");
                self.problems.push(Problem::new(&place, path, fault));
                Value::Null
            }
        };
        Ok(Node { value, place })
    }

    fn list(&mut self, path: &str) -> Result<Value, Problem> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, &span, &format!("{path}[{}]", items.len()))?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, path: &str) -> Result<Value, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let at = place(&span);
            if entries.len() == MOST_KEYS {
                return Err(Problem::new(&at, path, Fault::new(format!("more than {MOST_KEYS} keys"))));
            }
            let (key, odd) = match event {
                Event::Scalar(text, ..) => (text.into_owned(), false),
                other => {
                    self.node(other, &span, path)?;
                    (String::new(), true)
                }
            };
            let inner = join(path, &key);
            let Some((event, span)) = self.next()? else { break };
            let node = self.node(event, &span, &inner)?;
            let first = entries.iter().find(|entry| entry.key == key);
            if odd {
                self.problems.push(Problem::new(&at, path, Fault::new("a key must be a plain word")));
            } else if let Some(Entry { place: Place::File { line, .. }, .. }) = first {
                let fault = Fault::new("given twice").hint(format!("it is already set on line {line}"));
                self.problems.push(Problem::new(&at, inner, fault));
            } else {
                entries.push(Entry { key, place: at, node });
            }
        }
        Ok(Value::Map(entries))
    }
}

impl Node {
    /// A document that says nothing.
    pub(super) fn empty() -> Self {
        Self { value: Value::Null, place: Place::Whole }
    }

    /// Sets what lies at `path`, in place of what the file says there.
    pub(super) fn put(&mut self, path: &[&str], node: Self) {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { return };
        let index = entries.iter().position(|entry| entry.key == *first).unwrap_or_else(|| {
            let (key, place) = ((*first).to_owned(), node.place.clone());
            entries.push(Entry { key, place: place.clone(), node: Self { value: Value::Null, place } });
            entries.len() - 1
        });
        entries[index].node.put(rest, node);
    }

    /// What lies at `path`, written as in [`Problem::path`].
    pub(super) fn find(&self, path: &str) -> Option<&Self> {
        path.split(['.', '[']).try_fold(self, |node, step| match &node.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == step).map(|entry| &entry.node),
            Value::List(items) => items.get(step.trim_end_matches(']').parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// `outer.key`, or `key` at the top.
pub(super) fn join(outer: &str, key: &str) -> String {
    if outer.is_empty() { key.to_owned() } else { format!("{outer}.{key}") }
}

/// The spellings of YAML 1.2's core schema (§10.3.2).
fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The parser counts columns from 0.
fn place(span: &Span) -> Place {
    Place::File { line: span.start.line(), column: span.start.col() + 1 }
}
