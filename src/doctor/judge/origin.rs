//! Whether pages may connect.

use crate::doctor::catalogue::origin as found;
use crate::doctor::catalogue::settings::KnownSettings;
use crate::doctor::finding::{CheckOutcome, Diagnosis, FindingSeverity};
use crate::doctor::near::{Near, near};
use crate::doctor::planned::ClientName;
use crate::doctor::probe::{ConnectAnswer, Listening, OpenedSocket};

/// Judges what the gateway said about each origin.
pub(in crate::doctor) fn origins(
    diagnosis: &mut Diagnosis,
    listening: &Listening,
    sites: &[ClientName],
    known: Option<&KnownSettings<'_>>,
) {
    let (mut broken, mut spare) = (Vec::new(), Vec::new());
    for site in sites {
        let judged: Vec<_> =
            site.origins.iter().map(|one| (one.origin.as_str(), verdict(listening, &one.origin))).collect();
        let refused = || {
            judged
                .iter()
                .filter(|(_, verdict)| *verdict == OriginVerdict::Refused)
                .map(|(origin, _)| (*origin).to_owned())
        };
        let usual = format!("https://{}", site.name);
        let allowed = judged.iter().any(|(_, verdict)| *verdict == OriginVerdict::Allowed);
        let elsewhere =
            site.any_port && (verdict(listening, &usual) == OriginVerdict::Allowed || listed(known, &site.name));
        if allowed || elsewhere {
            diagnosis.checked(format!("the gateway allows pages from {}", site.name), CheckOutcome::Good, "");
            if !site.any_port {
                spare.extend(refused());
            }
        } else if judged.iter().all(|(_, verdict)| *verdict == OriginVerdict::Refused)
            && !(judged.is_empty() && verdict(listening, &usual) != OriginVerdict::Refused)
        {
            diagnosis.checked(
                format!("the gateway allows pages from {}", site.name),
                CheckOutcome::Bad,
                "1008 origin not allowed",
            );
            if judged.is_empty() { broken.push(usual) } else { broken.extend(refused()) }
        } else {
            // The gateway did not say whether the page may connect; where its list shows the answer, that is as good.
            let missed = |origin: &&str| {
                known.is_some_and(|known| !known.settings.lists(origin) && nearest(known, origin).is_some())
            };
            broken.extend(judged.iter().map(|(origin, _)| *origin).filter(missed).map(str::to_owned));
            let why = "the gateway did not say";
            diagnosis.checked(format!("the gateway allows pages from {}", site.name), CheckOutcome::Skipped, why);
        }
    }
    for (list, severity) in [(broken, FindingSeverity::Broken), (spare, FindingSeverity::Advice)] {
        let mut others = Vec::new();
        for origin in list {
            match known.and_then(|known| Some((known, nearest(known, &origin)?))) {
                Some((known, near)) => diagnosis.found(found::nearly_allowed(&origin, &near, known, severity)),
                None => others.push(origin),
            }
        }
        if !others.is_empty() {
            diagnosis.found(found::not_allowed(&others, known, severity));
        }
    }
    for (known, origin) in
        sites.iter().flat_map(|site| &site.origins).filter_map(|origin| Some((known?, &origin.origin)))
    {
        let entries = || known.settings.allowed_origins.iter().map(|entry| entry.trim());
        let exact = entries().any(|entry| entry == origin || entry == "*");
        if let Some(entry) = entries().find(|entry| !exact && entry.eq_ignore_ascii_case(origin)) {
            diagnosis.found(found::written_otherwise(origin, entry, known));
        }
    }
}

/// The entry of the gateway's list that differs least from `origin` without being it. An entry that comes from another
/// file may make up for it.
fn nearest<'a>(known: &KnownSettings<'a>, origin: &str) -> Option<Near<'a>> {
    let entries = known.settings.allowed_origins.iter().filter(|_| !known.settings.partial);
    entries.filter_map(|entry| near(entry, origin)).min_by_key(|near| near.differs.len())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OriginVerdict {
    Allowed,
    Refused,
    Unclear,
}

