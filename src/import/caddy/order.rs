//! [`DirectiveOrder`]: the order in which Caddy asks the directives of a block.

use super::block::CaddyStep;
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

    /// Sorts the directives of a block: by their names, those of one name by their paths. A directive without a place
    /// goes first, so that what it guards it guards in any order.
    pub(super) fn sort(&self, steps: &mut [CaddyStep<'_>]) {
        let place = |name: &str| self.0.iter().position(|other| other == one_name(name)).map_or(0, |place| place + 1);
        steps.sort_by_key(|step| place(&step.node.name));
        for same in steps.chunk_by_mut(|a, b| place(&a.node.name) == place(&b.node.name)) {
            // As Caddy's own sorting does it: which of two goes first is not always decided by the two alone.
            for end in 1..same.len() {
                for at in (1..=end).rev() {
                    if !goes_before(&same[at], &same[at - 1]) {
                        break;
                    }
                    same.swap(at, at - 1);
                }
            }
        }
    }
}

/// Whether the first of two directives of one name is for fewer requests: a longer path, or any matcher at all.
fn goes_before(a: &CaddyStep<'_>, b: &CaddyStep<'_>) -> bool {
    let (Some(a), Some(b)) = (&a.matcher, &b.matcher) else { return a.matcher.is_some() && b.matcher.is_none() };
    let (Some(a), Some(b)) = (a.single_path(), b.single_path()) else { return false };
    let bare = |path: &str| path.strip_suffix('*').unwrap_or(path).to_owned();
    let (left, right) = (bare(a), bare(b));
    if left == right {
        return a.len() < b.len();
    }
    if left.len() == right.len() { left < right } else { left.len() > right.len() }
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
