//! [`ApacheExpander`]: the configuration as Apache has it in the end, with what it includes, without the sections that
//! ask whether something is there, and with the values of variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::macros::Macro;
use super::syntax::{ApacheDirective, parse};
use super::variables::Variables;
use crate::import::bounds::Bounds;
use crate::import::node::ImportNode;
use crate::import::{Files, ImportError, ImportReport, Original};

/// Reads on from the first file.
pub(super) struct ApacheExpander<'a, 'b> {
    files: &'a mut Files<'b>,
    report: &'a mut ImportReport,
    original: &'a Original,
    /// Where relative paths begin, once `ServerRoot` has said so.
    root: Option<PathBuf>,
    variables: Variables,
    macros: BTreeMap<String, Macro>,
    bounds: Bounds,
}

impl<'a, 'b> ApacheExpander<'a, 'b> {
    pub(super) fn new(original: &'a Original, files: &'a mut Files<'b>, report: &'a mut ImportReport) -> Self {
        Self {
            files,
            report,
            original,
            root: None,
            variables: Variables::default(),
            macros: BTreeMap::new(),
            bounds: Bounds::of("directives"),
        }
    }

    /// All directives, in the order in which Apache sees them, and the folder where relative paths begin.
    pub(super) fn all(mut self) -> Result<(Vec<ImportNode>, PathBuf), ImportError> {
        let directives = parse(&self.original.text, &self.original.name.as_str().into())?;
        let mut nodes = Vec::new();
        self.expand(&directives, &mut nodes)?;
        let root = self.root.unwrap_or_else(|| self.original.folder.clone());
        Ok((nodes, root))
    }

    fn expand(&mut self, directives: &[ApacheDirective], out: &mut Vec<ImportNode>) -> Result<(), ImportError> {
        for directive in directives {
            self.bounds.count(&directive.name.place)?;
            let shown = directive.shown();
            let place = directive.name.place.clone();
            let mut args = Vec::with_capacity(directive.args.len());
            for word in &directive.args {
                args.push(self.variables.replaced(word, &shown, self.report, &mut self.bounds)?);
            }
            let node = ImportNode { name: directive.name.text.to_lowercase(), args, place, shown, body: None };
            match (node.name.as_str(), &directive.body) {
                ("define", None) => self.define(&node),
                ("undefine", None) => {
                    self.variables.undefine(node.arg(0));
                    self.report.kept(&node.place, &node.shown, "its value is used no more from here on");
                }
                ("include" | "includeoptional", None) => self.include(&node, out)?,
                ("serverroot", None) => {
                    self.root = Some(self.original.folder.join(node.arg(0)));
                    self.report.kept(&node.place, &node.shown, "relative paths in this config begin there");
                    out.push(node);
                }
                ("ifmodule", Some(body)) => {
                    let why = "frontgate has no modules: what stands in it is taken as if the module were loaded";
                    self.only_if(!node.arg(0).starts_with('!'), &node, why, body, out)?;
                }
                ("ifdirective" | "ifsection", Some(body)) => {
                    let why = "taken for a current Apache with all modules";
                    self.only_if(!node.arg(0).starts_with('!'), &node, why, body, out)?;
                }
                ("ifversion", Some(body)) => {
                    self.only_if(is_version(&node.args), &node, "taken for Apache 2.4", body, out)?;
                }
                ("ifdefine", Some(body)) => {
                    let name = node.arg(0).trim_start_matches('!');
                    let holds = self.variables.is_defined(name) != node.arg(0).starts_with('!');
                    let why =
                        format!("as `Define` has it; if Apache is started with -D {name}, write `Define {name}` first");
                    self.only_if(holds, &node, &why, body, out)?;
                }
                ("iffile", Some(body)) => {
                    let path = self.original.folder.join(node.arg(0).trim_start_matches('!'));
                    let holds = self.files.text(&path).is_ok() != node.arg(0).starts_with('!');
                    self.only_if(holds, &node, "as it is on this machine", body, out)?;
                }
                ("macro", Some(body)) => {
                    let parameters = node.args.get(1..).unwrap_or_default().to_vec();
                    let body = body.clone();
                    self.macros.insert(node.arg(0).to_lowercase(), Macro { parameters, body });
                    self.report.kept(&node.place, &node.shown, "in each place that uses it");
                }
                ("undefmacro", None) => {
                    self.macros.remove(&node.arg(0).to_lowercase());
                    self.report.kept(&node.place, &node.shown, "not used from here on");
                }
                ("use", None) => self.use_macro(&node, out)?,
                (_, Some(body)) => {
                    let mut inner = Vec::new();
                    self.expand(body, &mut inner)?;
                    out.push(ImportNode { body: Some(inner), ..node });
                }
                (_, None) => out.push(node),
            }
        }
        Ok(())
    }

