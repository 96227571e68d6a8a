//! What the answers mean that pages of a gateway's get through frontgate.

use http::StatusCode;

use crate::doctor::catalogue::part as found;
use crate::doctor::catalogue::settings::KnownSettings;
use crate::doctor::finding::{CheckOutcome, Diagnosis, Finding};
use crate::doctor::parts::{PartKind, host};
use crate::doctor::planned::ClientName;
use crate::doctor::probe::{ProbedPart, SeenPart};

/// Judges what one page got.
pub(in crate::doctor) fn part(diagnosis: &mut Diagnosis, probed: &ProbedPart) {
    let name = &probed.planned.name;
    let what = match &probed.planned.kind {
        PartKind::BasePath(below) => format!("https://{name}/ leads to the pages below {below}"),
        PartKind::Apps(_) => format!("through {} {name} leads to MCP Apps", probed.address),
        PartKind::Portals(below, _) => format!("through {} *.{below} leads to portals", probed.address),
    };
    let (outcome, saw, finding) = verdict(probed);
    diagnosis.checked(what, outcome, saw);
    if let Some(finding) = finding {
        diagnosis.found(finding);
    }
}

fn verdict(probed: &ProbedPart) -> (CheckOutcome, String, Option<Finding>) {
    let (name, kind) = (&probed.planned.name, &probed.planned.kind);
    let bad = |saw: String, finding| (CheckOutcome::Bad, saw, Some(finding));
    let (status, location, text) = match &probed.seen {
        SeenPart::Silent if !matches!(kind, PartKind::BasePath(_)) => {
            return bad("no answer came".to_owned(), found::not_reached(kind, name));
        }
        SeenPart::Nothing | SeenPart::Silent => return (CheckOutcome::Skipped, "there was no answer".to_owned(), None),
        // What names a gateway itself has is judged with its certificates.
        SeenPart::OtherCertificate if matches!(kind, PartKind::BasePath(_)) => {
            return (CheckOutcome::Skipped, "there is no certificate for it".to_owned(), None);
        }
        SeenPart::OtherCertificate => {
            return bad("no certificate for it".to_owned(), found::certificate(kind, name, &probed.address));
        }
        SeenPart::Answered { status, location, text } => {
            (*status, location.as_deref().unwrap_or_default(), text.as_str())
        }
    };
    let saw = format!("status {}", status.as_u16());
    // A client of this machine may be kept out where others are let in.
    let guarded = || (CheckOutcome::Skipped, format!("{saw}: this machine is kept out"), None);
    match kind {
        PartKind::BasePath(below) => {
            let path =
                location.split_once("://").map_or(location, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
            if status.is_redirection() && (path == below || path.starts_with(&format!("{below}/"))) {
                (CheckOutcome::Good, String::new(), None)
            } else if status == StatusCode::NOT_FOUND || status.is_redirection() && !path.starts_with("/.frontgate/") {
                bad(saw, found::no_redirect(name, below))
            } else {
                guarded()
            }
        }
        PartKind::Apps(_) if status == StatusCode::OK && text.contains("sandbox") => {
            (CheckOutcome::Good, String::new(), None)
        }
        PartKind::Portals(..) if status == StatusCode::NOT_FOUND && text.starts_with("Unknown portal") => {
            (CheckOutcome::Good, String::new(), None)
        }
        _ if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            && text.contains("client_not_allowed") =>
        {
            guarded()
        }
        _ => bad(saw, found::not_reached(kind, name)),
    }
}

/// Judges the settings that name addresses of frontgate's. `sites` are the names that lead to that gateway.
pub(in crate::doctor) fn addresses(diagnosis: &mut Diagnosis, known: &KnownSettings<'_>, sites: &[ClientName]) {
    let settings = known.settings;
    let Some(own) = sites.iter().find_map(|site| site.origins.first()).map(|origin| origin.origin.as_str()) else {
        return;
    };
    let is_served = |origin: &str| {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        sites.iter().any(|site| {
            site.origins.iter().any(|one| one.origin == origin) || site.any_port && host(&origin) == Some(&site.name)
        })
    };
    if let Some(public) = &settings.public_origin {
        let what = "gateway.publicOrigin is what frontgate serves";
        if is_served(public) {
            diagnosis.checked(what, CheckOutcome::Good, public);
        } else {
            diagnosis.checked(what, CheckOutcome::Bad, public);
            diagnosis.found(found::public_origin(known, public, own));
        }
    }
    if let Some(pairing) = &settings.pairing_url {
        let names = |host: &str| sites.iter().any(|site| site.name == host.to_ascii_lowercase());
        if !host(pairing).is_some_and(names) {
            diagnosis.found(found::pairing_url(known, pairing, own));
        }
    }
    if settings.apps.enabled && settings.apps.origin.is_none() {
        diagnosis.found(found::no_sandbox_origin(known));
    }
    let usual = |site: &ClientName| site.any_port || site.origins.iter().any(|one| one.host == site.name);
    if let Some(below) = settings.portals.as_ref().and_then(|portals| portals.domain.as_ref())
        && !sites.iter().any(usual)
    {
        diagnosis.found(found::portals_port(below, own));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::doctor::parts::PlannedPart;
    use crate::doctor::planned::ProbedOrigin;
    use crate::doctor::settings::read;

    fn answered(status: u16, location: &str, text: &str) -> SeenPart {
        let location = (!location.is_empty()).then(|| location.to_owned());
        SeenPart::Answered { status: StatusCode::from_u16(status).unwrap(), location, text: text.to_owned() }
    }

    #[test]
    fn a_part_must_be_answered_by_the_listener_that_has_it() {
        use PartKind::{Apps, BasePath, Portals};
        let below = || BasePath("/openclaw".to_owned());
        let portals = || Portals("p.gw".to_owned(), 18890);
        let rows: Vec<(PartKind, SeenPart, Option<&str>)> = vec![
            (below(), answered(302, "/openclaw/", ""), None),
            (below(), answered(301, "https://gw/openclaw/", ""), None),
            (below(), answered(302, "/openclawed/", ""), Some("base_path_no_redirect")),
            (below(), answered(302, "/.frontgate/login?return=/", ""), None),
            (below(), answered(404, "", "Not Found"), Some("base_path_no_redirect")),
            (below(), answered(403, "", "proxy_attribution_required"), None),
            (below(), SeenPart::OtherCertificate, None),
            (Apps(18790), answered(200, "", "<title>MCP App sandbox</title>"), None),
            (Apps(18790), answered(200, "", "<html data-openclaw-control-ui>"), Some("sandbox_not_reached")),
            (Apps(18790), answered(502, "", ""), Some("sandbox_not_reached")),
            (Apps(18790), SeenPart::OtherCertificate, Some("sandbox_certificate")),
            (Apps(18790), SeenPart::Nothing, None),
            (Apps(18790), SeenPart::Silent, Some("sandbox_not_reached")),
            (below(), SeenPart::Silent, None),
            (portals(), answered(404, "", "Unknown portal"), None),
            (portals(), answered(404, "", "Not Found"), Some("portals_not_reached")),
            (portals(), answered(403, "", "{\"code\":\"client_not_allowed\"}"), None),
            (portals(), SeenPart::OtherCertificate, Some("portals_certificate")),
        ];
        for (kind, seen, expected) in rows {
            let planned = PlannedPart { kind, name: "gw".to_owned(), path: "/" };
            let probed = ProbedPart { planned, address: "[::]:443".to_owned(), seen };
            let mut diagnosis = Diagnosis::default();
            part(&mut diagnosis, &probed);
            assert_eq!(diagnosis.findings.first().map(|finding| finding.id), expected, "{probed:?}");
        }
    }

    #[test]
    fn settings_name_the_address_that_frontgate_has() {
        let site = |port: u16| {
            let host = if port == 443 { "gw".to_owned() } else { format!("gw:{port}") };
            let origins = vec![ProbedOrigin { origin: format!("https://{host}"), host }];
            ClientName { name: "gw".to_owned(), origins, any_port: false, path: "/".to_owned() }
        };
        let device = |url: &str| format!("{{plugins:{{entries:{{'device-pair':{{config:{{publicUrl:'{url}'}}}}}}}}}}");
        let rows: [(&str, u16, &[&str]); 10] = [
            ("{gateway:{publicOrigin:'https://GW/'}}", 443, &[]),
            ("{gateway:{publicOrigin:'https://gw'}}", 8443, &["public_origin_differs"]),
            ("{gateway:{publicOrigin:'https://other'}}", 443, &["public_origin_differs"]),
            (&device("wss://gw"), 443, &[]),
            (&device("https://other"), 443, &["join_links_lead_elsewhere"]),
            ("{mcp:{apps:{enabled:true}}}", 443, &["sandbox_origin_missing"]),
            ("{mcp:{apps:{enabled:true,sandboxOrigin:'https://apps'}}}", 443, &[]),
            ("{gateway:{portals:{ingress:{domain:'p.gw',port:1}}}}", 443, &[]),
            ("{gateway:{portals:{ingress:{domain:'p.gw',port:1}}}}", 8443, &["portals_port"]),
            ("{}", 8443, &[]),
        ];
        for (text, port, expected) in rows {
            let settings = read(text).unwrap();
            let known = KnownSettings { file: Path::new("/o.json"), settings: &settings };
            let mut diagnosis = Diagnosis::default();
            addresses(&mut diagnosis, &known, &[site(port)]);
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, expected, "{text} {port}");
        }
    }
}
