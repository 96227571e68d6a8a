//! [`Pebble`]: the authority of Debian's package `pebble`, with the DNS server that comes with it, on ports of their
//! own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use frontgate::tls::acme::DirectoryHttps;
use http::Request;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::not_run;

/// An authority that is set up, running or not.
pub(crate) struct Pebble {
    folder: TempDir,
    config: Value,
    nonces_refused: u32,
    ports: [u16; 6],
    running: Vec<Running>,
}

/// Where a challenge is looked at: the ports that frontgate has to listen on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looks {
    pub(crate) http: u16,
    pub(crate) tls: u16,
}

/// A process that is killed when its test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Pebble {
    /// Sets up an authority; `None`, with a loud line, where Pebble is not installed.
    pub(crate) fn new() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let installed = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
        if !(installed("pebble") && installed("pebble-challtestsrv")) {
            let how = "install Debian's package `pebble`; with FRONTGATE_PEBBLE=required its absence is a failure";
            assert!(std::env::var_os("FRONTGATE_PEBBLE").is_none(), "pebble is missing: {how}");
            not_run(&format!("pebble is missing; the public certificate is unchecked here: {how}"));
            return None;
        }
        let folder = TempDir::new().unwrap();
        certify(folder.path(), IsCa::NoCa);
        let ports = [(); 6].map(|()| free_port());
        let [listen, management, http, tls, ..] = ports;
        let config = json!({
            "listenAddress": format!("127.0.0.1:{listen}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.path().join("directory.pem"),
            "privateKey": folder.path().join("directory.key"),
            "httpPort": http,
            "tlsPort": tls,
            "domainBlocklist": ["refused.test"],
        });
        Some(Self { folder, config, nonces_refused: 20, ports, running: Vec::new() })
    }

    /// With a certificate that signed itself and says that it may sign others, as `openssl req -x509` makes one.
    pub(super) fn marked_as_ca(self) -> Self {
        certify(self.folder.path(), IsCa::Ca(BasicConstraints::Unconstrained));
        self
    }

    /// Sets `key` in Pebble's own configuration.
    pub(crate) fn config(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    /// Starts Pebble, and waits until it answers. Every name is 127.0.0.1.
    pub(crate) async fn start(&mut self) {
        let [.., dns, management] = self.ports;
        let config = self.folder.path().join("pebble.json");
        std::fs::write(&config, json!({ "pebble": self.config }).to_string()).unwrap();
        let dns = format!("127.0.0.1:{dns}");
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""]);
        names.args(["-dns01", &dns, "-management", &format!("127.0.0.1:{management}")]);
        let mut pebble = Command::new("pebble");
        pebble.args(["-strict", "-dnsserver", &dns, "-config"]).arg(&config);
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", self.nonces_refused.to_string());
        for program in [&mut names, &mut pebble] {
            program.stdout(Stdio::null()).stderr(Stdio::null());
            self.running.push(Running(program.spawn().unwrap()));
        }
        let began = Instant::now();
        while self.get(self.ports[0], "/dir").await.is_none() {
            assert!(began.elapsed() < PATIENCE, "pebble does not answer");
            for running in &mut self.running {
                assert_eq!(running.0.try_wait().unwrap(), None, "pebble or its DNS server has ended");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops Pebble; it forgets everything.
    pub(super) fn stop(&mut self) {
        self.running.clear();
    }

    pub(crate) fn looks(&self) -> Looks {
        Looks { http: self.ports[2], tls: self.ports[3] }
    }

    /// The lines of frontgate's configuration that make Pebble its authority.
    pub(crate) fn acme(&self) -> String {
        format!("directory: \"https://127.0.0.1:{}/dir\", ca_file: {}", self.ports[0], self.ca_file().display())
    }

    /// The root certificate that signs for Pebble's certificates in the end.
    pub(crate) async fn root(&self) -> CertificateDer<'static> {
        let pem = self.get(self.ports[1], "/roots/0").await.expect("the management listener");
        CertificateDer::from_pem_slice(&pem).unwrap()
    }

    fn ca_file(&self) -> PathBuf {
        Path::new(self.folder.path()).join("directory.pem")
    }

    async fn get(&self, port: u16, path: &str) -> Option<Vec<u8>> {
        let client = DirectoryHttps::dial(Some(&self.ca_file())).unwrap()().unwrap();
        let request =
            Request::get(format!("https://127.0.0.1:{port}{path}")).body(instant_acme::BodyWrapper::default());
        let mut answer = client.request(request.unwrap()).await.ok()?;
        let body = answer.body.into_bytes().await.ok()?;
        answer.parts.status.is_success().then(|| body.to_vec())
    }
}

/// Makes the certificate of the directory itself, and its key.
fn certify(folder: &Path, is_ca: IsCa) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.is_ca = is_ca;
    std::fs::write(folder.join("directory.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.join("directory.key"), key.serialize_pem()).unwrap();
}

/// A port for a program that cannot be told to choose one itself. Below the ports that the kernel gives to all other
/// programs (32768 and up, ip(7)), and each given once: otherwise it could be gone again before the program takes it.
pub(super) fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| 16_000 + NEXT_PORT.fetch_add(1, Ordering::Relaxed) % 16_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Starts at a random port, since other runs of the tests choose as well.
static NEXT_PORT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(fastrand::u16(..16_000)));

/// Far more than Pebble needs on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
