//! [`ImportNode`]: a directive of Apache or Caddy with what it includes, and with the values of variables.

use super::place::ImportPlace;

/// A directive with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImportNode {
    /// What it is called. Of Apache in lower case; of a Caddyfile empty for the global options, and a site's first address.
    pub(super) name: String,
    /// The other words, variables replaced.
    pub(super) args: Vec<String>,
    /// Where it is.
    pub(super) place: ImportPlace,
    /// As the report shows it.
    pub(super) shown: String,
    /// What stands in its section or block, if it has one.
    pub(super) body: Option<Vec<ImportNode>>,
}

impl ImportNode {
    /// The word at this position behind the first; nothing where there is none.
    pub(super) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// What stands in its section or block, if it has one.
    pub(super) fn inner(&self) -> &[Self] {
        self.body.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Nodes on one line.
    pub(in crate::import) fn shape(nodes: &[ImportNode]) -> String {
        let one = |node: &ImportNode| {
            let body = node.body.as_ref().map(|body| format!("{{{}}}", shape(body))).unwrap_or_default();
            format!("{}({}){body}", node.name, node.args.join(","))
        };
        nodes.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}
