//! [`Issuer`]: an OpenID Connect issuer that lets a user in without asking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::url::{Url, form_urlencoded};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::message::Message;
use super::reserved::Reserved;
use super::wire::Wire;

/// An issuer that is running; it ends when dropped.
pub(crate) struct Issuer {
    /// Its identifier.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

struct State {
    url: String,
    key: CoreEdDsaPrivateSigningKey,
    keys: u32,
    /// What ID tokens say besides the usual.
    claims: Value,
    /// What its settings say besides the usual.
    settings: Value,
    /// What the user info says.
    user_info: Value,
    /// Whether it is not answered for now.
    is_silent: bool,
    /// The codes that were given out, with nonce, challenge, client and redirect URI.
    codes: HashMap<String, Grant>,
    given: u32,
    /// The refusal that the login page answers with.
    refusal: Option<&'static str>,
    refresh: Refresh,
    /// The tokens that were revoked.
    revoked: Vec<String>,
}

/// The refresh tokens of the one login that is allowed to have them.
#[derive(Default)]
struct Refresh {
    /// Bytes of a token; none are given out without.
    size: Option<usize>,
    /// The number of the token that counts, and how often one was asked with.
    newest: u32,
    asked: u32,
    /// How often one was used that had been replaced; then none counts any more (RFC 9700 §4.14.2).
    reused: u32,
    is_revoked: bool,
    is_away: bool,
    /// Whether an ID token comes with a new token.
    tells: bool,
    /// How often the user info was asked for.
    infos: u32,
}

impl Refresh {
    fn token(&self) -> Option<String> {
        let number = format!("r{}.", self.newest);
        self.size.map(|size| format!("{number}{}", "x".repeat(size.saturating_sub(number.len()))))
    }
}

struct Grant {
    nonce: String,
    challenge: String,
    client: String,
    redirect: String,
}

impl Issuer {
    /// Starts one, whose user is `ann` with a verified address.
    pub(crate) fn start() -> Self {
        Self::at(Reserved::new())
    }

