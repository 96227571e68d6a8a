use std::path::Path;

use super::*;
use crate::config::{ConfigLocation, Overrides, load};
use crate::doctor::finding::FindingSeverity;
use crate::doctor::settings::read;

const HASH: &str = "$2b$12$DeHF3Xmsn0WR9TTj8tcVzuEeTxXTAEOSVFC/LVDw2DDBZzWzIDhVm";

fn config(yaml: &str) -> Config {
    let text = yaml.replace("HASH", HASH);
    let loaded = load(ConfigLocation::Text { text, file: "/f.yaml".into() }, [], &Overrides::default());
    loaded.unwrap_or_else(|problems| panic!("{problems}")).config
}

fn judged(gateway: &str, yaml: &str, local: &str) -> Diagnosis {
    let header = if gateway.contains("userHeader") { "" } else { "userHeader:'X-Auth-User'" };
    let text = format!("{{gateway:{{auth:{{mode:'trusted-proxy',trustedProxy:{{{header}{gateway}}}}}}}}}");
    let settings = read(&text).unwrap();
    let known = KnownSettings { file: Path::new("/o.json"), settings: &settings };
    let mut diagnosis = Diagnosis::default();
    identity(&mut diagnosis, &known, Some(local.parse().unwrap()), &config(yaml), &UpstreamAddress::default());
    diagnosis.sort();
    diagnosis
}

#[test]
fn a_field_that_clients_can_send_is_an_open_door_and_never_opened_further() {
    type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], bool, &'a [&'a str]);
    const LOGIN: &str = "auth: { basic: { ann: \"HASH\" }, user_header: x-auth-user }";
    const OTHER: &str = "auth: { basic: { ann: \"HASH\" }, user_header: x-other }";
    const NO_NAME: &str = "auth: { basic: { ann: \"HASH\" } }";
    const SERVICE: &str = "forward: { url: \"http://127.0.0.1:9091/\"";
    const STRIP: &str = "forwarded: { strip: [X-Auth-User] }";
    let two = |login: &str| format!("routes: [{{ path: /a, {login} }}, {{ upstream: \"http://127.0.0.1:18789\" }}]");
    // The other route leads elsewhere.
    let apart = format!("routes: [{{ path: /a, upstream: \"http://127.0.0.1:9\" }}, {{ {LOGIN} }}]");
    let exempt = format!("{LOGIN}\nroutes: [{{ path: /share/, auth: none }}, {{ path: / }}]");
    let open = ",allowLoopback:true";
    let (none, of_mine, not_told) = ("", "127.0.0.1", ",allowLoopback:false");
    let with_strip = format!("{NO_NAME}\n{STRIP}");
    let behind = "forwarded: { strip: [X-Auth-User], trusted_proxies: [10.0.0.9] }";
    let (behind_other, behind_login) = (format!("{behind}\n{OTHER}"), format!("{behind}\n{LOGIN}"));
    let unnamed = format!("auth: {{ {SERVICE} }}, user_header: x-auth-user }}");
    let named = format!("auth: {{ {SERVICE}, answer_headers: [Remote-User] }}, user_header: x-auth-user }}");
    let as_it_is = format!("auth: {{ {SERVICE}, answer_headers: [X-Auth-User] }} }}");
    let (two_login, two_spelt) = (two(LOGIN), "forwarded: { strip: [x_auth_user] }");
    let rows: Vec<Row<'_>> = vec![
        // No route sets the field.
        (none, "", of_mine, &["trusted_proxy_no_user", "trusted_proxy_loopback"], false, &["x-auth-user"]),
        (open, "", of_mine, &["trusted_proxy_open"], false, &["x-auth-user"]),
        (none, "", "10.0.0.2", &["trusted_proxy_open"], false, &["x-auth-user"]),
        (open, NO_NAME, of_mine, &["trusted_proxy_open"], false, &["x-auth-user"]),
        (open, OTHER, of_mine, &["trusted_proxy_open"], false, &["x-auth-user"]),
        (none, OTHER, of_mine, &["trusted_proxy_no_user", "trusted_proxy_loopback"], false, &["x-auth-user"]),
        // One of two routes sets the field, and one is let out. Then no client's passes on the other, but there is no
        // user.
        (none, &two_login, of_mine, &["trusted_proxy_no_user", "trusted_proxy_loopback"], false, &[]),
        (open, &two_login, of_mine, &["trusted_proxy_no_user"], false, &[]),
        (open, &exempt, of_mine, &["trusted_proxy_no_user"], false, &[]),
        // No client's own field passes.
        (open, STRIP, of_mine, &["trusted_proxy_no_user"], false, &[]),
        (open, two_spelt, of_mine, &["trusted_proxy_no_user"], false, &[]),
        (open, &with_strip, of_mine, &["trusted_proxy_no_user"], false, &[]),
        (open, behind, of_mine, &[], false, &[]),
        (none, behind, of_mine, &["trusted_proxy_loopback"], false, &[]),
        // A proxy before frontgate names no user where frontgate asks for a login itself.
        (open, &behind_other, of_mine, &["trusted_proxy_no_user"], false, &[]),
        (open, &behind_login, of_mine, &[], false, &[]),
        // What a login service lets in has a name only where its answer tells one.
        (open, &unnamed, of_mine, &["trusted_proxy_service_names_nobody"], false, &[]),
        (open, &named, of_mine, &[], false, &[]),
        (open, &as_it_is, of_mine, &[], false, &[]),
        // A login service's field never passes from a client.
        ("userHeader:'X-Auth-Request-User',allowLoopback:true", "", of_mine, &["trusted_proxy_no_user"], false, &[]),
        ("userHeader:'remote_user',allowLoopback:true", "", of_mine, &["trusted_proxy_no_user"], false, &[]),
        // All routes set the field.
        (none, LOGIN, of_mine, &["trusted_proxy_loopback"], true, &[]),
        (none, &apart, of_mine, &["trusted_proxy_loopback"], true, &[]),
        (open, LOGIN, of_mine, &[], false, &[]),
        (none, LOGIN, "10.0.0.2", &[], false, &[]),
        // An explicit choice is left alone.
        (not_told, LOGIN, of_mine, &["trusted_proxy_loopback"], false, &[]),
    ];
    for (gateway, yaml, local, expected, edited, strip) in rows {
        let diagnosis = judged(gateway, yaml, local);
        let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, expected, "{gateway} {yaml} {local}");
        assert_eq!(diagnosis.findings.iter().any(|finding| finding.edit.is_some()), edited, "{gateway} {yaml}");
        let named: Vec<_> = diagnosis.findings.iter().flat_map(|finding| &finding.strip).collect();
        assert_eq!(named, strip, "{gateway} {yaml}");
        assert!(diagnosis.findings.iter().all(|finding| finding.severity == FindingSeverity::Broken));
    }
}

