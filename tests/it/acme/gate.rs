//! [`Gate`]: the real frontgate in front of a gateway that echoes, and clients that trust one CA only.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::pebble::Pebble;
use crate::cli::frontgate_in;

/// The running program; it is killed when dropped.
pub(super) struct Gate {
    child: Child,
    lines: UnboundedReceiver<String>,
    /// Every line so far.
    pub(super) printed: Vec<String>,
    https: SocketAddr,
    folder: PathBuf,
    _gateway: JoinSet<()>,
}

impl Gate {
    /// Runs frontgate with these names, with `acme` as more lines of `tls.acme`, and with `state` from one run to the
    /// next.
    pub(super) async fn start(pebble: &Pebble, names: &str, acme: &str, state: &TempDir) -> Self {
        let looks = pebble.looks();
        let acme = format!("{}, {acme}", pebble.acme());
        Self::listening(names, &acme, state, (looks.tls, looks.http)).await
    }

    /// Runs frontgate with `acme` as all of `tls.acme`, listening for https and http on these ports.
    pub(super) async fn listening(names: &str, acme: &str, state: &TempDir, (tls, http): (u16, u16)) -> Self {
        let (gateway, port) = echo().await;
        let file = state.path().join("frontgate.yaml");
        let text = format!(
            "listen: {{ https: [\"127.0.0.1:{tls}\"], http: [\"127.0.0.1:{http}\"] }}\n\
             tls: {{ names: [{names}], certificate: acme, acme: {{ {acme} }} }}\n\
             upstream: http://127.0.0.1:{port}\nstate_dir: state\nadmin: off\nlog: {{ level: debug, format: json }}\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
        command.args(["serve", "-c"]).arg(&file).env_clear().stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let https = SocketAddr::from((Ipv4Addr::LOCALHOST, tls));
        let mut gate =
            Self { child, lines, printed: Vec::new(), https, folder: state.path().to_owned(), _gateway: gateway };
        gate.line("certificate", |_| true).await;
        gate
    }

    /// The next log line with this message that `fits`.
    pub(super) async fn line(&mut self, message: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = timeout(PATIENCE, self.lines.recv()).await;
            let line = line.unwrap_or_else(|_| panic!("no {message:?}, only {:#?}", self.printed));
            let line = line.unwrap_or_else(|| panic!("it ended; it had said {:#?}", self.printed));
            self.printed.push(line.clone());
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"].as_str().is_some_and(|said| said.starts_with(message)) && fits(&line) {
                return line;
            }
        }
    }

    /// Waits for the public certificate of this name.
    pub(super) async fn certified(&mut self, name: &str) {
        self.line("public certificate", |line| line["name"] == name && line["not_after"].is_string()).await;
    }

    /// The serial number of what a client gets that asks for `name` and trusts `root`; `Err` is why it does not.
    pub(super) async fn serial(&self, name: &str, root: &CertificateDer<'static>) -> Result<String, String> {
        serial(self.https, name, root).await
    }

    /// What doctor finds about the certificate that is shown.
    pub(super) async fn certificate_findings(&self) -> Vec<String> {
        let folder = self.folder.clone();
        let run = move || frontgate_in(&folder, &["doctor", "-c", "frontgate.yaml", "--json"], &[]);
        let ran = timeout(PATIENCE, spawn_blocking(run)).await.unwrap().unwrap();
        let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let ids = told["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.filter(|id| id.starts_with("tls_") || id.starts_with("acme_")).collect()
    }

    /// A WebSocket to the gateway, over TLS.
    pub(super) async fn websocket(&self, name: &str, root: &CertificateDer<'static>) -> Socket {
        let stream = tls(self.https, name, root).await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(format!("ws://{name}/"), stream).await.unwrap();
        socket
    }
}

/// The serial number of what a client gets at `address` that asks for `name` and trusts `root`; `Err` is why it does not.
pub(crate) async fn serial(address: SocketAddr, name: &str, root: &CertificateDer<'static>) -> Result<String, String> {
    let stream = tls(address, name, root).await.map_err(|error| error.to_string())?;
    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    Ok(leaf.raw_serial_as_string())
}

#[expect(clippy::disallowed_methods, reason = "a client dials")]
async fn tls(address: SocketAddr, name: &str, root: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(frontgate::tls::provider()).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(client)).connect(name, stream).await
}

/// The local CA of a state directory.
pub(super) fn local_ca(state: &Path) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_file(state.join("state/ca.pem")).unwrap()
}

pub(super) type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A gateway that sends every message back.
async fn echo() -> (JoinSet<()>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut all = JoinSet::new();
    all.spawn(async move {
        let mut sockets = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            sockets.spawn(async move {
                let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
                let (mut sink, mut source) = socket.split();
                while let Some(Ok(message)) = source.next().await {
                    if (message.is_text() || message.is_binary()) && sink.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (all, port)
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Far more than an authority needs on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
