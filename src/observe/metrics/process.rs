//! [`ProcessMetrics`]: the process as a whole, and its reloads.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{counter, family, gauge};

/// The process as a whole. What every exporter calls `process_…` has that name, too.
pub(crate) struct ProcessMetrics {
    /// 1 when clients should come.
    pub(crate) ready: Gauge,
    /// Seconds since the start.
    pub(crate) uptime: Gauge,
    /// How many files are open.
    pub(crate) files: Gauge,
    /// How many files may be open.
    pub(crate) files_most: Gauge,
    /// Bytes of memory in use.
    pub(crate) memory: Gauge,
    /// Bytes of memory that the process may use.
    pub(crate) memory_most: Gauge,
    /// How many tasks run, connections included.
    pub(crate) tasks: Gauge,
    /// Seconds of CPU time.
    pub(crate) cpu: Counter<f64, AtomicU64>,
    /// When the process started, in seconds since 1970.
    pub(crate) started: Gauge<f64, AtomicU64>,
    /// The same three numbers under the names that every exporter uses.
    pub(crate) usual: UsualProcessMetrics,
    busy: Family<ThreadLabels, Counter<f64, AtomicU64>>,
    /// Log lines that were dropped because the output did not take them in time.
    pub(crate) log_lines_dropped: Counter,
    /// Warnings of libraries, logged or not.
    pub(crate) library_warnings: Counter,
    /// When the first of the shown certificates expires, in seconds since 1970.
    pub(crate) certificate_end: Gauge,
    /// When the first of the shown certificates was issued, in seconds since 1970.
    pub(crate) certificate_begin: Gauge,
}

/// Numbers of the process under the names that exporters of every kind use.
pub(crate) struct UsualProcessMetrics {
    /// `process_open_fds`.
    pub(crate) files: Gauge,
    /// `process_max_fds`.
    pub(crate) files_most: Gauge,
    /// `process_resident_memory_bytes`.
    pub(crate) memory: Gauge,
}

/// Reloads.
pub(crate) struct ReloadMetrics {
    /// How many were taken over.
    pub(crate) done: Counter,
    /// How many were refused.
    pub(crate) refused: Counter,
    /// 1 while a changed file waits for confirmation, since it would lower guards.
    pub(crate) waiting: Gauge,
}

/// The labels of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ThreadLabels {
    thread: usize,
}

impl ProcessMetrics {
    pub(super) fn new(registry: &mut Registry, usual: &mut Registry) -> Self {
        let end = "When the first of the certificates that are shown ends, in seconds since 1970; 0 without one";
        let begin = "When that certificate became valid, in seconds since 1970; 0 without one";
        let (cpu, started, busy) = (Counter::default(), Gauge::default(), Family::default());
        usual.register("process_cpu_seconds", "CPU time of the process, user and system", cpu.clone());
        usual.register(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            started.clone(),
        );
        registry.register("thread_busy_seconds", "Time that a thread was busy, by its number", busy.clone());
        Self {
            ready: gauge(registry, "ready", "1 when clients should come, as /readyz says"),
            uptime: gauge(registry, "uptime_seconds", "Seconds since the start"),
            files: gauge(registry, "open_files", "Open files, connections included"),
            files_most: gauge(registry, "max_open_files", "How many files may be open"),
            memory: gauge(registry, "resident_memory_bytes", "Memory in use"),
            memory_most: gauge(
                registry,
                "memory_limit_bytes",
                "Memory that may be used: the cgroup's limit, or the machine's",
            ),
            tasks: gauge(registry, "tasks", "Tasks, connections among them"),
            cpu,
            started,
            usual: UsualProcessMetrics {
                files: gauge(usual, "process_open_fds", "Open files"),
                files_most: gauge(usual, "process_max_fds", "How many files may be open"),
                memory: gauge(usual, "process_resident_memory_bytes", "Memory in use"),
            },
            busy,
            log_lines_dropped: counter(
                registry,
                "log_lines_dropped",
                "Log lines that were dropped because whatever reads them did not keep up",
            ),
            library_warnings: counter(
                registry,
                "library_warnings",
                "Warnings of libraries, of which the same is a log line once a minute",
            ),
            certificate_end: gauge(registry, "certificate_expiry_timestamp_seconds", end),
            certificate_begin: gauge(registry, "certificate_begin_timestamp_seconds", begin),
        }
    }

    /// Sets how long each thread has been busy, in seconds.
    pub(crate) fn busy(&self, threads: &[f64]) {
        for (thread, seconds) in threads.iter().enumerate() {
            let counter = self.busy.get_or_create(&ThreadLabels { thread });
            counter.inner().store(seconds.to_bits(), std::sync::atomic::Ordering::Relaxed);
        }
    }
}

impl ReloadMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let reloads =
            family(registry, "reloads", "Configurations that were read again, and whether they were taken over");
        Self {
            done: reloads.get_or_create_owned(&[("outcome", "done")]),
            refused: reloads.get_or_create_owned(&[("outcome", "refused")]),
            waiting: gauge(
                registry,
                "reload_waiting",
                "1 while a change of the configuration waits for an operator, since it would lower guards",
            ),
        }
    }
}