#[test]
fn what_keeps_users_out_behind_the_login_is_found() {
    let login = "auth: { basic: { ann: \"HASH\", bob: \"HASH\" }, user_header: x-auth-user }";
    let key = format!("{login}\nroutes: [{{ request_headers: {{ set: {{ X-Key: k }} }} }}]");
    let rows: [(&str, &str, &[&str]); 8] = [
        (",allowUsers:['ann','bob']", login, &[]),
        (",allowUsers:['ann']", login, &["trusted_proxy_users:advice"]),
        (",allowUsers:['Ann','bob@example.com']", login, &["trusted_proxy_users:broken"]),
        (",requiredHeaders:['X-Forwarded-Proto','x-real-ip','host','x-auth-user']", login, &[]),
        (",requiredHeaders:['X-Key']", login, &["trusted_proxy_required_headers:broken"]),
        (",requiredHeaders:['X-Key']", &key, &[]),
        (",requiredHeaders:['forwarded']", login, &["trusted_proxy_required_headers:broken"]),
        (",allowUsers:[]", login, &[]),
    ];
    for (gateway, yaml, expected) in rows {
        let diagnosis = judged(&format!(",allowLoopback:true{gateway}"), yaml, "127.0.0.1");
        let found: Vec<_> =
            diagnosis.findings.iter().map(|finding| format!("{}:{}", finding.id, finding.severity.as_str())).collect();
        assert_eq!(found, expected, "{gateway} {yaml}");
    }
}
