//! Which certificate a client is shown.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use frontgate::config::{Certificate, CertificateSource, Config, Name, NamedCertificate};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncWriteExt;

use super::made::{Ca, Folder};
use super::seeing::{Seeing, client, shown};
use super::{GET, OK};
use crate::harness::{Wire, dial_from, gateway, handshake, proxy, within};

#[tokio::test]
async fn each_name_gets_its_certificate_and_the_unknown_the_first() {
    let gateway = gateway().answering(OK).await;
    let folder = Folder::new();
    let ca = Ca::new();
    let first = ca.signed(&["first.example.com"]);
    let (wild, exact) = (ca.signed(&["*.example.com"]), ca.signed(&["gw.example.com"]));
    let files = [("1", &first), ("2", &wild), ("3", &exact)].map(|(name, made)| folder.put(name, made)).to_vec();
    let proxy =
        proxy().upstream(&gateway).config(|config| config.tls.certificate = Certificate::Files(files)).start().await;
    for (asked, expected) in [
        ("gw.example.com", &exact),
        ("GW.Example.COM", &exact),
        ("a.example.com", &wild),
        ("first.example.com", &first),
        ("a.b.example.com", &first),
        ("unknown", &first),
        // The client asks for no name at all.
        ("127.0.0.1", &first),
    ] {
        assert_eq!(shown(&proxy, asked).await, expected.der, "{asked}");
    }
    // A client that asked for an unknown name still gets as far as the page.
    let mut client = Wire::new(client(&proxy, "unknown", &Seeing::default().config(&["http/1.1"])).await);
    client.send(GET).await;
    assert_eq!(client.response().await.status(), 200);
}

#[tokio::test]
async fn each_name_gets_its_certificate_from_its_own_source() {
    let gateway = gateway().answering(OK).await;
    let folder = Folder::new();
    let apps = Ca::new().signed(&["apps.lan"]);
    let files = folder.put("apps", &apps);
    let dns = |name: &str| Name::Dns(name.to_owned());
    let named = NamedCertificate { names: vec![dns("apps.lan")], source: CertificateSource::Files(files) };
    let named = |config: &mut Config| {
        config.tls.names = vec![dns("gw.lan"), dns("apps.lan")];
        config.tls.certificate = Certificate::Named(vec![named]);
    };
    let proxy = proxy().upstream(&gateway).config(named).start().await;
    assert_eq!(shown(&proxy, "apps.lan").await, apps.der);
    let local = shown(&proxy, "gw.lan").await;
    assert!(local != apps.der);
    assert_eq!(shown(&proxy, "unknown").await, local);
}

#[tokio::test]
async fn a_bare_address_gets_a_certificate_of_its_own_and_changes_no_other() {
    let gateway = gateway().answering(OK).await;
    let everywhere = |config: &mut Config| config.listen.https = vec!["0.0.0.0:0".parse().unwrap()];
    let first = proxy().upstream(&gateway).config(everywhere).start().await;
    let port = first.https.unwrap().port();
    let other = Ipv4Addr::new(127, 0, 0, 5);
    let trust = first.trust().offering(&["http/1.1"]);
    // The trust is real: the name in the certificate must be the address.
    let at = async |address: Ipv4Addr, port: u16| {
        let stream = dial_from(Ipv4Addr::LOCALHOST, SocketAddr::new(IpAddr::V4(address), port)).await;
        let stream = handshake(stream, trust.clone(), &address.to_string()).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let main = at(Ipv4Addr::LOCALHOST, port).await;
    let made = at(other, port).await;
    assert_ne!(made, main);
    assert_eq!(at(other, port).await, made);
    assert_eq!(at(Ipv4Addr::LOCALHOST, port).await, main);
    assert_eq!(shown(&first, "localhost").await, main);

    let (_, state) = first.stop().await;
    let second = proxy().upstream(&gateway).config(everywhere).state(state).start().await;
    let port = second.https.unwrap().port();
    assert_eq!(at(other, port).await, made);
    assert_eq!(at(Ipv4Addr::LOCALHOST, port).await, main);
}

#[tokio::test]
async fn nothing_is_made_for_an_address_that_only_a_proxy_has_dialled() {
    let gateway = gateway().answering(OK).await;
    let behind = |config: &mut Config| {
        config.listen.https = vec!["0.0.0.0:0".parse().unwrap()];
        config.listen.proxy_protocol_from = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let proxy = proxy().upstream(&gateway).config(behind).start().await;
    let mut stream =
        dial_from(Ipv4Addr::LOCALHOST, SocketAddr::from(([127, 0, 0, 7], proxy.https.unwrap().port()))).await;
    stream.write_all(b"PROXY TCP4 203.0.113.9 198.51.100.1 4000 443\r\n").await.unwrap();
    let seeing = Seeing::default();
    handshake(stream, seeing.config(&["h2"]), "198.51.100.1").await.unwrap();
    let (_, state) = proxy.stop().await;
    let main = CertificateDer::from_pem_file(state.path().join("leaf.pem")).unwrap();
    assert_eq!(seeing.leaf(), main);
    assert!(!state.path().join("address-127.0.0.7.pem").exists());
}

#[tokio::test]
async fn many_clients_that_dial_an_address_first_get_the_same_certificate() {
    let gateway = gateway().answering(OK).await;
    let everywhere = |config: &mut Config| config.listen.https = vec!["0.0.0.0:0".parse().unwrap()];
    let proxy = proxy().upstream(&gateway).config(everywhere).start().await;
    let address = SocketAddr::from(([127, 0, 0, 6], proxy.https.unwrap().port()));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..20 {
        clients.spawn(async move {
            let seeing = Seeing::default();
            handshake(dial_from(Ipv4Addr::LOCALHOST, address).await, seeing.config(&["h2"]), "127.0.0.6")
                .await
                .unwrap();
            seeing.leaf()
        });
    }
    let mut all = within("the clients", clients.join_all()).await;
    all.dedup();
    assert_eq!(all.len(), 1);
}
