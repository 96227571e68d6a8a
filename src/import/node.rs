//! [`ImportNode`]: a directive of Apache or Caddy with what it includes, and with the values of variables.

use super::place::ImportPlace;

/// A directive with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImportNode {
    /// What the directive is called. Of Apache in lower case; of a Caddyfile empty for the global options, and a site's
    /// first address.
    pub(super) name: String,
    /// The other words, with the values of variables in place.
    pub(super) args: Vec<String>,
    /// Where the directive begins.
    pub(super) place: ImportPlace,
    /// The directive as the report shows it.
    pub(super) shown: String,
    /// The directives in its section or block, if it has one.
    pub(super) body: Option<Vec<ImportNode>>,
}

impl ImportNode {
    /// The word at this position behind the first; nothing where there is none.
    pub(super) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// The directives in its section or block; none without one.
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
