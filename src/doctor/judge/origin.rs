//! Whether pages may connect.

use crate::doctor::catalogue::settings as found;
use crate::doctor::catalogue::settings::Known;
use crate::doctor::finding::{Diagnosis, Outcome, Severity};
use crate::doctor::plan::Site;
use crate::doctor::probe::{Answered, Listening, Opened};

/// Judges what the gateway said about each origin.
pub(in crate::doctor) fn origins(
    diagnosis: &mut Diagnosis,
    listening: &Listening,
    sites: &[Site],
    known: Option<&Known<'_>>,
) {
    let (mut broken, mut spare) = (Vec::new(), Vec::new());
    for site in sites {
        let judged: Vec<_> =
            site.origins.iter().map(|one| (one.origin.as_str(), verdict(listening, &one.origin))).collect();
        let refused = || {
            judged.iter().filter(|(_, verdict)| *verdict == Verdict::Refused).map(|(origin, _)| (*origin).to_owned())
        };
        let usual = format!("https://{}", site.name);
        let allowed = judged.iter().any(|(_, verdict)| *verdict == Verdict::Allowed);
        let elsewhere = site.any_port && (verdict(listening, &usual) == Verdict::Allowed || listed(known, &site.name));
        if allowed || elsewhere {
            diagnosis.checked(format!("the gateway allows pages from {}", site.name), Outcome::Good, "");
            if !site.any_port {
                spare.extend(refused());
            }
        } else if judged.iter().all(|(_, verdict)| *verdict == Verdict::Refused)
            && !(judged.is_empty() && verdict(listening, &usual) != Verdict::Refused)
        {
            diagnosis.checked(
                format!("the gateway allows pages from {}", site.name),
                Outcome::Bad,
                "1008 origin not allowed",
            );
            if judged.is_empty() { broken.push(usual) } else { broken.extend(refused()) }
        } else {
            let why = "the gateway did not say";
            diagnosis.checked(format!("the gateway allows pages from {}", site.name), Outcome::Skipped, why);
        }
    }
    for (list, severity) in [(broken, Severity::Broken), (spare, Severity::Advice)] {
        if !list.is_empty() {
            diagnosis.found(found::origin_not_allowed(&list, known, severity));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Refused,
    Unclear,
}

fn verdict(listening: &Listening, origin: &str) -> Verdict {
    let said = listening.origins.iter().find(|(one, _)| one.origin == origin).map(|(_, opened)| opened);
    match said {
        Some(Opened::Challenged { answered: Answered::OriginAllowed | Answered::NoSecret, .. }) => Verdict::Allowed,
        Some(Opened::Challenged { answered: Answered::OriginRefused, .. }) => Verdict::Refused,
        _ => Verdict::Unclear,
    }
}

/// Whether the gateway's list has that host under any port.
fn listed(known: Option<&Known<'_>>, name: &str) -> bool {
    let of_host = |origin: &String| {
        let host = origin.split_once("://").map_or("", |(_, host)| host.trim_end_matches('/'));
        host == name || host.strip_prefix(name).is_some_and(|port| port.starts_with(':'))
    };
    known.is_some_and(|known| known.settings.allowed_origins.iter().any(of_host))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::doctor::probe::Origin;
    use crate::doctor::settings::Settings;

    const NAME: &str = "gw.example";

    fn origin(port: u16) -> Origin {
        let host = if port == 443 { NAME.to_owned() } else { format!("{NAME}:{port}") };
        Origin { origin: format!("https://{host}"), host }
    }

    fn said(rows: &[(u16, Answered)]) -> Listening {
        let opened =
            |answered: &Answered| Opened::Challenged { after: Duration::ZERO, ahead: None, answered: answered.clone() };
        Listening {
            healthy: Some(true),
            ready: None,
            failing: Vec::new(),
            local: None,
            direct: Opened::Nothing,
            forwarded: Opened::Nothing,
            origins: rows.iter().map(|(port, answered)| (origin(*port), opened(answered))).collect(),
        }
    }

    #[test]
    fn a_page_must_be_allowed_at_the_port_that_it_comes_from() {
        use Answered::{OriginAllowed as Yes, OriginRefused as No, Unclear};
        type Row = (
            &'static [u16],
            bool,
            &'static [(u16, Answered)],
            &'static [&'static str],
            &'static [(&'static str, Severity)],
        );
        const BROKEN: Severity = Severity::Broken;
        let rows: [Row; 10] = [
            (&[8443], false, &[(8443, Yes)], &[], &[]),
            (&[8443], false, &[(8443, No)], &[], &[("https://gw.example:8443", BROKEN)]),
            (&[443], false, &[(443, No)], &[], &[("https://gw.example", BROKEN)]),
            // The port forgotten.
            (&[8443], false, &[(8443, No)], &["https://gw.example"], &[("https://gw.example:8443", BROKEN)]),
            // One of two listeners is what people use.
            (&[443, 8443], false, &[(443, Yes), (8443, No)], &[], &[("https://gw.example:8443", Severity::Advice)]),
            // A container's port is another outside.
            (&[8443], true, &[(8443, No), (443, Yes)], &[], &[]),
            (&[8443], true, &[(8443, No), (443, No)], &["https://gw.example:9443"], &[]),
            (
                &[8443],
                true,
                &[(8443, No), (443, No)],
                &["https://gw.example.org"],
                &[("https://gw.example:8443", BROKEN)],
            ),
            // TLS ends elsewhere.
            (&[], true, &[(443, No)], &[], &[("https://gw.example", BROKEN)]),
            (&[8443], false, &[(8443, Unclear)], &[], &[]),
        ];
        for (ports, any_port, answers, list, expected) in rows {
            let site = Site {
                name: NAME.to_owned(),
                origins: ports.iter().map(|port| origin(*port)).collect(),
                any_port,
                path: "/".to_owned(),
            };
            let settings =
                Settings { allowed_origins: list.iter().map(|one| (*one).to_owned()).collect(), ..Settings::default() };
            let known = Known { file: Path::new("/o.json"), settings: &settings };
            let mut diagnosis = Diagnosis::default();
            origins(&mut diagnosis, &said(answers), &[site], Some(&known));
            let found: Vec<_> = diagnosis
                .findings
                .iter()
                .map(|finding| (finding.what.rsplit(' ').next().unwrap_or_default(), finding.severity))
                .collect();
            assert_eq!(found, expected, "{ports:?} {any_port} {answers:?} {list:?}");
        }
    }

    #[test]
    fn several_names_become_one_finding_that_adds_all() {
        let site = |name: &str| Site {
            name: name.to_owned(),
            origins: vec![Origin { origin: format!("https://{name}"), host: name.to_owned() }],
            any_port: false,
            path: "/".to_owned(),
        };
        let mut listening = said(&[]);
        for name in ["a", "b"] {
            let no = Opened::Challenged { after: Duration::ZERO, ahead: None, answered: Answered::OriginRefused };
            listening.origins.push((site(name).origins.remove(0), no));
        }
        let mut diagnosis = Diagnosis::default();
        origins(&mut diagnosis, &listening, &[site("a"), site("b")], None);
        assert_eq!(diagnosis.findings.len(), 1);
        assert_eq!(
            diagnosis.findings[0].fix[1],
            r#"  {"gateway": {"controlUi": {"allowedOrigins": ["https://a","https://b"]}}}"#
        );
        assert!(diagnosis.findings[0].edit.is_none(), "there is no file to change");
    }
}