    /// Starts one there.
    pub(crate) fn at(place: Reserved) -> Self {
        let listener: TcpListener = place.listen();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let claims = json!({ "sub": "ann-1", "email": "Ann@example.com", "email_verified": true, "sid": "s-1" });
        let state = Arc::new(Mutex::new(State {
            url: url.clone(),
            key: key(1),
            keys: 1,
            claims,
            settings: json!({}),
            user_info: json!({ "sub": "ann-1" }),
            is_silent: false,
            codes: HashMap::new(),
            given: 0,
            refusal: None,
            refresh: Refresh::default(),
            revoked: Vec::new(),
        }));
        let (own, mut tasks) = (Arc::clone(&state), JoinSet::new());
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&own);
                serving.spawn(async move {
                    let mut wire = Wire::new(stream);
                    while let Some(request) = wire.next_request().await {
                        let answer = state.lock().unwrap().answer(&request);
                        let waits = [&b"/userinfo"[..], b"/revoke"].contains(&request.target());
                        while waits && state.lock().unwrap().is_silent {
                            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        }
                        wire.send(answer).await;
                    }
                });
            }
        });
        Self { url, state, _tasks: tasks }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Sets a claim of ID tokens from here on; `null` takes it away.
    pub(crate) fn claim(&self, name: &str, value: Value) {
        self.state().claims[name] = value;
    }

    /// Sets what its settings say besides the usual; `null` takes it away.
    pub(crate) fn says(&self, name: &str, value: Value) {
        self.state().settings[name] = value;
    }

    /// Sets what the user info says; without anything, it is not there.
    pub(crate) fn user_info(&self, says: Value) {
        self.state().user_info = says;
    }

    /// Refuses every login from here on.
    pub(crate) fn refuse(&self, error: &'static str) {
        self.state().refusal = Some(error);
    }

    /// Gives out refresh tokens of so many bytes from here on, none of 0, and replaces each when it is used.
    pub(crate) fn give_refresh_tokens(&self, size: usize) {
        self.state().refresh.size = (size > 0).then_some(size);
    }

    /// Lets no refresh token count any more.
    pub(crate) fn revoke(&self) {
        self.state().refresh.is_revoked = true;
    }

    /// Answers 503 to refresh tokens, or again as before.
    pub(crate) fn be_away(&self, is_away: bool) {
        self.state().refresh.is_away = is_away;
    }

    /// Gives an ID token with each new token from here on.
    pub(crate) fn tell_with_tokens(&self) {
        self.state().refresh.tells = true;
    }

    /// The tokens that were revoked.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.state().revoked.clone()
    }

    /// Whether it was told not to answer.
    pub(crate) fn is_silent(&self) -> bool {
        self.state().is_silent
    }

    /// Does not answer for the user info and to revocations, or again as before.
    pub(crate) fn be_silent(&self, is_silent: bool) {
        self.state().is_silent = is_silent;
    }

    /// Waits until it was asked for the user info so many times.
    pub(crate) async fn asked_for_info(&self, times: u32) {
        while self.infos() < times {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// How often it was asked for the user info.
    pub(crate) fn infos(&self) -> u32 {
        self.state().refresh.infos
    }

    /// How often it was asked with a refresh token.
    pub(crate) fn refreshes(&self) -> u32 {
        self.state().refresh.asked
    }

    /// How often a refresh token came that it had replaced.
    pub(crate) fn reused(&self) -> u32 {
        self.state().refresh.reused
    }

    /// Waits until it was asked with a refresh token so many times.
    pub(crate) async fn refreshed(&self, times: u32) {
        while self.refreshes() < times {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Signs with another key from here on, and knows the one before no longer.
    pub(crate) fn rotate(&self) {
        let mut state = self.state();
        state.keys += 1;
        state.key = key(state.keys);
    }

    /// A logout token with these claims besides the usual ones.
    pub(crate) fn logout_token(&self, client: &str, claims: &Value) -> String {
        let mut payload = json!({
            "iss": self.url, "aud": client, "iat": now(), "exp": now() + 120, "jti": "1",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        merge(&mut payload, claims);
        self.state().signed(&payload)
    }
}

impl State {
    fn answer(&mut self, request: &Message) -> Vec<u8> {
        let target = String::from_utf8_lossy(request.target()).into_owned();
        let url = Url::parse(&format!("{}{target}", self.url)).unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        match url.path() {
            "/.well-known/openid-configuration" => {
                let mut settings = json!({
                "issuer": self.url,
                "authorization_endpoint": format!("{}/authorize", self.url),
                "token_endpoint": format!("{}/token", self.url),
                "userinfo_endpoint": format!("{}/userinfo", self.url),
                "jwks_uri": format!("{}/jwks", self.url),
                "end_session_endpoint": format!("{}/end", self.url),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["EdDSA"],
                "authorization_response_iss_parameter_supported": true,
                });
                merge(&mut settings, &self.settings);
                ok(&settings)
            }
            "/jwks" => {
                let key: CoreJsonWebKey = self.key.as_verification_key();
                ok(&json!({ "keys": [key] }))
            }
            "/authorize" => self.authorize(&query),
            "/token" => self.token(request),
            "/revoke" => {
                let form: HashMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
                assert_eq!(form["token_type_hint"], "refresh_token");
                assert_eq!(request.field("authorization"), Some(format!("Basic {}", STANDARD.encode("gw:hush"))));
                self.revoked.push(form["token"].clone());
                b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()
            }
            "/userinfo" => {
                self.refresh.infos += 1;
                match &self.user_info {
                    Value::Null => b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec(),
                    says => ok(says),
                }
            }
            _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        }
    }

    fn authorize(&mut self, query: &HashMap<String, String>) -> Vec<u8> {
        assert_eq!((query["response_type"].as_str(), query["code_challenge_method"].as_str()), ("code", "S256"));
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"));
        self.given += 1;
        let code = format!("code/{}+", self.given);
        let grant = Grant {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            client: query["client_id"].clone(),
            redirect: query["redirect_uri"].clone(),
        };
        let mut back = Url::parse(&grant.redirect).unwrap();
        back.query_pairs_mut().append_pair("state", &query["state"]).append_pair("iss", &self.url);
        match self.refusal {
            Some(error) => back.query_pairs_mut().append_pair("error", error),
            None => back.query_pairs_mut().append_pair("code", &code),
        };
        self.codes.insert(code, grant);
        format!("HTTP/1.1 302 Found\r\nlocation: {back}\r\ncontent-length: 0\r\n\r\n").into_bytes()
    }

    fn token(&mut self, request: &Message) -> Vec<u8> {
        let form: HashMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        let refused = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 25\r\n\r\n{\"error\":\"invalid_grant\"} ";
        if form["grant_type"] == "refresh_token" {
            let answer = self.refreshed(&form["refresh_token"]);
            return answer.unwrap_or_else(|| refused.to_vec());
        }
        let login =
            request.field("authorization").and_then(|login| STANDARD.decode(login.strip_prefix("Basic ")?).ok());
        if !login.is_some_and(|login| login.ends_with(b":hush")) {
            let refused = r#"{"error":"invalid_client"}"#;
            let length = refused.len();
            let head = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json";
            return format!("{head}\r\ncontent-length: {length}\r\n\r\n{refused}").into_bytes();
        }
        let Some(grant) = self.codes.remove(&form["code"]) else { return refused[..refused.len() - 1].to_vec() };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, form["code_verifier"].as_bytes());
        let login = format!("Basic {}", STANDARD.encode(format!("{}:hush", grant.client)));
        if URL_SAFE_NO_PAD.encode(digest) != grant.challenge
            || form["redirect_uri"] != grant.redirect
            || request.field("authorization") != Some(login)
        {
            return refused[..refused.len() - 1].to_vec();
        }
        let mut payload =
            json!({ "iss": self.url, "aud": grant.client, "iat": now(), "exp": now() + 60, "nonce": grant.nonce });
        merge(&mut payload, &self.claims);
        if self.refresh.size.is_some() {
            self.refresh.newest += 1;
            (self.refresh.is_revoked, self.refresh.reused) = (false, 0);
        }
        let mut tokens =
            json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": self.signed(&payload) });
        if let Some(token) = self.refresh.token() {
            tokens["refresh_token"] = json!(token);
        }
        ok(&tokens)
    }

    /// The answer to a refresh token; `None` to one that does not count.
    fn refreshed(&mut self, token: &str) -> Option<Vec<u8>> {
        let refresh = &mut self.refresh;
        refresh.asked += 1;
        if refresh.is_away {
            return Some(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec());
        }
        if refresh.token().as_deref() != Some(token) {
            (refresh.is_revoked, refresh.reused) = (true, refresh.reused + 1);
        }
        if refresh.is_revoked {
            return None;
        }
        refresh.newest += 1;
        let token = refresh.token();
        let mut tokens =
            json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60, "refresh_token": token });
        if self.refresh.tells {
            let mut payload = json!({ "iss": self.url, "aud": "gw", "iat": now(), "exp": now() + 60 });
            merge(&mut payload, &self.claims);
            tokens["id_token"] = json!(self.signed(&payload));
        }
        Some(ok(&tokens))
    }

    fn signed(&self, payload: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": format!("k{}", self.keys) });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(payload));
        let signature = self.key.sign(&CoreJwsSigningAlgorithm::EdDsa, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn merge(into: &mut Value, claims: &Value) {
    for (name, value) in claims.as_object().unwrap() {
        into[name] = value.clone();
    }
    into.as_object_mut().unwrap().retain(|_, value| !value.is_null());
}

fn ok(json: &Value) -> Vec<u8> {
    let body = json.to_string();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A key that is made here, as the library takes one: version 1 of PKCS #8 (RFC 8410 §7).
fn key(number: u32) -> CoreEdDsaPrivateSigningKey {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let seed = &pair.serialize_der()[16..48];
    let der = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], seed].concat();
    let (label, dashes) = ("PRIVATE KEY", "-----");
    let pem = format!("{dashes}BEGIN {label}{dashes}\n{}\n{dashes}END {label}{dashes}\n", STANDARD.encode(der));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(format!("k{number}")))).unwrap()
}
