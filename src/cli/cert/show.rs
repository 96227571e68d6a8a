//! `frontgate cert show`: what clients get to see, in the words by which it is recognised.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::cli::failure::Failure;
use crate::cli::loaded;
use crate::cli::output::print;
use crate::tls::{Description, OnDisk};

/// Which certificate, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate cert show -c /etc/frontgate/frontgate.yaml")]
pub(super) struct Args {
    /// The config [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let config = loaded::config(args.config)?;
    let kept = OnDisk::read(&config.tls, config.state_dir.as_deref()).map_err(anyhow::Error::new)?;
    let now = OffsetDateTime::now_utc();
    let views = kept.iter().map(View::of);
    print(if args.json {
        format!("{:#}\n", Json::Array(views.map(|view| view.json(now)).collect()))
    } else {
        views.map(|view| view.text(now)).collect::<Vec<_>>().join("\n")
    })
}

/// What is shown.
struct View<'a> {
    file: &'a Path,
    chain: Vec<Description>,
    ca: Option<(&'a Path, Description)>,
}

impl<'a> View<'a> {
    fn of(kept: &'a OnDisk) -> Self {
        let ca = kept.ca.as_ref();
        Self {
            file: &kept.file,
            chain: kept.chain.iter().filter_map(|one| Description::read(one)).collect(),
            ca: ca.and_then(|ca| Some((ca.file.as_path(), Description::read(&ca.certificate)?))),
        }
    }

    fn text(&self, now: OffsetDateTime) -> String {
        let mut out = format!("Certificate: {}\n", self.file.display());
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
            "file": self.file.display().to_string(),
            "tlsFingerprint": self.chain.first().map(|leaf| leaf.fingerprint.to_string()),
            "chain": self.chain.iter().map(|one| fields(one, now)).collect::<Vec<_>>(),
            "local_ca": self.ca.as_ref().map(|(file, ca)| json!({
                "file": file.display().to_string(),
                "certificate": fields(ca, now),
            })),
        })
    }
}

fn block(one: &Description, now: OffsetDateTime, note: Option<&str>) -> String {
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

fn fields(one: &Description, now: OffsetDateTime) -> Json {
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

fn left(one: &Description, now: OffsetDateTime) -> String {
    match one.days_left(now) {
        _ if now < one.not_before => "NOT YET VALID: check the clock".to_owned(),
        _ if now > one.not_after => "EXPIRED".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    }
}

fn minute(time: OffsetDateTime) -> String {
    // It can only fail for a year beyond 9999, which a certificate cannot carry.
    time.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use time::macros::datetime;

    use super::View;
    use crate::config::Name;
    use crate::tls::{Description, Fingerprint};

    fn leaf() -> Description {
        Description {
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

    fn ca() -> Description {
        let subject = leaf().issuer;
        Description { issuer: subject.clone(), subject, names: Vec::new(), is_ca: true, ..leaf() }
    }

    #[test]
    fn what_is_shown_names_everything_that_can_be_compared() {
        let view =
            View { file: Path::new("/s/leaf.pem"), chain: vec![leaf()], ca: Some((Path::new("/s/ca.pem"), ca())) };
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
        let view = View { file: Path::new("/s/chain.pem"), chain: vec![leaf(), ca()], ca: None };
        let json = view.json(datetime!(2026-11-20 00:00 UTC));
        assert_eq!(json["tlsFingerprint"], leaf().fingerprint.to_string());
        assert_eq!(json["chain"][0]["names"], serde_json::json!(["gw.lan", "127.0.0.1"]));
        assert_eq!(json["chain"][0]["not_after"], "2027-12-21T12:34:55Z");
        assert_eq!((&json["chain"][0]["days_left"], &json["chain"][1]["ca"]), (&396.into(), &true.into()));
        assert!(json["local_ca"].is_null());
    }
}
