//! `frontgate cert show`: the certificate that clients get, in the terms by which it is recognised.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::connect;
use super::served::{self, ServedChain};
use crate::cli::failure::CommandFailure;
use crate::cli::loaded;
use crate::cli::output::{self, print};
use crate::config::{Certificate, CertificateSource, Name};
use crate::tls::{CertDescription, OnDisk, PresentedChain};

/// Which certificate, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate cert show -c /etc/frontgate/frontgate.yaml\n  frontgate cert show --connect gw.example.com:8443"
)]
pub(super) struct CertShowArgs {
    /// The config [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show what a running server presents instead, whether it is trusted here or not
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "config")]
    connect: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: CertShowArgs) -> Result<(), CommandFailure> {
    let now = OffsetDateTime::now_utc();
    let views = if let Some(address) = &args.connect {
        vec![CertView::of_server(address, &connect::look(address)?)]
    } else {
        let config = loaded::config(args.config)?;
        if config.tls.uses_acme() || matches!(config.tls.certificate, Certificate::Named(_)) {
            let views: Vec<_> = served::look(&config)?
                .into_iter()
                .map(|(name, served)| CertView::of_name(&name, &served, config.tls.certificate.of(&name).as_ref()))
                .collect();
            return show(&views, args.json, now);
        }
        let found = OnDisk::read(&config.tls, config.state_dir.as_deref()).map_err(anyhow::Error::new)?;
        found.iter().map(CertView::on_disk).collect()
    };
    show(&views, args.json, now)
}

fn show(views: &[CertView], as_json: bool, now: OffsetDateTime) -> Result<(), CommandFailure> {
    if as_json {
        let views: Vec<_> = views.iter().map(|view| view.json(now)).collect();
        return print(format!("{:#}\n", Json::Array(views)));
    }
    output::show(&views.iter().map(|view| view.text(now)).collect::<Vec<_>>().join("\n"))
}

/// A certificate and the context it is shown with.
struct CertView {
    /// Where it comes from: a file's path, or a server's address.
    place: String,
    chain: Vec<CertDescription>,
    ca: Option<(PathBuf, CertDescription)>,
    /// Whether this system accepts the server's certificate, and if not why; `None` for a file.
    verdict: Option<Result<(), String>>,
    /// The name that the server was asked for.
    name: Option<String>,
    /// How the certificate relates to the one that clients get.
    note: Option<String>,
}

impl CertView {
    fn on_disk(found: &OnDisk) -> Self {
        let ca = found.ca.as_ref();
        Self {
            place: found.file.display().to_string(),
            chain: found.chain.iter().filter_map(|one| CertDescription::read(one)).collect(),
            ca: ca.and_then(|ca| Some((ca.file.clone(), CertDescription::read(&ca.certificate)?))),
            verdict: None,
            name: None,
            note: None,
        }
    }

    fn of_name(name: &Name, served: &ServedChain, source: Option<&CertificateSource>) -> Self {
        let view = match served {
            ServedChain::Shown { at, presented, is_local } => {
                let which = match (source, is_local) {
                    (Some(CertificateSource::Acme), true) => {
                        "the local certificate, since there is no public one for this name yet"
                    }
                    (_, true) => {
                        "the local certificate; it keeps its key when it is renewed, and gets another fingerprint"
                    }
                    (Some(CertificateSource::Files(_)), false) => "the certificate of its files, until those change",
                    (_, false) => "the public certificate; each renewal makes another, with another fingerprint",
                };
                let place = format!("{name}, as frontgate shows it at {at}");
                Self { note: Some(format!("served: {which}")), place, ..Self::of_server("", presented) }
            }
            ServedChain::Kept { found, why } => {
                let which = if found.ca.is_some() { "local one, for want of a public one" } else { "public one" };
                let note = format!("NOT asked of frontgate ({why}): it would show this, the {which}, for {name}");
                Self { note: Some(note), ..Self::on_disk(found) }
            }
        };
        Self { name: Some(name.to_string()), ..view }
    }

