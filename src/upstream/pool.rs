//! [`ConnectionPool`]: connections to the gateway that wait for their next request.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use super::source_addresses::SourceGuard;
use super::{ConnectError, Connector, H1Connection};
use crate::observe::metrics::{BucketCounts, Histogram, REQUEST_TIMES};

/// Connections to one gateway. A request takes one out and gives it back; an upgrade gets one of its own.
#[derive(Clone)]
pub(crate) struct ConnectionPool(Arc<PoolShared>);

struct PoolShared {
    connector: Connector,
    max_head: usize,
    idle: Mutex<Vec<Idle>>,
    /// How many idle connections are kept at once.
    most: AtomicUsize,
    /// How many connections were made.
    connects: AtomicU64,
    /// How long they took.
    times: Histogram,
    /// How many were not, by the words of [`ConnectError::NAMES`].
    failures: [AtomicU64; ConnectError::NAMES.len()],
    /// Whether the latest try to connect failed.
    unreached: AtomicBool,
}

struct Idle {
    link: Box<H1Connection>,
    source: SourceGuard,
    /// The thread whose runtime watches the socket; a request on another one would have each answer fetched over.
    home: ThreadId,
    since: Instant,
}

/// A connection of a pool. [`PooledConnection::give_back`] returns it; dropped, it is closed.
pub(crate) struct PooledConnection {
    /// Boxed, since it changes hands with each request.
    pub(super) link: Box<H1Connection>,
    /// Counts it where it comes from.
    pub(super) source: SourceGuard,
    home: ThreadId,
    pool: ConnectionPool,
}

impl ConnectionPool {
    /// An empty pool; a response's head may be `max_head` bytes long.
    pub(crate) fn new(connector: Connector, max_head: usize) -> Self {
        let (idle, most) = (Mutex::default(), MAX_KEPT.into());
        let (connects, unreached) = (AtomicU64::new(0), AtomicBool::new(false));
        let (times, failures) = (Histogram::new(REQUEST_TIMES), Default::default());
        Self(Arc::new(PoolShared { connector, max_head, idle, most, connects, times, failures, unreached }))
    }

    /// A connection that was used before on this thread and seems to be alive, the most recent one first.
    pub(crate) fn reuse(&self) -> Option<PooledConnection> {
        loop {
            let Idle { mut link, source, home, since } = self.take()?;
            if since.elapsed() < MAX_IDLE && link.is_reusable() {
                return Some(PooledConnection { link, source, home, pool: self.clone() });
            }
        }
    }

    /// Dials a fresh connection.
    ///
    /// # Errors
    /// If the gateway cannot be reached.
    pub(crate) async fn dial(&self) -> Result<PooledConnection, ConnectError> {
        let began = Instant::now();
        let connected = self.0.connector.connect_counted().await;
        self.0.unreached.store(connected.is_err(), Ordering::Relaxed);
        let (stream, source) = connected.inspect_err(|error| self.count_failure(error.as_str()))?;
        self.0.times.time(began.elapsed());
        self.0.connects.fetch_add(1, Ordering::Relaxed);
        let link = Box::new(H1Connection::open(stream, self.0.max_head));
        Ok(PooledConnection { link, source, home: thread::current().id(), pool: self.clone() })
    }

    /// How many connections were made, how many of them wait for their next request, and whether the latest try to
    /// connect succeeded, if there was one.
    pub(super) fn sample(&self) -> (u64, usize, bool) {
        let PoolShared { connects, unreached, .. } = &*self.0;
        (connects.load(Ordering::Relaxed), self.idle().len(), !unreached.load(Ordering::Relaxed))
    }

    fn count_failure(&self, why: &str) {
        if let Some(at) = ConnectError::NAMES.iter().position(|name| *name == why) {
            self.0.failures[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many connections were not made, by why.
    pub(super) fn failures(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.failures.iter().map(|count| count.load(Ordering::Relaxed));
        ConnectError::NAMES.into_iter().zip(counts).collect()
    }

    /// How long connections took to be made: the count of each bucket, and the sum.
    pub(super) fn connect_times(&self) -> BucketCounts {
        self.0.times.counts()
    }

    /// How many connections there are from each address of the configuration's.
    pub(super) fn source_counts(&self) -> Vec<(IpAddr, usize)> {
        self.0.connector.source_counts()
    }

    /// The `Host` of requests that frontgate itself sends.
    pub(crate) fn host(&self) -> HeaderValue {
        self.0.connector.host()
    }

    /// Sets the pool's share of the idle connections, where there are `pools` of them. No request accounts for the
    /// files that idle connections take.
    pub(crate) fn share(&self, pools: usize) {
        self.0.most.store((MAX_KEPT / pools.max(1)).max(LEAST_KEPT), Ordering::Relaxed);
    }

    /// Closes connections that have been idle for too long; returns how many are left.
    pub(crate) fn sweep(&self) -> usize {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < MAX_IDLE);
        idle.len()
    }

    fn take(&self) -> Option<Idle> {
        let here = thread::current().id();
        let mut idle = self.idle();
        let last = idle.iter().rposition(|idle| idle.home == here)?;
        Some(idle.remove(last))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledConnection {
    /// Returns the connection to the pool, if it can carry another request.
    pub(crate) fn give_back(mut self) {
        if self.link.is_reusable() {
            let mut idle = self.pool.idle();
            if idle.len() < self.pool.0.most.load(Ordering::Relaxed) {
                idle.push(Idle { link: self.link, source: self.source, home: self.home, since: Instant::now() });
            }
        }
    }
}

/// The gateway closes an idle connection after 5 s; ours must be given up before it does.
const MAX_IDLE: Duration = Duration::from_secs(4);
/// Idle connections of all pools that are kept at once.
const MAX_KEPT: usize = 128;
/// Idle connections that one pool may keep, however many pools there are.
const LEAST_KEPT: usize = 2;
