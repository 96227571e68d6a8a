//! [`DirectiveClass`]: what the directives of a language are for. Each language has one closed table.

/// What a directive is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DirectiveClass {
    /// The directive is translated where it stands; the report speaks of it there.
    Translated,
    /// frontgate does not need the directive, for this reason.
    Needless(&'static str),
    /// Something is lost that guards nothing; the text says what to do.
    Lost(&'static str),
    /// The directive can refuse clients, and shuts the route where it stands; the text says what to write instead.
    Guarding(&'static str),
}

/// A row: a name, or the beginning of names with a `*` behind it.
pub(super) type DirectiveRow = (&'static str, DirectiveClass);

/// The class of a directive. Of those that the table does not have, the name decides.
pub(super) fn class(table: &[DirectiveRow], name: &str) -> DirectiveClass {
    let exact = table.iter().find(|(known, _)| *known == name);
    let family = || {
        let families =
            table.iter().filter(|(known, _)| known.strip_suffix('*').is_some_and(|begin| name.starts_with(begin)));
        families.max_by_key(|(known, _)| known.len())
    };
    if let Some((_, class)) = exact.or_else(family) {
        return *class;
    }
    let lower = name.to_ascii_lowercase();
    if GUARDS.iter().any(|word| lower.contains(word)) {
        return DirectiveClass::Guarding(
            "See what it was for, and write that with `auth`, `allow`, `deny` or a matcher",
        );
    }
    DirectiveClass::Lost("frontgate does not know this directive: see what it was for")
}

/// Words in the names of directives that keep clients out.
const GUARDS: [&str; 10] =
    ["auth", "access", "deny", "allow", "block", "limit", "require", "secure", "token", "verify"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_decides_and_then_the_name() {
        let needless = DirectiveClass::Needless("x");
        let table = [("access_log", needless), ("ssl_*", needless), ("ssl_verify*", DirectiveClass::Translated)];
        assert_eq!(class(&table, "access_log"), needless);
        assert_eq!(class(&table, "ssl_ciphers"), needless);
        assert_eq!(class(&table, "ssl_verify_client"), DirectiveClass::Translated);
        assert!(matches!(class(&table, "oidc_auth"), DirectiveClass::Guarding(_)));
        assert!(matches!(class(&table, "RequireAny"), DirectiveClass::Guarding(_)));
        assert!(matches!(class(&table, "frobnicate"), DirectiveClass::Lost(_)));
    }
}