    fn of_server(address: &str, shown: &PresentedChain) -> Self {
        Self {
            place: address.to_owned(),
            chain: shown.chain.iter().filter_map(|one| CertDescription::read(one)).collect(),
            ca: None,
            verdict: Some(shown.refused.as_ref().map_or(Ok(()), |why| Err(why.to_string()))),
            name: None,
            note: None,
        }
    }

    fn text(&self, now: OffsetDateTime) -> String {
        let mut out = format!("Certificate: {}\n", self.place);
        if let Some(note) = &self.note {
            let _ = writeln!(out, "  {note}");
        }
        match &self.verdict {
            None => {}
            Some(Ok(())) => out.push_str("  trusted by this system, for this name\n"),
            Some(Err(why)) => {
                let _ = writeln!(out, "  NOT trusted by this system: {why}");
            }
        }
        for (index, one) in self.chain.iter().enumerate() {
            if index > 0 {
                let _ = write!(out, "\nSent along with it:\n");
            }
            out.push_str(&block(one, now, (index == 0).then_some("what OpenClaw calls tlsFingerprint")));
        }
        if let Some((file, ca)) = &self.ca {
            let _ = write!(out, "\nLocal CA, which clients must trust (`frontgate trust`): {}\n", file.display());
            out.push_str(&block(ca, now, None));
        }
        out
    }

    fn json(&self, now: OffsetDateTime) -> Json {
        json!({
            "place": self.place,
            "name": self.name,
            "note": self.note,
            "trusted": self.verdict.as_ref().map(Result::is_ok),
            "refused": self.verdict.as_ref().and_then(|verdict| verdict.as_ref().err()),
            "tlsFingerprint": self.chain.first().map(|leaf| leaf.fingerprint.to_string()),
            "chain": self.chain.iter().map(|one| fields(one, now)).collect::<Vec<_>>(),
            "local_ca": self.ca.as_ref().map(|(file, ca)| json!({
                "file": file.display().to_string(),
                "certificate": fields(ca, now),
            })),
        })
    }
}

fn block(one: &CertDescription, now: OffsetDateTime, note: Option<&str>) -> String {
    let names: Vec<_> = one.names.iter().map(ToString::to_string).collect();
    let mut rows = vec![("subject", one.subject.clone())];
    if !one.is_ca {
        rows.push(("names", names.join(", ")));
    }
    if one.issuer != one.subject {
        rows.push(("issuer", one.issuer.clone()));
    }
    rows.extend([
        ("valid", format!("{} to {} UTC; {}", minute(one.not_before), minute(one.not_after), left(one, now))),
        ("SHA-256", one.fingerprint.to_string()),
    ]);
    rows.extend(note.map(|note| ("", format!("({note})"))));
    rows.extend([
        ("key", one.key.clone()),
        ("key pin", format!("sha256//{}", one.pin)),
        ("serial", one.serial.clone()),
    ]);
    rows.into_iter().fold(String::new(), |mut out, (name, value)| {
        let _ = writeln!(out, "  {name:<9} {value}");
        out
    })
}

fn fields(one: &CertDescription, now: OffsetDateTime) -> Json {
    json!({
        "subject": one.subject,
        "issuer": one.issuer,
        "names": one.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "not_before": one.not_before.format(&Rfc3339).ok(),
        "not_after": one.not_after.format(&Rfc3339).ok(),
        "days_left": one.days_left(now),
        "sha256": one.fingerprint.to_string(),
        "key": one.key,
        "pin_sha256": one.pin,
        "serial": one.serial,
        "ca": one.is_ca,
    })
}

fn left(one: &CertDescription, now: OffsetDateTime) -> String {
    match one.days_left(now) {
        _ if now < one.not_before => "NOT YET VALID: check the clock".to_owned(),
        _ if now > one.not_after => "EXPIRED".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    }
}

