//! What the tests are written with: a gateway that plays a script, a proxy in front of it, and clients that send bytes.
//!
//! ```ignore
//! let mut gateway = gateway().answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
//! let proxy = proxy().upstream(&gateway).config(|config| config.limits.request_body = Some(10)).start().await;
//! let mut client = proxy.client().await;
//! client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
//! assert_eq!(client.response().await.status(), 200);
//! assert_eq!(gateway.request().await.head(), "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
//! ```
//!
//! [`proxy`] runs in the test's own process; [`binary`] runs the real program, for what is seen from outside: log
//! lines, signals, memory. Both have the same ways in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod binary;
mod dns;
mod doors;
mod gateway;
mod http2;
mod issuer;
mod message;
mod proxy;
mod reserved;
mod trust;
mod wire;

use std::future::Future;
use std::io::Write as _;
use std::time::Duration;

pub(crate) use binary::{Binary, Builder, binary};
pub(crate) use dns::{Dns, Mood, dns};
pub(crate) use doors::{Doors, dial, dial_from, handshake};
pub(crate) use gateway::{Connection, Gateway, READY, gateway};
pub(crate) use http2::{Frame2, Http2, Outcome, Raw2, empty, full};
pub(crate) use issuer::Issuer;
pub(crate) use message::{Message, in_lower_case};
pub(crate) use proxy::{Proxy, proxy};
pub(crate) use reserved::Reserved;
pub(crate) use trust::{Identity, Trust};
pub(crate) use wire::{End, Wire};

/// Waits for what must happen. How long is no part of any verdict: it only ends a test that hangs.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

/// Says that the test that calls this checks nothing here, and why.
pub(crate) fn not_run(why: &str) {
    // Not `eprintln!`, whose words are kept back while the test passes.
    let _ = writeln!(std::io::stderr(), "\n!!! NOT RUN: {why}");
}

/// Far more than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
