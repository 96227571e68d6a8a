//! [`Expander`]: the configuration as Apache has it in the end, with what it includes, without the sections that ask whether
//! something is there, and with the values of variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::macros::Macro;
use super::syntax::{Directive, parse};
use super::variables::Variables;
use crate::import::bounds::Bounds;
use crate::import::node::Node;
use crate::import::{Files, ImportError, Original, Report};

/// Reads on from the first file.
pub(super) struct Expander<'a, 'b> {
    files: &'a mut Files<'b>,
    report: &'a mut Report,
    original: &'a Original,
    /// Where relative paths begin, once `ServerRoot` has said so.
    root: Option<PathBuf>,
    variables: Variables,
    macros: BTreeMap<String, Macro>,
    bounds: Bounds,
}

impl<'a, 'b> Expander<'a, 'b> {
    pub(super) fn new(original: &'a Original, files: &'a mut Files<'b>, report: &'a mut Report) -> Self {
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
    pub(super) fn all(mut self) -> Result<(Vec<Node>, PathBuf), ImportError> {
        let directives = parse(&self.original.text, &self.original.name.as_str().into())?;
        let mut nodes = Vec::new();
        self.expand(&directives, &mut nodes)?;
        let root = self.root.unwrap_or_else(|| self.original.folder.clone());
        Ok((nodes, root))
    }

    fn expand(&mut self, directives: &[Directive], out: &mut Vec<Node>) -> Result<(), ImportError> {
        for directive in directives {
            self.bounds.count(&directive.name.place)?;
            let shown = directive.shown();
            let place = directive.name.place.clone();
            let mut args = Vec::with_capacity(directive.args.len());
            for word in &directive.args {
                args.push(self.variables.replaced(word, &shown, self.report, &mut self.bounds)?);
            }
            let node = Node { name: directive.name.text.to_lowercase(), args, place, shown, body: None };
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
                    out.push(Node { body: Some(inner), ..node });
                }
                (_, None) => out.push(node),
            }
        }
        Ok(())
    }

    fn define(&mut self, node: &Node) {
        self.variables.define(node.arg(0), node.arg(1));
        let what = if node.args.len() > 1 { "its value, wherever it is used" } else { "the answer to <IfDefine>" };
        self.report.kept(&node.place, &node.shown, what);
    }

    /// What stands in a section that asks for something: it is there as if the section were not, or not at all.
    fn only_if(
        &mut self,
        holds: bool,
        node: &Node,
        why: &str,
        body: &[Directive],
        out: &mut Vec<Node>,
    ) -> Result<(), ImportError> {
        self.report.not_needed(&node.place, &node.shown, why);
        if holds {
            return self.expand(body, out);
        }
        self.skip(body, node)
    }

    fn skip(&mut self, body: &[Directive], section: &Node) -> Result<(), ImportError> {
        for directive in body {
            self.bounds.count(&directive.name.place)?;
            let why = format!("{} does not hold", section.shown);
            self.report.not_needed(&directive.name.place, &directive.shown(), why);
            self.skip(directive.body.as_deref().unwrap_or_default(), section)?;
        }
        Ok(())
    }

    fn include(&mut self, node: &Node, out: &mut Vec<Node>) -> Result<(), ImportError> {
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
                let remedy = "there is no such file, or it cannot be read: import the config again where it can";
                self.report.dropped(&node.place, &node.shown, remedy);
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

    /// The files of a pattern, a name or a folder. Without a `ServerRoot` they are looked for where the first file is, and in
    /// the folders around it: a file of `sites-available` names others as they are seen from above.
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

    fn use_macro(&mut self, node: &Node, out: &mut Vec<Node>) -> Result<(), ImportError> {
        let Some(found) = self.macros.get(&node.arg(0).to_lowercase()).cloned() else {
            let remedy = "there is no such macro here: import the config again with the file that has it";
            self.report.dropped(&node.place, &node.shown, remedy);
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
mod tests {
    use super::*;
    use crate::import::reader::Memory;

    /// The nodes on one line, and what the report says.
    fn expanded(text: &str, memory: &Memory) -> (String, Vec<String>) {
        let original = Original { name: "a.conf".into(), folder: "/etc/apache2/sites".into(), text: text.to_owned() };
        let mut report = Report::default();
        let nodes = Expander::new(&original, &mut Files::new(memory), &mut report).all();
        let shape = match nodes {
            Ok((nodes, _)) => shape(&nodes),
            Err(error) => error.to_string(),
        };
        (shape, report.notes().iter().map(|note| format!("{} {}", note.place, note.directive)).collect())
    }

    fn shape(nodes: &[Node]) -> String {
        let one = |node: &Node| {
            let body = node.body.as_ref().map(|body| format!("{{{}}}", shape(body))).unwrap_or_default();
            format!("{}({}){body}", node.name, node.args.join(","))
        };
        nodes.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn conditions_variables_and_macros_are_resolved() {
        let cases = [
            ("Define A b\nListen ${A}:${C} ${APACHE_LOG_DIR}", "listen(b:${C},${APACHE_LOG_DIR})"),
            ("<IfModule ssl>\nA\n</IfModule>\n<IfModule !ssl>\nB\n</IfModule>", "a()"),
            (
                "Define X\n<IfDefine X>\nA\n</IfDefine>\n<IfDefine !X>\nB\n</IfDefine>\n<IfDefine Y>\nC\n</IfDefine>",
                "a()",
            ),
            ("<IfVersion >= 2.4>\nA\n</IfVersion>\n<IfVersion < 2.4>\nB\n</IfVersion>", "a()"),
            ("<Macro M $h $host>\nA $host $h\n<B>\n</B>\n</Macro>\nUse M 1 2\nUse N", "a(2,1) b(){}"),
            ("<VirtualHost *:80>\nA\n</VirtualHost>", "virtualhost(*:80){a()}"),
        ];
        for (text, expected) in cases {
            assert_eq!(expanded(text, &Memory::default()).0, expected, "{text}");
        }
    }

    #[test]
    fn files_are_included_where_they_are_named_and_looked_for_around_the_first() {
        let memory = Memory::of([
            ("/etc/apache2/conf/b.conf", "B\nInclude sites/c.conf"),
            ("/etc/apache2/conf/a.conf", "A"),
            ("/etc/apache2/sites/c.conf", "C"),
        ]);
        let text = "Include conf/*.conf\nIncludeOptional none/*.conf\nInclude gone.conf\nInclude conf";
        let (shape, notes) = expanded(text, &memory);
        assert_eq!(shape, "a() b() c() a() b() c()");
        assert!(notes.contains(&"/etc/apache2/conf/b.conf:2 Include sites/c.conf".to_owned()), "{notes:?}");
        assert!(notes.contains(&"a.conf:3 Include gone.conf".to_owned()), "{notes:?}");
    }

    #[test]
    fn what_never_ends_is_refused() {
        let memory = Memory::of([("/etc/apache2/sites/a.conf", "Include a.conf")]);
        assert_eq!(expanded("Include a.conf", &memory).0, "a.conf: included 16 deep: does a file include itself?");
        let define = format!("Define X a\n{}", "Define X ${X}${X}\n".repeat(40));
        let error = "a.conf: more than 8 MiB of values in the place of their names";
        assert_eq!(expanded(&define, &Memory::default()).0, error);
        let one = |level: usize| format!("<Macro M{level} $a>\nUse M{} {}\n</Macro>\n", level + 1, "$a".repeat(50));
        let macros: String = (0..9).map(one).collect();
        assert_eq!(expanded(&format!("{macros}Use M0 a"), &Memory::default()).0, error);
        let doubling = "<Macro M>\nUse M\nUse M\n</Macro>\nUse M";
        assert_eq!(expanded(doubling, &Memory::default()).0, "a.conf: macros used 16 deep: does one use itself?");
    }
}
