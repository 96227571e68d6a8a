//! [`ForwardProof`]: a login service that is asked about each request.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use tokio::time::Instant;

use super::admitted_cache::AdmittedCache;
use super::login_question::LoginQuestion;
use super::login_service::{LoginService, ServiceVerdict};
use super::proof::ProofAnswer;
use super::recheck::LoginStanding;
use super::user::{AuthenticatedUser, LoginEvidence, ProofKind, SessionKey};
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::http::route::headers;
use crate::http::route::headers::ConnectionEffect;
use crate::http::route::protected::ProtectedFields;
use crate::upstream::EncodedHead;
use crate::websocket::handshake;

/// A login service that is asked about the requests of a route.
pub(crate) struct ForwardProof {
    service: LoginService,
    /// The fields of its answer that the gateway gets; the first one is the user's name.
    answer_headers: Vec<HeaderName>,
    /// The answers that count for a while.
    cache: Option<AdmittedCache>,
    /// The fields that the service does not get from clients either.
    protected: Arc<ProtectedFields>,
}

impl ForwardProof {
    /// A proof by `service`.
    pub(crate) fn new(
        service: LoginService,
        answer_headers: Vec<HeaderName>,
        cache: Option<Duration>,
        protected: Arc<ProtectedFields>,
    ) -> Self {
        Self { service, answer_headers, cache: cache.map(AdmittedCache::new), protected }
    }

    /// Asks the service whether the request may pass.
    pub(super) async fn ask(&self, exchange: &RequestExchange) -> ProofAnswer {
        let session = session_of(exchange);
        let cached = self.cache.as_ref().filter(|_| has_credentials(&exchange.head.headers));
        if let Some(user) = cached.and_then(|cache| cache.find(&session, Instant::now())) {
            return ProofAnswer::Admitted(user);
        }
        let Self { service, protected, .. } = self;
        let host = service.host.as_ref().unwrap_or(&exchange.host);
        let question = LoginQuestion { exchange, protected, target: &service.target, host };
        let question = question.encode();
        let evidence = question.again().map_or_else(LoginEvidence::default, LoginEvidence::Question);
        match service.ask(question).await {
            ServiceVerdict::Admits(fields) => {
                let user = AuthenticatedUser { evidence, ..self.user(&fields, session) };
                if let Some(cache) = cached.filter(|_| user.cookies.is_empty()) {
                    cache.add(user.clone(), Instant::now());
                }
                ProofAnswer::Admitted(user)
            }
            ServiceVerdict::Refuses(_) if is_upgrade(exchange) => {
                // A page's script cannot follow a redirect of a WebSocket.
                ProofAnswer::Refused(None)
            }
            ServiceVerdict::Refuses(answer) => ProofAnswer::Answer(to_client(answer, &exchange.head.method)),
            ServiceVerdict::Absent(cause) => ProofAnswer::Failed(RequestFailure::LoginServiceUnavailable(cause)),
        }
    }

    /// Asks the service the same question again.
    pub(super) async fn stands(&self, question: &EncodedHead) -> LoginStanding {
        match self.service.ask(question.request()).await {
            ServiceVerdict::Admits(_) => LoginStanding::Stands,
            ServiceVerdict::Refuses(_) => LoginStanding::Ended,
            ServiceVerdict::Absent(cause) => {
                tracing::debug!(%cause, "login service gives no answer");
                LoginStanding::Unknown
            }
        }
    }

    /// The user of an answer that lets the request in.
    fn user(&self, fields: &HeaderMap, session: SessionKey) -> AuthenticatedUser {
        let name = self.answer_headers.first().and_then(|first| fields.get(first));
        let name = name.and_then(|name| std::str::from_utf8(name.as_bytes()).ok()).unwrap_or_default();
        let copied = self
            .answer_headers
            .iter()
            .flat_map(|name| fields.get_all(name).iter().map(move |value| (name.clone(), value.clone())));
        let cookies = fields.get_all(SET_COOKIE).iter().cloned().collect();
        let user = AuthenticatedUser::new(name.into(), ProofKind::Forward, session);
        AuthenticatedUser { fields: copied.collect(), cookies, ..user }
    }
}

fn is_upgrade(exchange: &RequestExchange) -> bool {
    let head = &exchange.head;
    exchange.upgrade_slot.is_some()
        && handshake::is_upgrade(&head.method, head.version, &head.headers, !exchange.body.is_empty())
}

fn has_credentials(headers: &HeaderMap) -> bool {
    headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION)
}

/// What the service tells logins apart by, and the client that shows it.
fn session_of(exchange: &RequestExchange) -> SessionKey {
    let mut digest = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    };
    add(exchange.host.as_bytes());
    add(exchange.forwarding.client.map(|ip| ip.to_string()).unwrap_or_default().as_bytes());
    for name in [AUTHORIZATION, COOKIE] {
        add(name.as_str().as_bytes());
        exchange.head.headers.get_all(name).iter().for_each(|value| add(value.as_bytes()));
    }
    SessionKey(digest.finish().as_ref().try_into().unwrap_or_default())
}

/// The service's answer as the client gets it.
fn to_client(answer: Response<Bytes>, method: &Method) -> Response<AnswerBody> {
    let (mut head, body) = answer.into_parts();
    headers::to_client(&mut head.headers, ConnectionEffect::Stays);
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let body = if *method == Method::HEAD { AnswerBody::empty() } else { AnswerBody::full(body) };
    Response::from_parts(head, body)
}
