//! [`NginxScope`]: which directives hold in a place.

use super::parser::NginxDirective;

/// The blocks around a place, the innermost first. A directive of an inner block replaces those of its name in the
/// outer ones, all of them: one `proxy_set_header` in a location discards every one of the server.
#[derive(Debug, Clone)]
pub(super) struct NginxScope<'a> {
    levels: Vec<&'a [NginxDirective]>,
    /// How many of the innermost blocks are those of an `if`.
    branches: usize,
}

impl<'a> NginxScope<'a> {
    /// The outermost block.
    pub(super) fn outermost(block: &'a [NginxDirective]) -> Self {
        Self { levels: vec![block], branches: 0 }
    }

    /// A block in this one.
    pub(super) fn inside(&self, block: &'a [NginxDirective]) -> Self {
        let levels = std::iter::once(block).chain(self.levels.iter().copied()).collect();
        Self { levels, branches: 0 }
    }

    /// The block of an `if` in this one.
    pub(super) fn branch(&self, block: &'a [NginxDirective]) -> Self {
        Self { branches: self.branches + 1, ..self.inside(block) }
    }

    /// The directive of this name in the location itself, or in an `if` of it.
    pub(super) fn here(&self, name: &str) -> Option<&'a NginxDirective> {
        self.levels.iter().take(self.branches + 1).find_map(|block| block.iter().find(|one| one.name == name))
    }

    /// The directives of the location itself.
    pub(super) fn location(&self) -> &'a [NginxDirective] {
        self.levels.get(self.branches).copied().unwrap_or_default()
    }

    /// All directives that could hold here, the innermost first.
    pub(super) fn levels(&self) -> &[&'a [NginxDirective]] {
        &self.levels
    }

    /// The innermost block that has a directive of this name, and what holds there.
    pub(super) fn block_with(&self, name: &str) -> Option<(&'a [NginxDirective], Self)> {
        let index = self.levels.iter().position(|block| block.iter().any(|one| one.name == name))?;
        Some((self.levels[index], Self { levels: self.levels[index..].to_vec(), branches: 0 }))
    }

    /// Every directive of this name that holds here.
    pub(super) fn all(&self, name: &str) -> Vec<&'a NginxDirective> {
        let named = |block: &'a [NginxDirective]| block.iter().filter(|one| one.name == name).collect::<Vec<_>>();
        self.levels.iter().map(|block| named(block)).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// The last directive of this name that holds here.
    pub(super) fn last(&self, name: &str) -> Option<&'a NginxDirective> {
        self.all(name).pop()
    }

    /// Every directive of one of these names, at the nearest level that has any of them: `allow` and `deny` are one
    /// list.
    pub(super) fn either(&self, names: &[&str]) -> Vec<&'a NginxDirective> {
        let named = |block: &'a [NginxDirective]| {
            block.iter().filter(|one| names.contains(&one.name.as_str())).collect::<Vec<_>>()
        };
        self.levels.iter().map(|block| named(block)).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Every directive of this name, also those that an inner one replaces; the innermost first.
    pub(super) fn everywhere(&self, name: &str) -> Vec<&'a NginxDirective> {
        self.levels.iter().flat_map(|block| block.iter().filter(|one| one.name == name)).collect()
    }

    /// The directives of the innermost block.
    pub(super) fn own(&self) -> &'a [NginxDirective] {
        self.levels.first().copied().unwrap_or_default()
    }
}
