//! [`CaddyStep`]: the directives of a block in the order in which Caddy asks them, each with the requests it is for.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::matcher::CaddyMatcher;
use super::order::DirectiveOrder;
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// A directive of a block.
#[derive(Debug, Clone)]
pub(super) struct CaddyStep<'a> {
    pub(super) node: &'a ImportNode,
    /// The directive, as the report shows it.
    pub(super) origin: Origin,
    /// The requests that it is for; `None` for all.
    pub(super) matcher: Option<Rc<CaddyMatcher>>,
    /// The words behind the matcher.
    pub(super) args: &'a [String],
    /// The directives in its block, where these are directives of a site.
    pub(super) block: Vec<CaddyStep<'a>>,
}

/// What the blocks of a Caddyfile have in common.
pub(super) struct CaddyBlocks<'a> {
    /// The order of directives.
    pub(super) order: DirectiveOrder,
    /// The routes that have names, `&(name)`.
    pub(super) named: BTreeMap<&'a str, &'a ImportNode>,
}

/// The matchers that have names.
pub(super) type Matchers = BTreeMap<String, Rc<CaddyMatcher>>;

impl<'a> CaddyBlocks<'a> {
    /// The directives of a block; `outer` are the matchers that are known outside of it.
    pub(super) fn steps(&self, nodes: &'a [ImportNode], outer: &Matchers, sorted: bool) -> Vec<CaddyStep<'a>> {
        self.deep(nodes, outer, sorted, 0)
    }

    fn deep(&self, nodes: &'a [ImportNode], outer: &Matchers, sorted: bool, depth: usize) -> Vec<CaddyStep<'a>> {
        let mut matchers = outer.clone();
        for node in nodes.iter().filter(|node| node.name.starts_with('@')) {
            matchers.insert(node.name.clone(), Rc::new(CaddyMatcher::named(node)));
        }
        let directives = nodes.iter().filter(|node| !node.name.starts_with('@') && !SITE.contains(&&*node.name));
        let mut steps: Vec<CaddyStep<'a>> = directives
            .map(|node| {
                let (matcher, taken) = matcher_of(node, &matchers);
                let block = match node.name.as_str() {
                    "handle" | "handle_path" => self.deep(node.inner(), &matchers, true, depth),
                    "route" => self.deep(node.inner(), &matchers, false, depth),
                    "invoke" if depth < DEEPEST_INVOKE => {
                        let named = self.named.get(node.args.get(taken).map_or("", String::as_str));
                        named.map_or_else(Vec::new, |named| self.deep(named.inner(), &Matchers::new(), true, depth + 1))
                    }
                    _ => Vec::new(),
                };
                let args = node.args.get(taken..).unwrap_or_default();
                CaddyStep { node, origin: Origin::of(&node.place, &node.shown), matcher, args, block }
            })
            .collect();
        if sorted {
            sort(&mut steps, &self.order);
        }
        steps
    }
}

impl CaddyStep<'_> {
    /// The word at this position behind the matcher; nothing where there is none.
    pub(super) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }
}

/// The matcher of a directive, and how many words it takes.
fn matcher_of(node: &ImportNode, matchers: &Matchers) -> (Option<Rc<CaddyMatcher>>, usize) {
    let first = node.arg(0);
    let takes_one = match node.name.as_str() {
        "rewrite" | "root" => node.args.len() > 1,
        _ => true,
    };
    if first == "*" && takes_one {
        (None, 1)
    } else if first.starts_with('/') && takes_one {
        (Some(Rc::new(CaddyMatcher::path(first))), 1)
    } else if first.starts_with('@') && takes_one {
        let unknown = || Rc::new(CaddyMatcher::unknown("there is no matcher of this name"));
        (Some(matchers.get(first).cloned().unwrap_or_else(unknown)), 1)
    } else {
        (None, 0)
    }
}

/// Directives that are about the site, not about requests.
const SITE: &[&str] = &["bind", "tls", "log", "handle_errors"];

/// How deep routes with names may invoke one another; people write one level.
const DEEPEST_INVOKE: usize = 8;

/// Sorts the directives of a block: by their names, those of one name by their paths. A directive without a place
/// goes first, so that what it guards it guards in any order.
fn sort(steps: &mut [CaddyStep<'_>], order: &DirectiveOrder) {
    let place = |name: &str| order.place(name);
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
