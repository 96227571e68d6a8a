//! OpenID Connect: users log in at an issuer, and frontgate believes it.
//!
//! A login is a round trip of the browser: [`login_pages`] sends it to the issuer with a sealed state
//! ([`login_attempt`]), and takes it back at the callback, where [`issuer`] trades the code ([`code_trade`]) for what the issuer says of
//! the user ([`claims`]). That becomes a [`Session`](super::session::contents::Session) in the browser's cookies, which
//! [`realm`] reads and [`proof`] lets in. Frontgate keeps nothing of a login that is under way. Where the issuer gives a refresh
//! token, [`renewal`] has the newest one, and [`refresh`] asks with it whether the login still counts.
//!
//! A fragment never leaves a browser, but a browser carries it over redirects, so that the issuer's page could read it
//! (`#token=…`), and loses it at the issuer's form. Therefore a page of frontgate's own keeps it in the tab's storage
//! before the issuer's page is shown, and another one gives it back ([`go_page`]).

pub(crate) mod allowed;
mod backchannel_logout;
pub(crate) mod claims;
pub(crate) mod client_trial;
mod code_trade;
mod failure;
pub(crate) mod go_page;
mod id_token_hint;
pub(crate) mod issuer;
pub(crate) mod issuer_http;
pub(crate) mod login_attempt;
pub(crate) mod login_pages;
mod login_wish;
mod logout;
mod logout_intention;
pub(crate) mod logout_token;
pub(crate) mod origin;
mod outage;
pub(crate) mod proof;
pub(crate) mod realm;
mod refresh;
pub(crate) mod renewal;
pub(crate) mod return_target;
mod revocation;
mod revocation_queue;
