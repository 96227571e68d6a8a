//! [`CaddyExpander`]: a Caddyfile as Caddy has it in the end, with what it imports and the defaults of variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::syntax::{CaddyLine, CaddyToken, parse};
use crate::import::bounds::Bounds;
use crate::import::fields::hides_the_rest;
use crate::import::node::ImportNode;
use crate::import::{Files, ImportError, ImportPlace, ImportReport, Original};

/// Reads on from the first file.
pub(super) struct CaddyExpander<'a, 'b> {
    files: &'a mut Files<'b>,
    report: &'a mut ImportReport,
    original: &'a Original,
    /// The snippets, each with the folder of its file.
    snippets: BTreeMap<String, (PathBuf, Vec<CaddyLine>)>,
    unknown: BTreeSet<String>,
    bounds: Bounds,
    /// All lines of all files, each with how the report shows it.
    lines: Vec<(ImportPlace, String)>,
}

/// A Caddyfile with what it imports.
pub(super) struct Expanded {
    /// The global options, without a name, and the sites, each with its addresses as words.
    pub(super) nodes: Vec<ImportNode>,
    /// All lines, those that no site has as well.
    pub(super) lines: Vec<(ImportPlace, String)>,
}

/// What an `import` gives to what it imports.
#[derive(Debug, Clone, Default)]
struct Given {
    args: Vec<String>,
    block: Vec<CaddyLine>,
    /// The folder of the file in which the block stands.
    folder: PathBuf,
    /// What was given to the line with the `import`, whose block may have words for it.
    outer: Option<Rc<Given>>,
}

impl Given {
    /// The lines that stand for `{block}`, or for `{blocks.NAME}`.
    fn named(&self, word: &str) -> Option<&[CaddyLine]> {
        self.outer.as_ref()?;
        if word == BLOCK {
            return Some(&self.block);
        }
        let name = word.strip_prefix("{blocks.")?.strip_suffix('}')?;
        let found = self.block.iter().find(|line| line.tokens.first().is_some_and(|first| first.text == name));
        Some(found.and_then(|line| line.block.as_deref()).unwrap_or_default())
    }

    /// The arguments that stand for `{args[1:3]}`.
    fn several(&self, word: &str) -> Option<&[String]> {
        let (from, to) = word.strip_prefix("{args[")?.strip_suffix("]}")?.split_once(':')?;
        let index = |text: &str, usual: usize| if text.is_empty() { Some(usual) } else { text.parse().ok() };
        self.args.get(index(from, 0)?..index(to, self.args.len())?)
    }
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Outside of all blocks.
    File,
    /// In a block.
    Block,
}

/// The word for the block of an `import`.
const BLOCK: &str = "{block}";

impl<'a, 'b> CaddyExpander<'a, 'b> {
    pub(super) fn new(original: &'a Original, files: &'a mut Files<'b>, report: &'a mut ImportReport) -> Self {
        Self {
            files,
            report,
            original,
            snippets: BTreeMap::new(),
            unknown: BTreeSet::new(),
            bounds: Bounds::of("lines"),
            lines: Vec::new(),
        }
    }

    /// Reads all files.
    pub(super) fn all(mut self) -> Result<Expanded, ImportError> {
        let lines = self.parsed(&self.original.text, &self.original.name.as_str().into())?;
        let mut nodes = Vec::new();
        let folder = self.original.folder.clone();
        self.top(&lines, &folder, &Given::default(), &mut nodes)?;
        Ok(Expanded { nodes, lines: self.lines })
    }

    /// The lines of a file.
    fn parsed(&mut self, text: &str, file: &Arc<str>) -> Result<Vec<CaddyLine>, ImportError> {
        let lines = parse(text, file)?;
        let mut open: Vec<&CaddyLine> = lines.iter().collect();
        while let Some(line) = open.pop() {
            self.lines.push((line.place.clone(), shown(&line.tokens)));
            open.extend(line.block.iter().flatten());
        }
        Ok(lines)
    }

