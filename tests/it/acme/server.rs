//! [`Authority`]: a small certificate authority that speaks ACME (RFC 8555) with renewal information (RFC 9773) and
//! profiles (draft-ietf-acme-profiles), for what Pebble does not know and for years that pass in a moment. Signatures
//! are not checked, and no challenge is looked at: a test says what comes out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair, SerialNumber,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// The authority; clones are the same one.
#[derive(Clone)]
pub(super) struct Authority {
    clock: Arc<dyn Fn() -> OffsetDateTime + Send + Sync>,
    issuer: Arc<Issuer<'static, KeyPair>>,
    books: Arc<Mutex<Books>>,
}

/// An authority that can be reached over TLS, until this is dropped.
pub(super) struct Served {
    /// The directory of the authority, and the CA of its own certificate, as `tls.acme` takes them.
    pub(super) acme: String,
    _folder: TempDir,
    _connections: JoinSet<()>,
}

/// What the authority does, and what it was asked for.
pub(super) struct Books {
    /// How long certificates live, by profile; the one without a name is for orders without.
    pub(super) profiles: BTreeMap<&'static str, Duration>,
    /// Nothing but a 503 with this `Retry-After` is answered, by a load balancer or by itself.
    pub(super) down: Option<(u32, &'static str)>,
    /// Orders are refused with this problem and this `Retry-After`.
    pub(super) refused: Option<(&'static str, Option<u32>)>,
    /// Challenges fail with this problem.
    pub(super) not_proven: Option<&'static str>,
    /// When to renew a certificate that came at the given time; `None`: no renewal information at all.
    pub(super) window: Option<fn(OffsetDateTime) -> (OffsetDateTime, OffsetDateTime)>,
    /// How long a window is good for, in seconds; 0 does not say.
    pub(super) look_again: u32,
    /// Every order.
    pub(super) orders: Vec<Order>,
    /// Each time a client asked when to renew.
    pub(super) looks: Vec<OffsetDateTime>,
    /// How often the directory was asked for.
    pub(super) visits: usize,
    /// How many accounts were opened.
    pub(super) accounts: usize,
}

/// An order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) at: OffsetDateTime,
    pub(super) name: Value,
    pub(super) profile: Option<String>,
    pub(super) replaces: Option<String>,
    status: &'static str,
    chain: Option<String>,
}

impl Authority {
    pub(super) fn new(clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = Issuer::new(ca, KeyPair::generate().unwrap());
        let books = Books {
            profiles: BTreeMap::from([("", Duration::days(90))]),
            down: None,
            refused: None,
            not_proven: None,
            window: None,
            look_again: 6 * 3600,
            orders: Vec::new(),
            looks: Vec::new(),
            visits: 0,
            accounts: 0,
        };
        Self { clock: Arc::new(clock), issuer: Arc::new(issuer), books: Arc::new(Mutex::new(books)) }
    }

