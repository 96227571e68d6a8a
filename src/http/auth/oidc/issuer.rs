//! [`Issuer`]: what is known of an issuer, and what it is asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
    CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreSubjectIdentifierType,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IdTokenVerifier, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::claims::{IssuerClaims, UserFacts};
use super::id_token_hint::is_signed_by;
use super::issuer_http::IssuerHttp;
use super::logout_token::{ALGORITHMS, CLOCK_SKEW};
use super::outage::IssuerOutage;
use super::revocation_queue::RevocationQueue;
use crate::config::{OidcAuth, Secret};

/// An issuer, and frontgate as one of its clients.
pub(crate) struct Issuer {
    pub(super) settings: OidcAuth,
    secret: Option<Secret>,
    pub(super) http: IssuerHttp,
    known: ArcSwapOption<KnownIssuer>,
    /// Held by the one request that asks for the issuer's settings; others wait for what it finds.
    asking: tokio::sync::Mutex<()>,
    failures: Mutex<DiscoveryFailures>,
    /// The logins whose codes are being traded.
    pub(super) trades: Semaphore,
    /// The logins that are looked at again.
    pub(super) refreshes: Semaphore,
    pub(super) revocations: RevocationQueue,
    /// Whether it says what it is asked of itself, and of its users.
    discovery: IssuerOutage,
    pub(super) answers: IssuerOutage,
}

/// What an issuer says of itself, its keys included.
pub(super) struct KnownIssuer {
    pub(super) metadata: IssuerMetadata,
    since: Instant,
}

#[derive(Default)]
struct DiscoveryFailures {
    count: u32,
    /// Until when the issuer is not asked again, and what it failed at.
    pause: Option<(Instant, Arc<str>)>,
}

/// Why a login at an issuer came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    /// It cannot be asked.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// Too many logins are being finished at once.
    #[error("too many logins are being finished at once")]
    Busy,
    /// It does not take the code, or what it says is not valid.
    #[error("{0}")]
    Invalid(String),
}

/// Metadata that the library does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MoreMetadata {
    /// OpenID Connect RP-Initiated Logout 1.0 §2.1.
    #[serde(default)]
    pub(super) end_session_endpoint: Option<String>,
    /// RFC 8414 §2.
    #[serde(default)]
    pub(super) revocation_endpoint: Option<String>,
    /// Initiating User Registration via OpenID Connect 1.0 §4.
    #[serde(default)]
    prompt_values_supported: Vec<String>,
    /// RFC 9207 §3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

pub(super) type IssuerMetadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

pub(super) type IssuerTokens = StandardTokenResponse<
    IdTokenFields<
        IssuerClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