    fn define(&mut self, node: &ImportNode) {
        self.variables.define(node.arg(0), node.arg(1));
        let what = if node.args.len() > 1 { "its value, wherever it is used" } else { "the answer to <IfDefine>" };
        self.report.kept(&node.place, &node.shown, what);
    }

    /// What stands in a section with a condition: it is there as if the section were not, or not at all.
    fn only_if(
        &mut self,
        holds: bool,
        node: &ImportNode,
        why: &str,
        body: &[ApacheDirective],
        out: &mut Vec<ImportNode>,
    ) -> Result<(), ImportError> {
        self.report.not_needed(&node.place, &node.shown, why);
        if holds {
            return self.expand(body, out);
        }
        self.skip(body, node)
    }

    fn skip(&mut self, body: &[ApacheDirective], section: &ImportNode) -> Result<(), ImportError> {
        for directive in body {
            self.bounds.count(&directive.name.place)?;
            let why = format!("{} does not hold", section.shown);
            self.report.not_needed(&directive.name.place, &directive.shown(), why);
            self.skip(directive.body.as_deref().unwrap_or_default(), section)?;
        }
        Ok(())
    }

    fn include(&mut self, node: &ImportNode, out: &mut Vec<ImportNode>) -> Result<(), ImportError> {
        let pattern = node.arg(0).trim_end_matches('/').to_owned();
        let found = self.found(&pattern)?;
        if found.is_empty() {
            if pattern.ends_with("options-ssl-apache.conf") {
                self.report.not_needed(
                    &node.place,
                    &node.shown,
                    "certbot's settings for TLS: frontgate's are as strict",
                );
            } else if node.name == "includeoptional" {
                self.report.not_needed(&node.place, &node.shown, "there is no such file");
            } else {
                // It may have been a guard: what it stands in is shut.
                out.push(node.clone());
            }
            return Ok(());
        }
        self.bounds.enter(&node.place, "included", "does a file include itself?")?;
        let what = if found.len() == 1 {
            "what the file says".to_owned()
        } else {
            format!("what the {} files say", found.len())
        };
        self.report.kept(&node.place, &node.shown, what);
        for (path, text) in found {
            let directives = parse(&text, &self.original.name_of(&path))?;
            self.expand(&directives, out)?;
        }
        self.bounds.leave();
        Ok(())
    }

    /// The files of a pattern, a name or a folder. Without a `ServerRoot` they are looked for where the first file is,
    /// and in the folders around it: a file of `sites-available` names others as they are seen from above.
    fn found(&mut self, pattern: &str) -> Result<Vec<(PathBuf, String)>, ImportError> {
        let folder = self.root.clone().unwrap_or_else(|| self.original.folder.clone());
        let around = if self.root.is_some() { 1 } else { AROUND };
        for base in folder.ancestors().take(around) {
            let whole = base.join(pattern);
            let Some(whole) = whole.to_str() else { continue };
            let mut found = self.files.texts(whole)?;
            if found.is_empty() {
                // A folder stands for all that is in it.
                found = self.files.texts(&format!("{whole}/*"))?;
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    fn use_macro(&mut self, node: &ImportNode, out: &mut Vec<ImportNode>) -> Result<(), ImportError> {
        let Some(found) = self.macros.get(&node.arg(0).to_lowercase()).cloned() else {
            out.push(node.clone());
            return Ok(());
        };
        self.bounds.enter(&node.place, "macros used", "does one use itself?")?;
        self.report.kept(&node.place, &node.shown, "what the macro says");
        let body = found.filled(node.args.get(1..).unwrap_or_default(), &mut self.bounds)?;
        self.expand(&body, out)?;
        self.bounds.leave();
        Ok(())
    }
}

/// How many folders above a file those are looked for that it includes.
const AROUND: usize = 3;

/// Whether Apache 2.4 is meant: `<IfVersion >= 2.4>`.
fn is_version(args: &[String]) -> bool {
    let (operator, version) = match args {
        [operator, version, ..] => (operator.as_str(), version.as_str()),
        [version] => ("=", version.as_str()),
        [] => return true,
    };
    let asked: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    let ours = [2, 4, 62];
    let order = ours[..asked.len().min(3)].cmp(&asked);
    match operator.trim_start_matches('!') {
        ">=" => order.is_ge(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        "<" => order.is_lt(),
        _ => order.is_eq(),
    }
}

#[cfg(test)]
mod tests;
