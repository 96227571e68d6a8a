//! [`exposed`]: files with secrets that more may read, or replace, than should.

use std::fs;
use std::path::PathBuf;

use crate::config::Config;
use crate::config::admin::AdminToken;
use crate::platform::files;

/// The settings that name a file with a secret which more may read or replace than should, and what is wrong with each file.
pub(super) fn exposed(config: &Config) -> Vec<(String, String)> {
    let found = secrets(config).into_iter().filter_map(|(setting, file)| {
        let mode = files::mode(&fs::metadata(&file).ok()?)?;
        Some((setting, format!("{} {}, where a secret is kept", others_may(mode)?, file.display())))
    });
    found.collect()
}

/// The files with secrets that the configuration names, and where it does. Those of the state folder are closed to others when
/// they are read.
fn secrets(config: &Config) -> Vec<(String, PathBuf)> {
    let mut secrets = Vec::new();
    let certificate = &config.tls.certificate;
    secrets.extend(certificate.files().into_iter().map(|one| (certificate.setting_of(&one.key), one.key.clone())));
    for (name, group) in &config.upstreams {
        let key = group.tls.client_cert.key.clone();
        secrets.extend(key.map(|key| (format!("upstreams.{name}.tls.client_cert.key"), key)));
    }
    if let Some(AdminToken::File(file)) = &config.admin.token {
        secrets.push(("admin.token".to_owned(), file.clone()));
    }
    secrets
}

/// What others may do with a file of this mode. A group that may read it was given it on purpose: Debian's `ssl-cert`, the `fsGroup`
/// of a pod.
fn others_may(mode: u32) -> Option<&'static str> {
    match (mode & 0o002, mode & 0o004, mode & 0o020) {
        (0, 0, 0) => None,
        (0, 0, _) => Some("its group may write to"),
        (0, _, _) => Some("every user of this machine may read"),
        _ => Some("every user of this machine may write to"),
    }
}

/// What to do about it.
pub(super) const HINT: &str =
    "give it the mode 0600, or 0640 and a group of its own; a secret that others have read needs another value";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_writes_and_only_a_group_reads_besides() {
        for (modes, expected) in [
            (&[0o600, 0o400, 0o640, 0o440, 0o650, 0o711][..], None),
            (&[0o660, 0o620, 0o670], Some("its group may write to")),
            (&[0o644, 0o604, 0o444, 0o664, 0o755], Some("every user of this machine may read")),
            (&[0o666, 0o602, 0o777], Some("every user of this machine may write to")),
        ] {
            for mode in modes {
                assert_eq!(others_may(0o100_000 | mode), expected, "{mode:o}");
            }
        }
    }
}
