//! [`Capacity`]: how many connections and requests the open files and the memory of a process carry.

use std::num::NonZero;
use std::thread;

use super::{file_limit, memory_limit};
use crate::config::{CountValue, Limits};

/// The resources of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resources {
    /// How many files it may have open; `None` is unlimited.
    pub(crate) files: Option<u64>,
    /// Bytes of memory.
    pub(crate) memory: u64,
    /// Threads, each of which has a few files of its own.
    pub(crate) cores: usize,
}

/// How much there may be at once under a configuration.
///
/// Files are counted so that each client connection, each connection to a gateway, and what is kept in reserve fit together:
/// when all permits are taken, the admin listener still has files, and what was let in still gets its connection to the gateway.
/// Memory is divided between connections, requests, what waits for a gateway, heads that are only partly here, and answers that
/// HTTP/2 clients do not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Client connections.
    pub(crate) connections: usize,
    /// Connections to gateways that are in use: of requests, and of WebSockets.
    pub(crate) gateway: usize,
    /// Requests under way.
    pub(crate) requests: usize,
    /// Requests under way of one client network; `None` is unlimited.
    pub(crate) requests_per_client: Option<usize>,
    /// Bytes of the requests that wait for a gateway.
    pub(crate) waiting_bytes: usize,
    /// Bytes of heads of requests that are only partly here.
    pub(crate) head_bytes: usize,
    /// Bytes of answers that HTTP/2 clients do not take.
    pub(crate) send_bytes: usize,
}

impl Resources {
    /// The resources of this process; its limit of open files is raised as far as the kernel allows.
    pub(crate) fn find() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self { files: file_limit::raise(), memory: memory_limit::find(), cores }
    }

    /// How much these resources carry at once under `limits`.
    pub(crate) fn carry(&self, limits: &Limits) -> Capacity {
        let most = file_limit::carried(self.files, self.cores);
        // What the process takes to run at all; one with less memory than that has to try.
        let rest = self.memory.saturating_sub(AT_REST).max(self.memory / 4);
        let by_memory = |share: u64, each: u64| usize::try_from(share / each).unwrap_or(usize::MAX).max(1);
        let connections = match limits.connections {
            CountValue::Auto => most.min(by_memory(rest / 8 * 3, CONNECTION)),
            CountValue::AtMost(wanted) => wanted.min(most),
        };
        let requests = match limits.requests {
            CountValue::Auto => most.min(by_memory(rest / 8 * 3, REQUEST)),
            CountValue::AtMost(wanted) => wanted.min(most),
        };
        let requests_per_client = match limits.requests_per_client {
            None => None,
            Some(CountValue::Auto) => Some((requests / NETWORKS).max(LEAST_PER_CLIENT)),
            Some(CountValue::AtMost(wanted)) => Some(wanted),
        };
        let waiting_bytes = by_memory(rest / 8, 1).clamp(LEAST_WAITING, MOST_WAITING);
        let head_bytes = by_memory(rest / 16, 1).clamp(LEAST_WAITING, MOST_WAITING);
        let send_bytes = by_memory(rest / 16, 1).max(LEAST_WAITING);
        Capacity { connections, gateway: most, requests, requests_per_client, waiting_bytes, head_bytes, send_bytes }
    }
}

impl Capacity {
    /// Logs what was chosen, and which numbers of `limits` are more than the open files carry.
    pub(crate) fn tell(&self, limits: &Limits, resources: &Resources) {
        tracing::info!(
            connections = self.connections,
            requests = self.requests,
            requests_per_client = self.requests_per_client,
            files = resources.files,
            memory_mib = resources.memory >> 20,
            "limits"
        );
        for (key, wanted) in [("limits.connections", limits.connections), ("limits.requests", limits.requests)] {
            if let CountValue::AtMost(wanted) = wanted
                && wanted > self.gateway
            {
                tracing::warn!(
                    key,
                    wanted,
                    carried = self.gateway,
                    "the open-file limit carries fewer; raise it (systemd: LimitNOFILE=, containers: --ulimit nofile=)"
                );
            }
        }
    }
}

/// Memory of a process that serves nothing, in bytes.
const AT_REST: u64 = 12 << 20;
/// Memory of a connection with TLS that is open and carries little, in bytes: 7 KB when it is idle, more in its
/// handshake.
const CONNECTION: u64 = 12 << 10;
/// Memory of a request under way, with what is read ahead of its answer for a client that does not take it, or of its body for a
/// gateway that does not.
const REQUEST: u64 = 24 << 10;
/// So many networks may have as many requests under way as one network may, before all permits are taken.
const NETWORKS: usize = 8;
/// The least limit for the requests of one network, behind which there may be a family, or all clients of a tunnel.
const LEAST_PER_CLIENT: usize = 256;
const LEAST_WAITING: usize = 1 << 20;
/// In bytes: a thousand waiting requests with large heads.
const MOST_WAITING: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn files_and_memory_decide_and_a_number_is_never_more_than_the_files_carry() {
        let auto = Limits::default();
        let some = |connections, requests, per_client| Limits {
            connections: CountValue::AtMost(connections),
            requests: CountValue::AtMost(requests),
            requests_per_client: per_client,
            ..auto
        };
        // Files, memory, limits; connections, requests, requests of one client.
        let rows = [
            (Some(20_000), 8 * GIB, auto, (9872, 9872, Some(1234))),
            (Some(1024), 8 * GIB, auto, (384, 384, Some(256))),
            (Some(100), 8 * GIB, auto, (1, 1, Some(256))),
            (None, 64 << 20, auto, (1664, 832, Some(256))),
            (Some(1 << 20), 64 << 20, auto, (1664, 832, Some(256))),
            (None, 8 << 20, auto, (64, 32, Some(256))),
            (Some(20_000), 64 << 20, some(5000, 4000, None), (5000, 4000, None)),
            (Some(20_000), GIB, some(50_000, 60_000, Some(CountValue::AtMost(7))), (9872, 9872, Some(7))),
            (None, GIB, some(3, 5, Some(CountValue::Auto)), (3, 5, Some(256))),
        ];
        for (files, memory, limits, expected) in rows {
            let capacity = Resources { files, memory, cores: 2 }.carry(&limits);
            let Capacity { connections, requests, requests_per_client, gateway, waiting_bytes, head_bytes, send_bytes } =
                capacity;
            assert_eq!((connections, requests, requests_per_client), expected, "{files:?} {memory} {limits:?}");
            assert!(connections <= gateway && requests <= gateway);
            assert!(send_bytes >= LEAST_WAITING);
            for bytes in [waiting_bytes, head_bytes] {
                assert!((LEAST_WAITING..=MOST_WAITING).contains(&bytes));
            }
        }
    }

    #[test]
    fn the_connections_that_auto_lets_in_fit_into_the_memory() {
        for mib in [32_u64, 64, 128, 256, 1024] {
            let memory = mib << 20;
            let capacity = Resources { files: None, memory, cores: 2 }.carry(&Limits::default());
            let used = AT_REST
                + capacity.connections as u64 * CONNECTION
                + capacity.requests as u64 * REQUEST
                + capacity.waiting_bytes as u64
                + capacity.head_bytes as u64
                + capacity.send_bytes as u64;
            assert!(used <= memory, "{mib} MiB: {used}");
        }
    }
}