    /// Serves the authority over TLS.
    pub(super) async fn serve(&self) -> Served {
        let folder = TempDir::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let ca_file = folder.path().join("directory.pem");
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let server = rustls::ServerConfig::builder_with_provider(frontgate::tls::provider());
        let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let server = server.with_single_cert(vec![made.cert.der().clone()], key.into()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let acme = format!("directory: \"{base}/dir\", ca_file: {}", ca_file.display());
        let authority = self.clone();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let answer = service_fn(|request: Request<hyper::body::Incoming>| async {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let answer = authority.answer(head.method.as_str(), head.uri.path(), &body);
                    let (mut head, body) = answer.into_parts();
                    let here = |text: &str| text.replace(BASE, &base);
                    if let Some(location) = head.headers.get_mut("location") {
                        *location = here(location.to_str().unwrap()).parse().unwrap();
                    }
                    let body = body.collect().await.unwrap().to_bytes();
                    let body = Full::<Bytes>::from(here(std::str::from_utf8(&body).unwrap()));
                    Ok::<_, hyper::Error>(Response::from_parts(head, body))
                });
                // One request per connection is all that frontgate sends.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            }
        });
        Served { acme, _folder: folder, _connections: connections }
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// Answers one request.
    fn answer(&self, method: &str, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let mut books = self.books();
        let now = (self.clock)();
        if let Some((retry_after, kind)) = books.down {
            books.visits += 1;
            let down = Response::builder().status(503).header("retry-after", retry_after).header("content-type", kind);
            return down.body(Full::from(problem("rateLimited").to_string())).unwrap();
        }
        let payload = payload(body);
        let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, steps.as_slice()) {
            ("GET", ["dir"]) => {
                books.visits += 1;
                plain(200, &books.directory())
            }
            ("GET", ["renewal", certificate]) => {
                books.looks.push(now);
                let window = books.window.expect("no client asks without being told where");
                let (_, serial) = certificate.split_once('.').unwrap();
                let serial = URL_SAFE_NO_PAD.decode(serial).unwrap();
                let serial = serial.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
                let obtained = books.orders[serial - 1].at;
                let (start, end) = window(obtained);
                let stamp = |moment: OffsetDateTime| moment.format(&Rfc3339).unwrap();
                let mut answer =
                    plain(200, &json!({ "suggestedWindow": { "start": stamp(start), "end": stamp(end) } }));
                if books.look_again > 0 {
                    answer.headers_mut().insert("retry-after", books.look_again.into());
                }
                answer
            }
            ("HEAD", ["nonce"]) => plain(200, &json!({})),
            ("POST", ["account"]) => {
                books.accounts += 1;
                located(201, &format!("account/{}", books.accounts), &json!({ "status": "valid" }))
            }
            ("POST", ["order"]) => books.order(now, &payload),
            ("POST", [kind, number, rest @ ..]) => {
                let number: usize = number.parse().unwrap();
                let not_proven = books.not_proven;
                let lifetime = books.lifetime(number);
                let order = &mut books.orders[number];
                match (*kind, rest) {
                    ("challenge", [challenge]) => {
                        order.status = if not_proven.is_some() { "invalid" } else { "ready" };
                        plain(
                            200,
                            &json!({ "type": challenge, "url": url(path), "token": "t", "status": "processing" }),
                        )
                    }
                    ("authorization", []) => plain(200, &order.authorization(number, not_proven)),
                    ("order", ["finalize"]) => {
                        let request = URL_SAFE_NO_PAD.decode(payload["csr"].as_str().unwrap()).unwrap();
                        order.chain = Some(self.certificate(request, number, now, lifetime));
                        order.status = "valid";
                        located(200, &format!("order/{number}"), &order.state(number))
                    }
                    ("order", []) => located(200, &format!("order/{number}"), &order.state(number)),
                    ("certificate", []) => {
                        let chain = order.chain.clone().expect("a valid order has one");
                        let answer = Response::builder().header("content-type", "application/pem-certificate-chain");
                        answer.header("replay-nonce", "n").body(Full::from(chain)).unwrap()
                    }
                    _ => plain(404, &json!({})),
                }
            }
            _ => plain(404, &json!({})),
        }
    }

    fn certificate(&self, request: Vec<u8>, number: usize, now: OffsetDateTime, lifetime: Duration) -> String {
        let mut request = CertificateSigningRequestParams::from_der(&request.into()).unwrap();
        request.params.not_before = now;
        request.params.not_after = now + lifetime;
        request.params.use_authority_key_identifier_extension = true;
        request.params.serial_number = Some(SerialNumber::from(number as u64 + 1));
        request.signed_by(&*self.issuer).unwrap().pem()
    }
}

impl Books {
    fn directory(&self) -> Value {
        let profiles: BTreeMap<_, _> =
            self.profiles.keys().filter(|name| !name.is_empty()).map(|name| (name, "")).collect();
        let mut directory = json!({
            "newNonce": url("/nonce"), "newAccount": url("/account"), "newOrder": url("/order"),
            "revokeCert": url("/revoke"), "keyChange": url("/key"), "meta": { "profiles": profiles },
        });
        if self.window.is_some() {
            directory["renewalInfo"] = url("/renewal").into();
        }
        directory
    }

