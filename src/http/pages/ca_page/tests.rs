use base64::Engine as _;
use rcgen::{CertificateParams, DnType, KeyPair};

use super::{CaPageSystem, HttpsLocation, OfferedCa, POLICY, TEMPLATE, is_loopback, page, qr};

fn ca() -> OfferedCa {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "frontgate local CA (<box>, 2026-11-20)");
    OfferedCa::new(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der()).unwrap()
}

#[test]
fn the_page_is_complete_escaped_and_loads_nothing() {
    let ca = ca();
    let page = page(&ca, at(Some(8443)), "gw.lan:8080", None);
    for words in [
        "frontgate local CA (&lt;box&gt;, 2026-11-20)",
        "<a href=\"https://gw.lan:8443/\">https://gw.lan:8443/</a>",
        "<figcaption>http://gw.lan:8080/.well-known/frontgate/ca</figcaption>",
        "href=\"/.well-known/frontgate/ca.mobileconfig\"",
        "href=\"/.well-known/frontgate/ca.der\"",
        "href=\"/.well-known/frontgate/ca.pem\"",
        "<svg viewBox=",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let shown: String = page.split_once("class=\"print\">").unwrap().1.split_once("</div>").unwrap().0.into();
    let shown = shown.replace("<span>", "").replace("</span> ", ":").replace("</span>", "");
    assert_eq!(shown, ca.fingerprint);
    for outside in ["src=", "url(", "@import", "<script", "<link", "{{"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let elsewhere: Vec<_> = page.split("href=\"").skip(1).filter(|link| !link.starts_with(['/', 'h'])).collect();
    assert_eq!(elsewhere, [""; 0]);
}

#[test]
fn a_host_of_odd_characters_stays_text() {
    let page = page(&ca(), at(None), "a'&;=(gw)", None);
    assert!(page.contains("https://a&#39;&amp;;=(gw)/") && !page.contains("a'&"), "{page}");
}

#[test]
fn a_phone_is_not_sent_to_itself() {
    for (name, expected) in
        [("localhost", true), ("127.0.0.1", true), ("[::1]", true), ("gw.lan", false), ("192.168.1.2", false)]
    {
        assert_eq!(is_loopback(name), expected, "{name}");
        assert_eq!(page(&ca(), at(None), name, None).contains("<svg"), !expected, "{name}");
    }
    assert!(qr::svg(&"x".repeat(201)).is_none());
}

#[test]
fn the_instructions_for_the_asking_system_are_open() {
    for (agent, expected) in [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)", Some(CaPageSystem::Ios)),
        ("Mozilla/5.0 (Linux; Android 16; Pixel 9)", Some(CaPageSystem::Android)),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", Some(CaPageSystem::Mac)),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", Some(CaPageSystem::Windows)),
        ("Mozilla/5.0 (X11; Linux x86_64)", Some(CaPageSystem::Linux)),
        ("curl/8.9.1", None),
    ] {
        let system = CaPageSystem::guess(Some(agent));
        assert_eq!(system, expected, "{agent}");
        let opened = page(&ca(), at(None), "gw.lan", system).matches("<details open>").count();
        assert_eq!(opened, usize::from(expected.is_some()), "{agent}");
    }
}

#[test]
fn the_policy_names_the_hash_of_the_style() {
    let (_, style) = TEMPLATE.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    assert!(POLICY.contains(&format!("'sha256-{hash}'")), "write {hash} into POLICY");
}

fn at(port: Option<u16>) -> HttpsLocation {
    HttpsLocation { port, beside_80: true }
}
