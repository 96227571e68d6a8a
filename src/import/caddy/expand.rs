//! [`CaddyExpander`]: a Caddyfile as Caddy has it in the end, with what it imports and the defaults of variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::syntax::{CaddyLine, CaddyToken, parse};
use crate::import::bounds::Bounds;
use crate::import::fields::hides_the_rest;
use crate::import::node::ImportNode;
use crate::import::{Files, ImportError, ImportReport, Original};

/// Reads on from the first file.
pub(super) struct CaddyExpander<'a, 'b> {
    files: &'a mut Files<'b>,
    report: &'a mut ImportReport,
    original: &'a Original,
    snippets: BTreeMap<String, Vec<CaddyLine>>,
    unknown: BTreeSet<String>,
    bounds: Bounds,
}

/// What an `import` gives to what it imports.
#[derive(Debug, Clone, Default)]
struct Given {
    args: Vec<String>,
    block: Vec<CaddyLine>,
}

impl<'a, 'b> CaddyExpander<'a, 'b> {
    pub(super) fn new(original: &'a Original, files: &'a mut Files<'b>, report: &'a mut ImportReport) -> Self {
        Self {
            files,
            report,
            original,
            snippets: BTreeMap::new(),
            unknown: BTreeSet::new(),
            bounds: Bounds::of("lines"),
        }
    }

    /// The global options, without a name, and the sites, each with its addresses as words.
    pub(super) fn all(mut self) -> Result<Vec<ImportNode>, ImportError> {
        let lines = parse(&self.original.text, &self.original.name.as_str().into())?;
        let mut nodes = Vec::new();
        self.top(&lines, &self.original.folder.clone(), &mut nodes)?;
        Ok(nodes)
    }

    fn top(&mut self, lines: &[CaddyLine], folder: &Path, out: &mut Vec<ImportNode>) -> Result<(), ImportError> {
        // Without braces, the first line has the addresses and all others are the site's.
        let is_bare =
            |line: &&CaddyLine| line.block.is_none() && line.tokens.first().is_some_and(|first| first.text != "import");
        let sites = lines.iter().filter(|line| !line.tokens.is_empty() && !is_snippet(line)).collect::<Vec<_>>();
        if let Some((first, rest)) = sites.split_first()
            && is_bare(first)
        {
            for line in lines.iter().filter(|line| is_snippet(line)) {
                self.snippet(line)?;
            }
            for line in lines.iter().filter(|line| line.tokens.is_empty()) {
                self.one(line, folder, &Given::default(), out)?;
            }
            let mut site = self.node(first, &Given::default())?;
            let mut inner = Vec::new();
            for line in rest {
                self.one(line, folder, &Given::default(), &mut inner)?;
            }
            site.body = Some(inner);
            out.push(site);
            return Ok(());
        }
        for line in lines {
            if is_snippet(line) {
                self.snippet(line)?;
            } else if line.tokens.first().is_some_and(|first| first.text == "import") {
                self.bounds.count(&line.place)?;
                let node = self.node(line, &Given::default())?;
                self.enter(&node)?;
                if let Some(body) = self.snippets.get(node.arg(0)).cloned() {
                    self.report.kept(&node.place, &node.shown, "what the snippet says");
                    self.top(&body, folder, out)?;
                } else {
                    for (path, text) in self.imported(&node, folder)? {
                        let lines = parse(&text, &self.original.name_of(&path))?;
                        let folder = path.parent().unwrap_or(folder).to_owned();
                        self.top(&lines, &folder, out)?;
                    }
                }
                self.bounds.leave();
            } else {
                self.one(line, folder, &Given::default(), out)?;
            }
        }
        Ok(())
    }

    fn snippet(&mut self, line: &CaddyLine) -> Result<(), ImportError> {
        self.bounds.count(&line.place)?;
        let name = line.tokens[0].text.trim_matches(['(', ')']).to_owned();
        self.report.kept(&line.place, &format!("({name})"), "in each place that imports it");
        self.snippets.insert(name, line.block.clone().unwrap_or_default());
        Ok(())
    }

    /// Expands a line with its block, or what the line imports.
    fn one(
        &mut self,
        line: &CaddyLine,
        folder: &Path,
        given: &Given,
        out: &mut Vec<ImportNode>,
    ) -> Result<(), ImportError> {
        self.bounds.count(&line.place)?;
        let mut node = self.node(line, given)?;
        if node.name == "{block}" && line.tokens.len() == 1 {
            let block = given.block.clone();
            self.report.kept(&node.place, &node.shown, "the block of each import");
            return block.iter().try_for_each(|line| self.one(line, folder, &Given::default(), out));
        }
        if node.name == "import" {
            return self.import(&node, line, folder, out);
        }
        if let Some(block) = &line.block {
            let mut inner = Vec::new();
            for line in block {
                self.one(line, folder, given, &mut inner)?;
            }
            node.body = Some(inner);
        }
        out.push(node);
        Ok(())
    }

    fn import(
        &mut self,
        node: &ImportNode,
        line: &CaddyLine,
        folder: &Path,
        out: &mut Vec<ImportNode>,
    ) -> Result<(), ImportError> {
        self.enter(node)?;
        let args = node.args.get(1..).unwrap_or_default().to_vec();
        let given = Given { args, block: line.block.clone().unwrap_or_default() };
        if let Some(body) = self.snippets.get(node.arg(0)).cloned() {
            self.report.kept(&node.place, &node.shown, "what the snippet says");
            body.iter().try_for_each(|line| self.one(line, folder, &given, out))?;
        } else {
            for (path, text) in self.imported(node, folder)? {
                let lines = parse(&text, &self.original.name_of(&path))?;
                let folder = path.parent().unwrap_or(folder).to_owned();
                lines.iter().try_for_each(|line| self.one(line, &folder, &given, out))?;
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
    fn imported(&mut self, node: &ImportNode, folder: &Path) -> Result<Vec<(PathBuf, String)>, ImportError> {
        let pattern = folder.join(node.arg(0));
        let found = pattern.to_str().map_or_else(|| Ok(Vec::new()), |pattern| self.files.texts(pattern))?;
        match found.len() {
            0 if node.arg(0).contains(['*', '?']) => {
                self.report.not_needed(&node.place, &node.shown, "there is no such file");
            }
            0 => {
                let remedy =
                    "there is no such snippet or file, or it cannot be read: import the config again where it can";
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
            if token.text == "{args[:]}" && !token.quoted {
                for value in &given.args {
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