    fn order(&mut self, at: OffsetDateTime, payload: &Value) -> Response<Full<Bytes>> {
        let text = |key: &str| payload[key].as_str().map(str::to_owned);
        let name = payload["identifiers"][0]["value"].clone();
        let order =
            Order { at, name, profile: text("profile"), replaces: text("replaces"), status: "pending", chain: None };
        self.orders.push(order);
        if let Some((kind, retry_after)) = self.refused {
            let mut answer = plain(429, &problem(kind));
            answer.headers_mut().insert("content-type", "application/problem+json".parse().unwrap());
            if let Some(seconds) = retry_after {
                answer.headers_mut().insert("retry-after", seconds.into());
            }
            return answer;
        }
        let number = self.orders.len() - 1;
        located(201, &format!("order/{number}"), &self.orders[number].state(number))
    }

    fn lifetime(&self, number: usize) -> Duration {
        let profile = self.orders[number].profile.as_deref().unwrap_or("");
        self.profiles[profile]
    }
}

impl Order {
    /// The certificate's serial number is its place in the books, from 1.
    pub(super) fn succeeded(&self) -> bool {
        self.chain.is_some()
    }

    fn state(&self, number: usize) -> Value {
        let mut state = json!({
            "status": self.status,
            "authorizations": [url(&format!("/authorization/{number}"))],
            "finalize": url(&format!("/order/{number}/finalize")),
        });
        if let Some(replaces) = &self.replaces {
            state["replaces"] = replaces.as_str().into();
        }
        if self.chain.is_some() {
            state["certificate"] = url(&format!("/certificate/{number}")).into();
        }
        state
    }

    fn authorization(&self, number: usize, not_proven: Option<&str>) -> Value {
        let challenges: Vec<Value> = ["http-01", "tls-alpn-01"]
            .into_iter()
            .map(|kind| {
                let path = format!("/challenge/{number}/{kind}");
                let mut challenge = json!({ "type": kind, "url": url(&path), "token": "t", "status": "pending" });
                if let Some(kind) = not_proven.filter(|_| self.status == "invalid") {
                    challenge["status"] = "invalid".into();
                    challenge["error"] = problem(kind);
                }
                challenge
            })
            .collect();
        let kind =
            if self.name.as_str().is_some_and(|name| name.parse::<std::net::IpAddr>().is_ok()) { "ip" } else { "dns" };
        let identifier = json!({ "type": kind, "value": self.name });
        let status = if self.status == "pending" { "pending" } else { "valid" };
        let status = if self.status == "invalid" { "invalid" } else { status };
        json!({ "identifier": identifier, "status": status, "challenges": challenges })
    }
}

impl HttpClient for Authority {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let authority = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Ok(BytesResponse::from(authority.answer(head.method.as_str(), head.uri.path(), &body)))
        })
    }
}

fn payload(body: &[u8]) -> Value {
    let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
    let payload = URL_SAFE_NO_PAD.decode(envelope["payload"].as_str().unwrap_or_default()).unwrap();
    serde_json::from_slice(&payload).unwrap_or_default()
}

fn problem(kind: &str) -> Value {
    json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "as the test wants it" })
}

fn plain(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(StatusCode::from_u16(status).unwrap());
    let answer = answer.header("content-type", "application/json").header("replay-nonce", "n");
    answer.body(Full::from(body.to_string())).unwrap()
}

fn located(status: u16, path: &str, body: &Value) -> Response<Full<Bytes>> {
    let mut answer = plain(status, body);
    answer.headers_mut().insert("location", url(&format!("/{path}")).parse().unwrap());
    answer
}

fn url(path: &str) -> String {
    format!("{BASE}{path}")
}

/// The base URL of the authority for clients in the same process, which need no connection.
const BASE: &str = "https://ca.test";
