use std::fs;
use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use time::Duration;
use time::macros::datetime;

use crate::config::{Level, Log, LogFormat};
use crate::observe::logging::tests::logged;
use crate::tls::certificates::ocsp::tests::{Response, response};
use crate::tls::certificates::watched_cert_files::*;

const TODAY: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

/// A folder with a certificate in it.
struct Folder {
    temp: TempDir,
    files: CertificateFiles,
}

impl Folder {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let file = |name: &str| temp.path().join(name);
        let files = CertificateFiles { cert: file("cert.pem"), key: file("key.pem"), ocsp: None };
        let folder = Self { temp, files };
        folder.put(&made("gw.example", 90));
        folder
    }

    fn put(&self, (cert, key): &(String, String)) {
        fs::write(&self.files.cert, cert).unwrap();
        fs::write(&self.files.key, key).unwrap();
    }

    fn staple(&mut self, der: &[u8]) -> PathBuf {
        let path = self.temp.path().join("ocsp.der");
        fs::write(&path, der).unwrap();
        self.files.ocsp = Some(path.clone());
        path
    }
}

/// PEM of a certificate that is good for `days`, and its key.
fn made(name: &str, days: i64) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = TODAY - Duration::days(10);
    params.not_after = TODAY + Duration::days(days);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// The value that `act` returns, and the lines that it logs.
fn logging<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    let log = Log { level: Level::Info, format: LogFormat::Text, ..Log::default() };
    let mut result = None;
    let lines = logged(&log, |_| result = Some(act()));
    (result.unwrap(), lines.lines().map(str::to_owned).collect())
}

#[test]
fn a_pair_that_replaces_another_is_taken_with_a_line_that_has_its_fingerprint() {
    let folder = Folder::new();
    let kept = WatchedCertFiles::open(&folder.files, TODAY).unwrap();
    let (same, lines) = logging(|| kept.again(TODAY));
    assert!(Arc::ptr_eq(&same.pair.certified, &kept.pair.certified) && lines.is_empty(), "{lines:?}");
    folder.put(&made("gw.example", 80));
    let (other, lines) = logging(|| same.again(TODAY));
    assert_ne!(other.pair.certified.cert, kept.pair.certified.cert);
    let fingerprint = Fingerprint::of(&other.pair.certified.cert[0]).to_string();
    assert!(lines.len() == 1 && lines[0].contains(&fingerprint), "{lines:?}");
}

#[test]
fn what_cannot_be_used_is_refused_once_per_change_and_the_old_one_stays() {
    let folder = Folder::new();
    let first = WatchedCertFiles::open(&folder.files, TODAY).unwrap();
    let (cert, key) = made("gw.example", 80);
    let mut kept = first.clone();
    let expired = made("gw.example", -1);
    for (cert_text, key_text, said) in [
        // The certificate is there before its key.
        (Some(cert.as_str()), None, "belongs to another certificate"),
        (Some("half a file"), None, "holds no certificate"),
        (Some(expired.0.as_str()), Some(expired.1.as_str()), "expired on"),
    ] {
        if let Some(text) = cert_text {
            fs::write(&folder.files.cert, text).unwrap();
        }
        if let Some(text) = key_text {
            fs::write(&folder.files.key, text).unwrap();
        }
        let (after, lines) = logging(|| kept.again(TODAY));
        assert!(lines.len() == 1 && lines[0].contains(said) && lines[0].contains("stays"), "{lines:?}");
        let (again, lines) = logging(|| after.again(TODAY));
        assert_eq!(lines, Vec::<String>::new());
        assert!(Arc::ptr_eq(&again.pair.certified, &first.pair.certified));
        kept = again;
    }
    fs::remove_file(&folder.files.cert).unwrap();
    let (after, lines) = logging(|| kept.again(TODAY));
    assert!(lines[0].contains("cannot read"), "{lines:?}");
    folder.put(&(cert, key));
    let (after, _) = logging(|| after.again(TODAY));
    assert_ne!(after.pair.certified.cert, first.pair.certified.cert);
}

#[test]
fn a_certificate_whose_time_has_not_come_is_taken_when_it_has() {
    let folder = Folder::new();
    let kept = WatchedCertFiles::open(&folder.files, TODAY).unwrap();
    folder.put(&made("gw.example", 80));
    let early = TODAY - Duration::days(20);
    let refused = kept.again(early);
    assert!(Arc::ptr_eq(&refused.pair.certified, &kept.pair.certified));
    assert_ne!(refused.again(TODAY).pair.certified.cert, kept.pair.certified.cert);
}

#[test]
fn a_certificate_that_is_not_replaced_is_a_warning_a_day() {
    let folder = Folder::new();
    let mut kept = WatchedCertFiles::open(&folder.files, TODAY).unwrap();
    for (day, hour, warned) in [(80, 0, false), (82, 0, true), (82, 5, false), (83, 0, true), (91, 0, true)] {
        let now = TODAY + Duration::days(day) + Duration::hours(hour);
        let (after, lines) = logging(|| kept.again(now));
        assert_eq!(lines.len(), usize::from(warned), "day {day}, {hour} h: {lines:?}");
        kept = after;
    }
}

#[test]
fn a_staple_is_sent_while_it_counts() {
    let mut folder = Folder::new();
    let leaf = WatchedCertFiles::open(&folder.files, TODAY).unwrap().pair.certified.cert[0].clone();
    let good = response(&leaf, Response { until: TODAY + Duration::days(3), ..Response::good(TODAY) });
    let path = folder.staple(&good);
    let kept = WatchedCertFiles::open(&folder.files, TODAY).unwrap();
    assert_eq!(kept.pair.certified.ocsp.as_deref(), Some(good.as_slice()));
    let (later, lines) = logging(|| kept.again(TODAY + Duration::days(4)));
    assert_eq!(later.pair.certified.ocsp, None);
    assert!(lines.len() == 1 && lines[0].contains("its time was over on 2026-11-23"), "{lines:?}");
    let fresh = response(&leaf, Response::good(TODAY + Duration::days(4)));
    fs::write(path, &fresh).unwrap();
    assert_eq!(later.again(TODAY + Duration::days(4)).pair.certified.ocsp, Some(fresh));
}
