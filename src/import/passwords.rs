//! [`users`]: the users of an `htpasswd` file, as far as frontgate can check their passwords.

/// Names and hashes, and the names of the users with a hash of another kind than bcrypt and argon2.
pub(super) fn users(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (mut users, mut lost): (Vec<(String, String)>, Vec<String>) = Default::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((user, rest)) = line.split_once(':') else { continue };
        let hash = rest.split(':').next().unwrap_or_default();
        // The first line of a user counts.
        if users.iter().any(|(name, _)| name == user) || lost.iter().any(|name| name == user) {
            continue;
        }
        if is_checkable(hash) { users.push((user.to_owned(), hash.to_owned())) } else { lost.push(user.to_owned()) }
    }
    (users, lost)
}

/// Whether this is a hash of a kind that frontgate checks.
pub(super) fn is_checkable(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$", "$argon2"].iter().any(|kind| hash.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slow_hashes_are_taken() {
        let text = "# users\nann:$2y$05$abc\nbob:$apr1$x$y\neve:{SHA}x\n\nann:$2y$05$other\nzoe:$2b$10$q:comment\n";
        let (users, lost) = users(text);
        assert_eq!(users, [("ann".into(), "$2y$05$abc".into()), ("zoe".into(), "$2b$10$q".to_owned())]);
        assert_eq!(lost, ["bob", "eve"]);
    }
}