pub(super) type IssuerClient = Client<
    IssuerClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    IssuerTokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Issuer {
    /// An issuer that is asked with `http`; nothing is known of it yet.
    pub(crate) fn new(settings: OidcAuth, secret: Option<Secret>, http: IssuerHttp) -> Self {
        Self {
            settings,
            secret,
            http,
            known: ArcSwapOption::empty(),
            asking: tokio::sync::Mutex::default(),
            failures: Mutex::default(),
            trades: Semaphore::new(MOST_TRADES),
            refreshes: Semaphore::new(MOST_REFRESHES),
            revocations: RevocationQueue::default(),
            discovery: IssuerOutage::default(),
            answers: IssuerOutage::default(),
        }
    }

    /// Its settings.
    pub(crate) fn settings(&self) -> &OidcAuth {
        &self.settings
    }

    /// The URL of the issuer's login page. With `another` the issuer asks for a user, even if one is logged in there.
    ///
    /// # Errors
    /// If nothing is known of the issuer.
    pub(crate) async fn login_url(
        &self,
        state: String,
        nonce: String,
        verifier: String,
        redirect: String,
        another: bool,
    ) -> Result<String, IssuerError> {
        let known = self.known().await?;
        let client = self.client(&known, Some(redirect))?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier));
        let scopes = self.settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client.authorize_url(flow, move || CsrfToken::new(state), move || Nonce::new(nonce));
        let mut request = request.add_scopes(scopes).set_pkce_challenge(challenge);
        if another {
            let offered = &known.metadata.additional_metadata().prompt_values_supported;
            request = request.add_prompt(prompt(&self.settings.issuer, offered));
        }
        let (url, _, _) = request.url();
        Ok(url.into())
    }

    /// Whether an answer with this `iss` can be the issuer's own (RFC 9207 §2.4).
    ///
    /// # Errors
    /// If nothing is known of the issuer.
    pub(crate) async fn is_own_answer(&self, iss: Option<&str>) -> Result<bool, IssuerError> {
        let known = self.known().await?;
        Ok(match iss {
            Some(iss) => iss == self.settings.issuer,
            None => !known.metadata.additional_metadata().authorization_response_iss_parameter_supported,
        })
    }

    /// Whether nothing is known of the issuer yet, or not enough any longer; asks it, if it is time.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub(crate) async fn look(&self) -> Result<(), IssuerError> {
        self.known().await.map(drop)
    }

    /// The issuer's keys.
    ///
    /// # Errors
    /// If nothing is known of the issuer.
    pub(crate) async fn keys(&self) -> Result<CoreJsonWebKeySet, IssuerError> {
        Ok(self.known().await?.metadata.jwks().clone())
    }

    /// The issuer's keys, asked for again unless that was done a moment ago.
    ///
    /// # Errors
    /// If the issuer cannot be asked.
    pub(crate) async fn newer_keys(&self) -> Result<CoreJsonWebKeySet, IssuerError> {
        let known = self.known().await?;
        Ok(self.anew(&known).await?.metadata.jwks().clone())
    }

    /// The URL of the issuer's own logout, if it has one that is known. With the ID token of the login the issuer need not ask
    /// its user whether to (OpenID Connect RP-Initiated Logout 1.0 §2).
    pub(crate) fn logout_url(&self, back: &str, hint: Option<&str>) -> Option<String> {
        let known = self.known.load_full()?;
        let endpoint = known.metadata.additional_metadata().end_session_endpoint.as_deref()?;
        let mut url = openidconnect::url::Url::parse(endpoint).ok().filter(|url| url.scheme().starts_with("http"))?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", back);
        if let Some(hint) = hint.filter(|hint| is_signed_by(hint, known.metadata.jwks())) {
            url.query_pairs_mut().append_pair("id_token_hint", hint);
        }
        Some(url.into())
    }

    /// What is known of the issuer, asked for if need be. What was known stays good while the issuer is gone.
    pub(super) async fn known(&self) -> Result<Arc<KnownIssuer>, IssuerError> {
        let is_fresh = |known: &Arc<KnownIssuer>| known.since.elapsed() < ASK_AGAIN;
        if let Some(known) = self.known.load_full().filter(is_fresh) {
            return Ok(known);
        }
        let _asking = self.asking.lock().await;
        match self.known.load_full() {
            Some(known) if is_fresh(&known) => Ok(known),
            Some(known) => Ok(self.discover().await.unwrap_or(known)),
            None => self.discover().await,
        }
    }

    /// What is known of the issuer after it was asked again, at most every few seconds.
    pub(super) async fn anew(&self, before: &KnownIssuer) -> Result<Arc<KnownIssuer>, IssuerError> {
        let _asking = self.asking.lock().await;
        if let Some(known) = self.known.load_full() {
            if known.since > before.since {
                return Ok(known);
            }
            sleep_until(known.since + LEAST_PAUSE).await;
        }
        self.discover().await
    }

    async fn discover(&self) -> Result<Arc<KnownIssuer>, IssuerError> {
        let failures = || self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, error)) = &failures().pause
            && Instant::now() < *until
        {
            return Err(IssuerError::Unavailable(Arc::clone(error)));
        }
        let found = match IssuerUrl::new(self.settings.issuer.clone()) {
            Ok(url) => IssuerMetadata::discover_async(url, &self.http).await.map_err(|error| chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        match found {
            Ok(metadata) => {
                *failures() = DiscoveryFailures::default();
                let known = Arc::new(KnownIssuer { metadata, since: Instant::now() });
                self.known.store(Some(Arc::clone(&known)));
                self.discovery.answered(&self.settings.issuer, "the issuer of logins can be asked again");
                Ok(known)
            }
            Err(error) => {
                self.discovery.failed(&self.settings.issuer, &error, "the issuer of logins cannot be asked");
                let error: Arc<str> = error.into();
                let mut failures = failures();
                let pause = pause(failures.count);
                failures.count = failures.count.saturating_add(1);
                failures.pause = Some((Instant::now() + pause, Arc::clone(&error)));
                Err(IssuerError::Unavailable(error))
            }
        }
    }

    pub(super) fn client(&self, known: &KnownIssuer, redirect: Option<String>) -> Result<IssuerClient, IssuerError> {
        let secret = self.secret.as_ref().map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
        let client_id = ClientId::new(self.settings.client_id.clone());
        let client = Client::from_provider_metadata(known.metadata.clone(), client_id, secret.map(ClientSecret::new));
        // OpenID Connect Core 1.0 §9: client_secret_basic, unless the issuer says that it does not take that.
        let auth = match known.metadata.token_endpoint_auth_methods_supported() {
            Some(methods) if !methods.contains(&CoreClientAuthMethod::ClientSecretBasic) => AuthType::RequestBody,
            _ => AuthType::BasicAuth,
        };
        let client = client.set_auth_type(auth);
        Ok(
            match redirect.map(RedirectUrl::new).transpose().map_err(|error| IssuerError::Invalid(error.to_string()))? {
                Some(redirect) => client.set_redirect_uri(redirect),
                None => client,
            },
        )
    }
}

