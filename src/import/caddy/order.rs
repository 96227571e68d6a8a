//! [`DirectiveOrder`]: the order in which Caddy asks the directives of a block.

use crate::import::node::ImportNode;

/// The directives, in the order in which they are asked.
#[derive(Debug, Clone)]
pub(super) struct DirectiveOrder(Vec<String>);

impl Default for DirectiveOrder {
    fn default() -> Self {
        Self(USUAL.split_whitespace().map(str::to_owned).collect())
    }
}

impl DirectiveOrder {
    /// The global option `order NAME first|last` and `order NAME before|after OTHER`.
    pub(super) fn change(&mut self, node: &ImportNode) -> Option<()> {
        let name = one_name(node.arg(0)).to_owned();
        let mut rest = self.0.clone();
        rest.retain(|other| *other != name);
        let beside = rest.iter().position(|other| other == one_name(node.arg(2)));
        let at = match node.arg(1) {
            "first" => 0,
            "last" => rest.len(),
            "before" => beside?,
            "after" => beside? + 1,
            _ => return None,
        };
        rest.insert(at, name);
        self.0 = rest;
        Some(())
    }

    /// The place of a directive in the order; one without a place goes first.
    pub(super) fn place(&self, name: &str) -> usize {
        self.0.iter().position(|other| other == one_name(name)).map_or(0, |place| place + 1)
    }
}

/// The name under which a directive is sorted.
fn one_name(name: &str) -> &str {
    if name == "handle_path" { "handle" } else { name }
}

/// As in Caddy's documentation.
const USUAL: &str = "tracing map vars fs root log_append skip_log log_skip log_name header copy_response_headers \
                     request_body timeouts redir method rewrite uri try_files basicauth basic_auth forward_auth \
                     request_header encode push intercept templates invoke handle route abort error copy_response \
                     respond metrics reverse_proxy php_fastcgi file_server acme_server";
