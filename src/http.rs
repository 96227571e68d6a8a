//! One request, from its head to the last byte of its answer: the steps it passes in order ([`edge`]), the route it
//! takes ([`route`]), the login that the route asks for ([`auth`]), the gateway ([`proxy`]), and the pages that
//! frontgate itself shows ([`pages`]).
//!
//! All statuses of frontgate's own are made in [`error`].

pub(crate) mod auth;
pub mod edge;
pub(crate) mod error;
pub(crate) mod pages;
pub(crate) mod proxy;
pub mod route;