    /// The lines of a file, or of a snippet that is imported outside of sites.
    fn top(
        &mut self,
        lines: &[CaddyLine],
        folder: &Path,
        given: &Given,
        out: &mut Vec<ImportNode>,
    ) -> Result<(), ImportError> {
        // Without braces, the first line has the addresses and all others are the site's.
        let is_bare = |line: &&CaddyLine| {
            line.block.is_none() && line.tokens.first().is_some_and(|first| !["import", BLOCK].contains(&&*first.text))
        };
        let sites: Vec<&CaddyLine> = lines.iter().filter(|line| !line.tokens.is_empty() && !is_snippet(line)).collect();
        if let Some((first, rest)) = sites.split_first()
            && is_bare(first)
        {
            for line in lines.iter().filter(|line| is_snippet(line) || line.tokens.is_empty()) {
                self.one(line, folder, given, Level::File, out)?;
            }
            let mut site = self.node(first, given)?;
            let mut inner = Vec::new();
            for line in rest {
                self.one(line, folder, given, Level::Block, &mut inner)?;
            }
            site.body = Some(inner);
            out.push(site);
            return Ok(());
        }
        lines.iter().try_for_each(|line| self.one(line, folder, given, Level::File, out))
    }

    fn snippet(&mut self, line: &CaddyLine, folder: &Path) {
        let name = line.tokens[0].text.trim_matches(['(', ')']).to_owned();
        self.report.kept(&line.place, &format!("({name})"), "in each place that imports it");
        self.snippets.insert(name, (folder.to_owned(), line.block.clone().unwrap_or_default()));
    }

    /// Expands a line with its block, or what the line imports.
    fn one(
        &mut self,
        line: &CaddyLine,
        folder: &Path,
        given: &Given,
        level: Level,
        out: &mut Vec<ImportNode>,
    ) -> Result<(), ImportError> {
        self.bounds.count(&line.place)?;
        if level == Level::File && is_snippet(line) {
            self.snippet(line, folder);
            return Ok(());
        }
        let mut node = self.node(line, given)?;
        if line.tokens.len() == 1
            && let Some(block) = given.named(&node.name)
        {
            self.report.kept(&node.place, &node.shown, "the block of each import");
            let (block, outer) = (block.to_vec(), given.outer.clone().unwrap_or_default());
            return block.iter().try_for_each(|line| self.one(line, &given.folder, &outer, level, out));
        }
        if node.name == "import" {
            return self.import(node, line, folder, given, level, out);
        }
        if let Some(block) = &line.block {
            let mut inner = Vec::new();
            for line in block {
                self.one(line, folder, given, Level::Block, &mut inner)?;
            }
            node.body = Some(inner);
        }
        out.push(node);
        Ok(())
    }

    fn import(
        &mut self,
        node: ImportNode,
        line: &CaddyLine,
        folder: &Path,
        given: &Given,
        level: Level,
        out: &mut Vec<ImportNode>,
    ) -> Result<(), ImportError> {
        self.enter(&node)?;
        let given = Given {
            args: node.args.get(1..).unwrap_or_default().to_vec(),
            block: line.block.clone().unwrap_or_default(),
            folder: folder.to_owned(),
            outer: Some(Rc::new(given.clone())),
        };
        let mut texts = Vec::new();
        if let Some((folder, lines)) = self.snippets.get(node.arg(0)).cloned() {
            self.report.kept(&node.place, &node.shown, "what the snippet says");
            texts.push((folder, lines));
        } else {
            for (path, text) in self.imported(&node, folder, level)? {
                let lines = self.parsed(&text, &self.original.name_of(&path))?;
                texts.push((path.parent().unwrap_or(folder).to_owned(), lines));
            }
        }
        if texts.is_empty() && level == Level::Block {
            // What is missing may keep clients out: the walk shuts what stands behind it.
            out.push(node);
        }
        for (folder, lines) in texts {
            match level {
                Level::File => self.top(&lines, &folder, &given, out)?,
                Level::Block => lines.iter().try_for_each(|line| self.one(line, &folder, &given, level, out))?,
            }
        }
        self.bounds.leave();
        Ok(())
    }

