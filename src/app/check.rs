//! [`check_files`]: whether a configuration fits the machine that it is on: its files, and its addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::error::StartError;
use super::exposed::{self, exposed};
use crate::config::admin::{Admin, AdminToken};
use crate::config::{BindAddr, Certificate, ClientSecret, Loaded, Name, Problems, SHORTEST_SECRET, Tls, UpstreamTls};
use crate::listener::{NameResolver, group_id};
use crate::tls::{
    CertDescription, CheckedCert, ClientTls, ClientVerification, OnDisk, RouteClientCa, StateDir, TlsError,
};

/// Why a configuration cannot be used on this machine although it is well written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableConfig {
    /// A setting is at fault, with its position.
    #[error(transparent)]
    Setting(#[from] Problems),
    /// The certificate cannot be opened for a reason that no single setting explains.
    #[error(transparent)]
    Certificate(#[from] TlsError),
}

/// Reads the files that the configuration names, as a start does, and checks the same as [`check_machine`]. The local
/// CA is left alone, because opening it would create it. Reads files: not for an async task.
///
/// # Errors
/// The settings that cannot be used, with their positions.
pub(crate) fn check_files(loaded: &mut Loaded) -> Result<(), UnusableConfig> {
    check_machine(loaded)?;
    check_groups(loaded)?;
    if let Some(Err(error)) = loaded.config.admin.token.as_ref().map(AdminToken::read) {
        return Err(loaded.problem("admin.token", error.to_string()).into());
    }
    let cluster = loaded.config.cluster.clone();
    match cluster.secret.as_ref().map(ClientSecret::read) {
        Some(Err(error)) => return Err(loaded.problem("cluster.secret", error.to_string()).into()),
        Some(Ok(secret)) if secret.expose().len() < SHORTEST_SECRET => {
            let error = StartError::ShortSecret { length: secret.expose().len() }.to_string();
            return Err(loaded.problem("cluster.secret", error.trim_start_matches("cluster.secret: ")).into());
        }
        _ => {}
    }
    if let Err(error) = ClientTls::open(&cluster.tls) {
        let key = format!("cluster.tls.{}", error.setting(&cluster.tls));
        return Err(loaded.problem(&key, error.to_string()).into());
    }
    let tls = &loaded.config.tls;
    if let Some(Err(error)) = tls.client_ca.as_ref().map(ClientVerification::open) {
        return Err(loaded.problem("tls.client_ca", error.to_string()).into());
    }
    for (name, group) in &loaded.config.upstreams {
        if let Err(error) = ClientTls::open(&group.tls) {
            let key = format!("upstreams.{name}.tls.{}", error.setting(&group.tls));
            return Err(loaded.problem(&key, error.to_string()).into());
        }
    }
    if tls.certificate.files().is_empty() {
        return Ok(());
    }
    // The files alone: opening the local CA would create it.
    let files = tls.certificate.files().into_iter().cloned().collect();
    let only_files = Tls { certificate: Certificate::Files(files), names: tls.file_names(), ..tls.clone() };
    match CheckedCert::open(&only_files, None, OffsetDateTime::now_utc()) {
        Ok(_) => Ok(()),
        Err(TlsError::Files(error)) => {
            Err(loaded.problem(&tls.certificate.setting_of(error.file()), error.to_string()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads the files of logins.
fn check_logins(loaded: &Loaded) -> Result<(), Problems> {
    let tls = |key: &str, tls: &UpstreamTls| match ClientTls::open(tls) {
        Ok(_) => Ok(()),
        Err(error) => Err(loaded.problem(&format!("{key}.tls.{}", error.setting(tls)), error.to_string())),
    };
    for (key, rules) in loaded.config.logins() {
        if let Some(Err(error)) = rules.mtls.as_ref().map(|mtls| RouteClientCa::open(&mtls.ca)) {
            return Err(loaded.problem(&format!("{key}.mtls.ca"), error.to_string()));
        }
        if let Some(forward) = &rules.forward {
            tls(&format!("{key}.forward"), &forward.tls)?;
        }
        if let Some(oidc) = &rules.oidc {
            tls(&format!("{key}.oidc"), &oidc.tls)?;
            if let Some(Err(error)) = oidc.client_secret.as_ref().map(ClientSecret::read) {
                return Err(loaded.unusable(&format!("{key}.oidc.client_secret"), error.to_string(), CLIENT_SECRET));
            }
        }
    }
    Ok(())
}

const CLIENT_SECRET: &str = "the file holds the client's secret as the issuer shows it, in one line, and the user that runs frontgate may read it";

/// Looks whether the groups of unix sockets exist.
fn check_groups(loaded: &Loaded) -> Result<(), Problems> {
    let config = &loaded.config;
    let plain = config.listen.plain.iter().enumerate();
    let plain = plain.map(|(index, one)| (format!("listen.plain[{index}].group"), &one.access));
    let admin = config.admin.address.iter().map(|_| ("admin.group".to_owned(), &config.admin.access));
    for (key, access) in plain.chain(admin) {
        if let Some(Err(error)) = access.group.as_deref().map(group_id) {
            return Err(loaded.problem(&key, error.to_string()));
        }
    }
    Ok(())
}

/// What is hardly meant so of the admin listener: the setting, what is wrong, and what to write instead.
fn admin_warnings(admin: &Admin) -> Vec<(&'static str, String, &'static str)> {
    let mut warnings = Vec::new();
    if let (Some(BindAddr::Unix(path)), None, Some(mode)) = (&admin.address, &admin.token, admin.access.mode)
        && mode & 0o002 != 0
    {
        let message = format!("every user of this machine may connect to {} and stop frontgate", path.display());
        warnings.push(("admin.mode", message, "write the mode \"0660\" and a group, or give it a token"));
    }
    if let Some(AdminToken::Text(token)) = &admin.token
        && token.expose().len() < SHORT_TOKEN
    {
        let message = format!("a token of fewer than {SHORT_TOKEN} characters can be guessed");
        warnings.push(("admin.token", message, "take what `openssl rand -hex 32` prints"));
    }
    warnings
}

/// Characters: with letters of both cases and digits, some 95 bits.
const SHORT_TOKEN: usize = 16;

/// Looks whether the configuration means this machine's other programs, and adds to its warnings what is hardly meant so: a state
/// folder that all users may write to, a key that all may read, a certificate for other names. Reads files: not for an async task.
///
/// # Errors
/// A gateway is frontgate itself, or a file of a login cannot be used.
pub(crate) fn check_machine(loaded: &mut Loaded) -> Result<(), Problems> {
    let here = if_addrs::get_if_addrs().unwrap_or_default();
    loaded.check_gateways(&|ip: IpAddr| here.iter().any(|one| one.ip() == ip))?;
    check_logins(loaded)?;
    if let Some(dir) = loaded.config.state_dir.clone().filter(|dir| StateDir::is_open_to_all(dir)) {
        let message = format!("every user of this machine may write to {}, where keys are kept", dir.display());
        loaded.warn("state_dir", message, "give it to the user that runs frontgate, with the mode 0700");
    }
    for (setting, message, hint) in admin_warnings(&loaded.config.admin) {
        loaded.warn(setting, message, hint);
    }
    for (setting, message) in exposed(&loaded.config) {
        loaded.warn(&setting, message, exposed::HINT);
    }
    if !loaded.config.tls.certificate.files().is_empty() {
        warn_of_names(loaded);
    }
    Ok(())
}

/// Asks for a moment whether the name of a gateway leads to frontgate itself: the setting of each that does, what is wrong, and what
/// to write instead. A request there is answered with a 508.
pub(crate) async fn check_names(loaded: &Loaded) -> Vec<(String, String, &'static str)> {
    let names = NameResolver::default();
    let asked = loaded.names_of_gateways().into_iter().map(|name| {
        let names = &names;
        async move {
            let found = timeout(A_MOMENT, names.find(&name)).await;
            let addresses: Vec<IpAddr> =
                found.ok().and_then(Result::ok).map(|found| found.to_vec()).unwrap_or_default();
            (name, addresses)
        }
    });
    let found: HashMap<String, Vec<IpAddr>> = join_all(asked).await.into_iter().collect();
    if found.values().all(Vec::is_empty) {
        return Vec::new();
    }
    let here = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = |name: &str| found.get(name).cloned().unwrap_or_default();
    loaded.own_names(&addresses, &|ip: IpAddr| here.iter().any(|one| one.ip() == ip))
}

/// What resolves takes less.
const A_MOMENT: Duration = Duration::from_secs(2);

/// Warns of the configured names that no certificate of the files covers.
fn warn_of_names(loaded: &mut Loaded) {
    if !loaded.sets("tls.names") {
        return;
    }
    // Files that changed a moment ago are read again soon, so an error here is not reported.
    let Ok(found) = OnDisk::files(&loaded.config.tls) else { return };
    let leaves = found.iter().filter_map(|found| CertDescription::read(found.chain.first()?));
    let carried: Vec<Name> = leaves.flat_map(|leaf| leaf.names).collect();
    let (names, wanted) = (loaded.config.tls.names.clone(), loaded.config.tls.file_names());
    let shown = carried.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    for (index, name) in names
        .iter()
        .enumerate()
        .filter(|(_, name)| wanted.contains(name) && !carried.iter().any(|one| covers(one, name)))
    {
        let message = format!("the certificate is not for {name}; it is for {shown}");
        loaded.warn(
            &format!("tls.names[{index}]"),
            message,
            "browsers refuse it for this name; list the names that it has",
        );
    }
}

/// Whether a certificate for `carried` is one for `name` (RFC 6125 §6.4.3).
fn covers(carried: &Name, name: &Name) -> bool {
    match (carried, name) {
        (Name::Dns(carried), Name::Dns(name)) => match carried.strip_prefix("*.") {
            Some(parent) => {
                carried == name || name.split_once('.').is_some_and(|(first, rest)| first != "*" && rest == parent)
            }
            None => carried == name,
        },
        _ => carried == name,
    }
}

/// Logs the settings that are probably a mistake.
pub(crate) fn warn_of(warnings: &Problems) {
    for problem in warnings {
        let place = warnings.place(problem);
        let hint = problem.hint.as_deref();
        tracing::warn!(place, setting = problem.path, hint, "configuration: {}", problem.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_for_one_label() {
        let dns = |name: &str| Name::Dns(name.to_owned());
        for (carried, name, expected) in [
            ("gw.lan", "gw.lan", true),
            ("gw.lan", "lan", false),
            ("*.lan", "gw.lan", true),
            ("*.lan", "a.gw.lan", false),
            ("*.lan", "lan", false),
            ("*.lan", "*.lan", true),
            ("*.b.lan", "*.lan", false),
        ] {
            assert_eq!(covers(&dns(carried), &dns(name)), expected, "{carried} {name}");
        }
        let ip = Name::Ip([127, 0, 0, 1].into());
        assert!(covers(&ip, &ip) && !covers(&dns("127.0.0.1"), &ip));
    }
}