/// Checks ID tokens with room for clocks that are apart, and takes only signatures that the issuer alone can make.
pub(super) fn verifier(verifier: IdTokenVerifier<'_, CoreJsonWebKey>) -> IdTokenVerifier<'_, CoreJsonWebKey> {
    let skew = TimeDelta::seconds(i64::try_from(CLOCK_SKEW).unwrap_or_default());
    verifier.set_allowed_algs(ALGORITHMS).set_time_fn(move || Utc::now() - skew).set_issue_time_verifier_fn(
        move |issued: DateTime<Utc>| {
            if issued <= Utc::now() + skew { Ok(()) } else { Err("issued in the future".to_owned()) }
        },
    )
}

pub(super) fn token_subject(facts: &UserFacts) -> openidconnect::SubjectIdentifier {
    openidconnect::SubjectIdentifier::new(facts.subject.clone())
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// How an issuer is asked to let its user be another one. It must not be asked in a way that it does not know: some answer with
/// an error page.
fn prompt(issuer: &str, offered: &[String]) -> CoreAuthPrompt {
    // Google lists no prompts, and knows no `login`.
    if issuer == GOOGLE || offered.iter().any(|one| one == "select_account") {
        CoreAuthPrompt::SelectAccount
    } else {
        CoreAuthPrompt::Login
    }
}

const GOOGLE: &str = "https://accounts.google.com";

/// How long an issuer is left alone after so many failures before this one.
fn pause(failures: u32) -> Duration {
    LEAST_PAUSE.saturating_mul(1 << failures.min(4)).min(LONGEST_PAUSE)
}

/// How old what is known of an issuer may be.
const ASK_AGAIN: Duration = Duration::from_hours(1);
const LEAST_PAUSE: Duration = Duration::from_secs(1);
/// A user who tries again should not find an issuer given up that is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Each takes a connection or two to the issuer, for seconds at most.
const MOST_TRADES: usize = 64;
/// What an issuer is asked by frontgate itself leaves room for those that log in.
const MOST_REFRESHES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_fails_is_asked_less_and_less_often_but_always_again() {
        let pauses: Vec<u64> = [0, 1, 2, 3, 4, 5, u32::MAX].iter().map(|count| pause(*count).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn another_user_is_asked_for_in_a_way_that_the_issuer_knows() {
        for (issuer, offered, expected) in [
            ("https://id.example.com", &["none", "login", "select_account"][..], CoreAuthPrompt::SelectAccount),
            ("https://id.example.com", &["none", "login", "consent"], CoreAuthPrompt::Login),
            ("https://id.example.com", &[], CoreAuthPrompt::Login),
            ("https://accounts.google.com", &[], CoreAuthPrompt::SelectAccount),
            ("https://accounts.google.com.evil.example", &[], CoreAuthPrompt::Login),
        ] {
            let offered: Vec<String> = offered.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(prompt(issuer, &offered), expected, "{issuer} {offered:?}");
        }
    }
}
