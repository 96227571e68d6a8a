//! The certificates: those that a listener shows, or those on disk while none does.

use std::fs;
use std::io;
use std::path::Path;

use time::OffsetDateTime;

use super::catalogue::certificate as catalogue;
use super::finding::{CheckOutcome, Diagnosis};
use super::judge::{self, CertificateKind, CertificateSeenAt};
use super::probe::ProbedListener;
use crate::config::{CertificateSource, Config, Name};
use crate::tls::{CertDescription, CheckedCert, OnDisk, OnDiskError, PresentedChain, links_its_issuer};

/// The certificates that a listener shows.
pub(super) fn judge_shown(diagnosis: &mut Diagnosis, config: &Config, probed: &ProbedListener, now: OffsetDateTime) {
    for shown in &probed.shown {
        let name = config.tls.names.iter().find(|name| name.to_string().replace('*', "any") == shown.name);
        let Some(PresentedChain { chain, refused }) = &shown.presented else {
            diagnosis.checked(
                format!("{} shows a certificate for {}", probed.address, shown.name),
                CheckOutcome::Bad,
                "",
            );
            diagnosis.found(catalogue::none(&shown.name, &probed.address));
            continue;
        };
        let described: Vec<_> = chain.iter().filter_map(|one| CertDescription::read(one)).collect();
        let unknown = refused.as_ref().filter(|error| is_unknown_issuer(error)).map(ToString::to_string);
        let linked = chain.first().is_some_and(|leaf| links_its_issuer(leaf));
        let place = CertificateSeenAt { text: probed.address.clone(), kind: kind_of(config, name) };
        // A wildcard's own name is what its certificate has.
        judge::certificate(diagnosis, &place, name, &described, (unknown.as_deref(), linked), now);
    }
}

fn is_unknown_issuer(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer))
}

/// Judges the certificates on disk, while no listener shows them.
pub(super) fn judge_files(diagnosis: &mut Diagnosis, config: &Config, now: OffsetDateTime) {
    if config.listen.https.is_empty() {
        return;
    }
    let found = match OnDisk::read(&config.tls, config.state_dir.as_deref()) {
        Ok(found) => found,
        // The first start makes it.
        Err(OnDiskError::Missing(_) | OnDiskError::NoStateDir) => return,
        Err(error @ OnDiskError::NotPem(_)) => return diagnosis.found(catalogue::unreadable(&error.to_string())),
        // Another user than the service's may not read its files.
        Err(error) => return diagnosis.checked("the certificate on disk", CheckOutcome::Skipped, error.to_string()),
    };
    let described =
        found.iter().map(|one| one.chain.iter().filter_map(|one| CertDescription::read(one)).collect::<Vec<_>>());
    let chains: Vec<_> = found.iter().map(|one| one.file.display().to_string()).zip(described).collect();
    for (file, chain) in &chains {
        let is_local = config.tls.is_local()
            && !config.tls.certificate.files().iter().any(|files| files.cert.display().to_string() == *file);
        let kind = if is_local { kind_of(config, config.tls.local_names().first()) } else { CertificateKind::Files };
        let place = CertificateSeenAt { text: file.clone(), kind };
        judge::certificate(diagnosis, &place, None, chain, (None, false), now);
    }
    // The next start gives frontgate's own certificate what it lacks.
    if config.tls.certificate.files().is_empty() {
        return;
    }
    if let Some((file, chain)) = chains.first() {
        let covered = |name: &Name| chains.iter().filter_map(|(_, chain)| chain.first()).any(|leaf| leaf.covers(name));
        for name in config.tls.file_names().iter().filter(|name| !covered(name)) {
            let has: Vec<_> = chain.first().iter().flat_map(|leaf| &leaf.names).map(ToString::to_string).collect();
            diagnosis.found(catalogue::name(&name.to_string(), file, &has.join(", "), false));
        }
    }
    // Another user than the service's may not read its keys.
    if config.tls.certificate.files().iter().any(|one| is_closed(&one.key)) {
        return diagnosis.checked("the certificate's key", CheckOutcome::Skipped, "this user may not read it");
    }
    // Whatever else keeps frontgate from starting with them, such as a key that belongs to another certificate.
    if diagnosis.findings.iter().all(|finding| !finding.id.starts_with("tls_"))
        && !config.tls.is_local()
        && let Err(error) = CheckedCert::open(&config.tls, None, now)
    {
        diagnosis.found(catalogue::unreadable(&error.to_string()));
    }
}

fn is_closed(file: &Path) -> bool {
    fs::File::open(file).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Where the certificate for a name comes from; without a name, that of the first.
fn kind_of(config: &Config, name: Option<&Name>) -> CertificateKind {
    match name.or(config.tls.names.first()).map(|name| config.tls.certificate.of(name)) {
        Some(Some(CertificateSource::Local)) => CertificateKind::Local,
        Some(Some(CertificateSource::Acme)) => CertificateKind::Acme,
        None if config.tls.uses_acme() => CertificateKind::Acme,
        None if config.tls.is_local() => CertificateKind::Local,
        _ => CertificateKind::Files,
    }
}
