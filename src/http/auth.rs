//! The login of a client: what it has shown, who it is, and how often wrong passwords may be tried.
//!
//! A route may take several proofs, any of which lets a request in. Each has a file here with a type of its own, made once
//! for a route and shared by its requests: [`basic`], [`token`], [`mtls`], [`oidc`], [`forward`]. All answer with one
//! [`ProofAnswer`](proof::ProofAnswer). [`login_proofs`] is the one place that asks them in turn and decides what a request
//! without any gets; [`guard`](super::route::guard) in front of the route calls it, notes the
//! [`AuthenticatedUser`](user::AuthenticatedUser) in the exchange, and adds what the gateway is told.
//!
//! # One more proof
//!
//! A proof that frontgate does not have yet is added so; [`oidc`] is the largest:
//!
//! - its keys and its typed settings in a file of `config/auth`, a field of `LoginRules` and a key of `AuthKeys`, and a word in the check that some proof is there;
//! - a file here with a type that has `async fn ask(&self, exchange) -> ProofAnswer`. `Admitted` lets the request in; `Refused`
//!   is for a proof that was shown and does not count; `NotOffered` for a request that shows none. A page navigation that
//!   should be sent to a login page gets `Answer` with that redirect, any other request `NotOffered`: then the 401 is made in
//!   one place, with the challenge that fits the route's proofs. `Failed` is for a service that cannot be asked, and never
//!   opens the route. Cookies for the client's answer go into `AuthenticatedUser::cookies`;
//! - a field of [`LoginProofs`](login_proofs::LoginProofs), and a line in its `ask`, between `basic` and `forward`: what
//!   costs nothing is asked first, and what dials last. The shared parts that outlive a reload (keys, lists of sessions) are
//!   made in `app/assembly.rs` beside `Passwords`, and handed in there;
//! - paths that frontgate answers itself (`/.frontgate/…`) belong to a whole host, also where the route does not begin at the root: the
//!   router looks for them first ([`LoginPages`](oidc::login_pages::LoginPages));
//! - whether a login still counts while its WebSocket lives is asked in [`LoginProofs::stands`](login_proofs::LoginProofs): a
//!   match over [`ProofKind`](user::ProofKind). [`LiveLogins`](live_logins::LiveLogins) asks every `recheck`, at a reload, and
//!   ends a session at `AuthenticatedUser::until`; what ends one at once, such as a logout, is for it, too;
//! - its cookies have names that begin with `__Host-frontgate`: those never reach a gateway, whatever the route.

mod admitted_cache;
pub(crate) mod basic;
pub(crate) mod bearer;
pub mod cost;
pub(crate) mod credentials;
pub(crate) mod forward;
pub(crate) mod identity;
pub(crate) mod live_logins;
pub(crate) mod login_proofs;
mod login_question;
pub(crate) mod login_service;
pub(crate) mod mtls;
pub(crate) mod navigation;
pub(crate) mod oidc;
pub(crate) mod passwords;
pub(crate) mod proof;
pub(crate) mod recheck;
pub mod session;
pub(crate) mod token;
pub(crate) mod user;
