//! [`TerminalLines`]: writes our own lines for a person at a terminal.

use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::event_fields::EventFields;
use super::log_queue::LogQueue;
use super::paint::{Colour, Paint};
use super::terminal_line::{TerminalLine, assets};

/// Writes lines for a person at a terminal. Files of pages are counted, and told with the line behind them, or within a
/// second.
#[derive(Debug)]
pub(super) struct TerminalLines {
    queue: LogQueue,
    paint: Paint,
    folded: Mutex<FoldedAssets>,
}

/// The files that the line which is kept back tells of.
#[derive(Debug, Default)]
struct FoldedAssets {
    count: u64,
    bytes: u64,
}

impl TerminalLines {
    /// Lines in the colours of `paint`.
    pub(super) fn new(queue: LogQueue, paint: Paint) -> Self {
        Self { queue, paint, folded: Mutex::default() }
    }

    fn fold(&self, time: &str, bytes: u64) {
        self.queue.keep_back(|is_first| {
            // Two numbers: after a panic at worst a file is missing.
            let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
            if is_first {
                *folded = FoldedAssets::default();
            }
            folded.count += 1;
            folded.bytes += bytes;
            format!("{time}  {}\n", assets(folded.count, folded.bytes, self.paint))
        });
    }
}

impl<S: Subscriber> Layer<S> for TerminalLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let time = time_of_day(OffsetDateTime::now_utc());
        let time = self.paint.text(Colour::Faint, &time);
        match TerminalLine::of(event.metadata().level().as_str(), &fields.0, self.paint) {
            TerminalLine::Asset(bytes) => self.fold(&time, bytes),
            TerminalLine::Line(line) => self.queue.push(format!("{time}  {line}\n").as_bytes()),
        }
    }
}

/// In UTC, as the times in all other places are.
fn time_of_day(now: OffsetDateTime) -> String {
    format!("{:02}:{:02}:{:02}Z", now.hour(), now.minute(), now.second())
}