fn minute(time: OffsetDateTime) -> String {
    // Formatting fails only for a year beyond 9999, which a certificate cannot carry.
    time.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::CertView;
    use crate::config::Name;
    use crate::tls::{CertDescription, Fingerprint};

    fn leaf() -> CertDescription {
        CertDescription {
            subject: "CN=gw.lan".to_owned(),
            issuer: "CN=frontgate local CA (box, 2026-11-20)".to_owned(),
            names: vec![Name::Dns("gw.lan".to_owned()), Name::Ip([127, 0, 0, 1].into())],
            not_before: datetime!(2026-11-19 12:34:56 UTC),
            not_after: datetime!(2027-12-21 12:34:55 UTC),
            serial: "4A:00".to_owned(),
            key: "ECDSA P-256".to_owned(),
            fingerprint: Fingerprint::of(b"abc"),
            pin: "cGlu".to_owned(),
            is_ca: false,
        }
    }

    fn ca() -> CertDescription {
        let subject = leaf().issuer;
        CertDescription { issuer: subject.clone(), subject, names: Vec::new(), is_ca: true, ..leaf() }
    }

    #[test]
    fn what_is_shown_names_everything_that_can_be_compared() {
        let view = CertView {
            place: "/s/leaf.pem".to_owned(),
            chain: vec![leaf()],
            ca: Some(("/s/ca.pem".into(), ca())),
            verdict: None,
            name: None,
            note: None,
        };
        let expected = "\
Certificate: /s/leaf.pem
  subject   CN=gw.lan
  names     gw.lan, 127.0.0.1
  issuer    CN=frontgate local CA (box, 2026-11-20)
  valid     2026-11-19 12:34 to 2027-12-21 12:34 UTC; 396 days left
  SHA-256   BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD
            (what OpenClaw calls tlsFingerprint)
  key       ECDSA P-256
  key pin   sha256//cGlu
  serial    4A:00

Local CA, which clients must trust (`frontgate trust`): /s/ca.pem
  subject   CN=frontgate local CA (box, 2026-11-20)
  valid     2026-11-19 12:34 to 2027-12-21 12:34 UTC; 396 days left
  SHA-256   BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD
  key       ECDSA P-256
  key pin   sha256//cGlu
  serial    4A:00
";
        assert_eq!(view.text(datetime!(2026-11-20 00:00 UTC)), expected);
        for (now, words) in [
            (datetime!(2026-11-01 00:00 UTC), "NOT YET VALID: check the clock\n"),
            (datetime!(2027-12-20 00:00 UTC), "UTC; 1 day left\n"),
            (datetime!(2027-12-22 00:00 UTC), "UTC; EXPIRED\n"),
        ] {
            assert!(view.text(now).contains(words), "{words}");
        }
    }

    #[test]
    fn programs_get_the_same_as_json() {
        let view = CertView {
            place: "gw.lan:443".to_owned(),
            chain: vec![leaf(), ca()],
            ca: None,
            verdict: Some(Err("no".to_owned())),
            name: None,
            note: None,
        };
        let json = view.json(datetime!(2026-11-20 00:00 UTC));
        assert_eq!(json["tlsFingerprint"], leaf().fingerprint.to_string());
        assert_eq!(json["chain"][0]["names"], serde_json::json!(["gw.lan", "127.0.0.1"]));
        assert_eq!(json["chain"][0]["not_after"], "2027-12-21T12:34:55Z");
        assert_eq!((&json["chain"][0]["days_left"], &json["chain"][1]["ca"]), (&396.into(), &true.into()));
        assert!(json["local_ca"].is_null());
        assert_eq!((&json["trusted"], &json["refused"]), (&false.into(), &"no".into()));
        assert!(
            view.text(datetime!(2026-11-20 00:00 UTC))
                .starts_with("Certificate: gw.lan:443\n  NOT trusted by this system: no\n")
        );
    }
}
