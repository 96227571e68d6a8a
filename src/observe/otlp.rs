//! OTLP: spans and metrics for a collector, over http/protobuf (`telemetry.otlp`).
//!
//! A thread that serves puts a span into a queue of a fixed size, and goes on; what does not fit is dropped and counted. One task
//! on a thread of its own sends, each export within a time limit, and one last time at the end.

mod attributes;
mod collector;
mod exporter;
mod families;
mod pause;
mod queue;
mod span;

pub(crate) use collector::Collector;
pub(crate) use exporter::{Exporter, LAST};
pub(crate) use queue::{QueuedSpans, SpanQueue};

#[cfg(test)]
mod tests;