    /// Goes one level deeper, into what an `import` names.
    fn enter(&mut self, node: &ImportNode) -> Result<(), ImportError> {
        self.bounds.enter(&node.place, "imported", "does something import itself?")
    }

    /// The files that an `import` names.
    fn imported(
        &mut self,
        node: &ImportNode,
        folder: &Path,
        level: Level,
    ) -> Result<Vec<(PathBuf, String)>, ImportError> {
        let pattern = folder.join(node.arg(0));
        let mut found = pattern.to_str().map_or_else(|| Ok(Vec::new()), |pattern| self.files.texts(pattern))?;
        if node.arg(0).rsplit('/').next().is_some_and(|last| last.starts_with('*')) {
            found.retain(|(path, _)| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
        }
        match found.len() {
            0 if level == Level::Block => {}
            0 => {
                let remedy = "no such snippet or file can be read here, and no site of it is served: import the config where it can be read";
                self.report.dropped(&node.place, &node.shown, remedy);
            }
            1 => self.report.kept(&node.place, &node.shown, "what the file says"),
            count => self.report.kept(&node.place, &node.shown, format!("what the {count} files say")),
        }
        Ok(found)
    }

    fn node(&mut self, line: &CaddyLine, given: &Given) -> Result<ImportNode, ImportError> {
        let shown = shown(&line.tokens);
        let mut words: Vec<String> = Vec::new();
        for token in &line.tokens {
            if let Some(values) = given.several(&token.text) {
                for value in values {
                    self.bounds.fill(&token.place, value, 1)?;
                    words.push(value.clone());
                }
            } else {
                words.extend(self.values(token, given, &shown)?);
            }
        }
        let mut words = words.into_iter();
        let name = words.next().unwrap_or_default();
        let shown = if line.tokens.is_empty() { "{".to_owned() } else { shown };
        Ok(ImportNode { name, args: words.collect(), place: line.place.clone(), shown, body: None })
    }

    /// A token with the arguments of the import and the defaults of variables; several where an unquoted one has
    /// spaces.
    fn values(&mut self, token: &CaddyToken, given: &Given, line: &str) -> Result<Vec<String>, ImportError> {
        let mut text = token.text.clone();
        for (index, value) in given.args.iter().enumerate() {
            for name in [format!("{{args[{index}]}}"), format!("{{args.{index}}}")] {
                text = self.bounds.filled(&token.place, &text, &name, value)?;
            }
        }
        if !text.contains("{$") {
            return Ok(vec![text]);
        }
        let (mut out, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once("{$") {
            out.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                out.push_str("{$");
                rest = after;
                continue;
            };
            rest = behind;
            if let Some((_, default)) = name.split_once(':') {
                out.push_str(default);
                continue;
            }
            out.extend(["{$", name, "}"]);
            if self.unknown.insert(name.to_owned()) {
                let remedy = format!(
                    "{{${name}}} is a variable of Caddy's environment and not known here: write {{${name}:VALUE}} and import again"
                );
                self.report.dropped(&token.place, line, remedy);
            }
        }
        out.push_str(rest);
        Ok(if token.quoted { vec![out] } else { out.split_whitespace().map(str::to_owned).collect() })
    }
}

fn is_snippet(line: &CaddyLine) -> bool {
    let name = line.tokens.first().map_or("", |first| first.text.as_str());
    line.tokens.len() == 1 && line.block.is_some() && name.starts_with('(') && name.ends_with(')')
}

/// The line as the report shows it, without passwords and tokens.
fn shown(tokens: &[CaddyToken]) -> String {
    let mut words = Vec::new();
    let mut secret = false;
    for token in tokens {
        let text = if secret || ["$2", "$argon2", "JDJ"].iter().any(|hash| token.text.starts_with(hash)) {
            "…"
        } else {
            &token.text
        };
        secret |= hides_the_rest(token.text.trim_start_matches(['+', '-', '?', '>'])) && !words.is_empty();
        let quote = text.is_empty() || text.contains(char::is_whitespace);
        words.push(if quote { format!("\"{text}\"") } else { text.to_owned() });
    }
    words.join(" ")
}

#[cfg(test)]
mod tests;