fn verdict(listening: &Listening, origin: &str) -> OriginVerdict {
    let said = listening.origins.iter().find(|(one, _)| one.origin == origin).map(|(_, opened)| opened);
    match said {
        Some(OpenedSocket::Challenged { answered: ConnectAnswer::OriginAllowed | ConnectAnswer::NoSecret, .. }) => {
            OriginVerdict::Allowed
        }
        Some(OpenedSocket::Challenged { answered: ConnectAnswer::OriginRefused, .. }) => OriginVerdict::Refused,
        _ => OriginVerdict::Unclear,
    }
}

/// Whether the gateway's list has that host under any port.
fn listed(known: Option<&KnownSettings<'_>>, name: &str) -> bool {
    let of_host = |origin: &String| {
        let host = origin.strip_prefix("https://").unwrap_or("");
        let is_port =
            |port: &str| port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        host == name || host.strip_prefix(name).is_some_and(is_port)
    };
    // Gateways that have no list take `publicOrigin` for one, in versions that do.
    let all = |known: &KnownSettings<'_>| {
        let list = known.settings.allowed_origins.iter().chain(&known.settings.public_origin);
        list.map(|entry| entry.trim().to_ascii_lowercase()).collect::<Vec<_>>()
    };
    known.is_some_and(|known| all(known).iter().any(of_host))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::doctor::planned::ProbedOrigin;
    use crate::doctor::settings::GatewaySettings;

    const NAME: &str = "gw.example";

    fn origin(port: u16) -> ProbedOrigin {
        let host = if port == 443 { NAME.to_owned() } else { format!("{NAME}:{port}") };
        ProbedOrigin { origin: format!("https://{host}"), host }
    }

    fn said(rows: &[(u16, ConnectAnswer)]) -> Listening {
        let opened = |answered: &ConnectAnswer| OpenedSocket::Challenged {
            after: Duration::ZERO,
            ahead: None,
            answered: answered.clone(),
        };
        Listening {
            healthy: Some(true),
            ready: None,
            failing: Vec::new(),
            local: None,
            direct: OpenedSocket::Nothing,
            forwarded: OpenedSocket::Nothing,
            origins: rows.iter().map(|(port, answered)| (origin(*port), opened(answered))).collect(),
        }
    }

    #[test]
    fn a_page_must_be_allowed_at_the_port_that_it_comes_from() {
        use ConnectAnswer::{OriginAllowed as Yes, OriginRefused as No, Unclear};
        type Row = (
            &'static [u16],
            bool,
            &'static [(u16, ConnectAnswer)],
            &'static [&'static str],
            &'static [(&'static str, FindingSeverity)],
        );
        const BROKEN: FindingSeverity = FindingSeverity::Broken;
        let rows: [Row; 10] = [
            (&[8443], false, &[(8443, Yes)], &[], &[]),
            (&[8443], false, &[(8443, No)], &[], &[("https://gw.example:8443", BROKEN)]),
            (&[443], false, &[(443, No)], &[], &[("https://gw.example", BROKEN)]),
            // The port forgotten.
            (&[8443], false, &[(8443, No)], &["https://gw.example"], &[("https://gw.example:8443", BROKEN)]),
            // One of two listeners is what people use.
            (
                &[443, 8443],
                false,
                &[(443, Yes), (8443, No)],
                &[],
                &[("https://gw.example:8443", FindingSeverity::Advice)],
            ),
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
            let site = ClientName {
                name: NAME.to_owned(),
                origins: ports.iter().map(|port| origin(*port)).collect(),
                any_port,
                path: "/".to_owned(),
            };
            let settings = GatewaySettings {
                allowed_origins: list.iter().map(|one| (*one).to_owned()).collect(),
                ..GatewaySettings::default()
            };
            let known = KnownSettings { file: Path::new("/o.json"), settings: &settings };
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
        let site = |name: &str| ClientName {
            name: name.to_owned(),
            origins: vec![ProbedOrigin { origin: format!("https://{name}"), host: name.to_owned() }],
            any_port: false,
            path: "/".to_owned(),
        };
        let mut listening = said(&[]);
        for name in ["a", "b"] {
            let no =
                OpenedSocket::Challenged { after: Duration::ZERO, ahead: None, answered: ConnectAnswer::OriginRefused };
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
