//! The destination and format of log lines.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::{self, PanicHookInfo};
use std::thread;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use super::clean::{LONGEST, clean};
use super::library_warnings::{LibraryWarnings, OwnLinesOnly};
use super::line_format::LineFormat;
use super::log_queue::LogQueue;
use super::paint::Paint;
use super::terminal_lines::TerminalLines;
use crate::config::{Level, Log, LogFormat};
use crate::platform::files;

/// Sends log lines to standard output from here on: events and access lines alike, so that their order is kept and
/// `frontgate | jq` sees them all. Standard error stays for what a command says when it cannot run. A thread of its own
/// writes them, and no other ever waits for that; panics are lines, too, because the standard hook writes to standard
/// error and waits for its reader.
///
/// The format `auto` is short lines for a person on a terminal and JSON elsewhere; only terminals get colours. Of the environment
/// only what says whether a terminal has colours is read.
///
/// # Errors
/// The second descriptor of standard output or the thread cannot be made, or the process logs already.
pub(crate) fn init(log: &Log) -> Result<(LogHandle, LogOutput), InitError> {
    let (queue, sink) = (LogQueue::default(), LogSink::of(&io::stdout()));
    // The standard library's own handle is locked and flushed at exit, which may last for ever.
    let stdout = files::stdout().map_err(InitError::Output)?;
    let (format, writer) = (LineFormat::of(log, sink), queue.clone());
    let write = move || writer.write_to(stdout, |missing| gap(format, missing));
    thread::Builder::new().name("log".to_owned()).spawn(write).map_err(InitError::Thread)?;
    let warnings = LibraryWarnings::default();
    let paint = Paint::of(&io::stdout());
    let (lines, filter) = lines(log, (queue.clone(), queue.clone()), (sink, paint), warnings.clone());
    subscriber::set_global_default(lines).map_err(|_| InitError::Already)?;
    panic::set_hook(Box::new(panicked));
    Ok((LogHandle { filter, queue: queue.clone(), warnings }, LogOutput { queue }))
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// Code in this process has set up logging before.
    #[error("logging has been set up before")]
    Already,
    /// The kernel has no free file descriptor.
    #[error("standard output cannot be opened: {0}")]
    Output(#[source] io::Error),
    /// The kernel has no free thread.
    #[error("no thread can be started: {0}")]
    Thread(#[source] io::Error),
}

/// The output of log lines. Dropping it waits a moment for lines that are not written yet.
#[derive(Debug)]
#[must_use = "what is not written when the process ends is lost"]
pub(crate) struct LogOutput {
    queue: LogQueue,
}

impl LogOutput {
    /// Writes `text` unchanged, behind the lines so far.
    pub(crate) fn print(&self, text: &str) {
        self.queue.push(text.as_bytes());
    }
}

impl LogOutput {
    /// What writes text behind the lines so far, for another thread.
    pub(crate) fn printer(&self) -> LogPrinter {
        LogPrinter { queue: self.queue.clone() }
    }
}

/// Writes text unchanged among the lines.
#[derive(Debug, Clone)]
pub(crate) struct LogPrinter {
    queue: LogQueue,
}

impl LogPrinter {
    /// Writes `text` unchanged, behind the lines so far.
    pub(crate) fn print(&self, text: &str) {
        self.queue.push(text.as_bytes());
    }
}

impl Drop for LogOutput {
    fn drop(&mut self) {
        self.queue.flush(LAST_LINES);
    }
}

/// Changes the level while lines are written, and knows how many lines were dropped.
#[derive(Debug, Clone)]
pub(crate) struct LogHandle {
    filter: LogFilter,
    queue: LogQueue,
    warnings: LibraryWarnings,
}

type LogFilter = reload::Handle<Targets, Registry>;

impl LogHandle {
    /// From here on, lines less severe than `level` are not written.
    pub(crate) fn set_level(&self, level: Level) {
        // Reloading fails only when the subscriber is gone, and then no line is written at all.
        let _ = self.filter.reload(filter(level));
    }

    /// How many lines were dropped because the output did not take them in time.
    pub(crate) fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// How many warnings libraries have made; the log has equal ones once a minute.
    pub(crate) fn library_warnings(&self) -> u64 {
        self.warnings.total()
    }
}

/// The kind of output that the lines are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogSink {
    Terminal,
    Other,
}

impl LogSink {
    fn of(stream: &impl io::IsTerminal) -> Self {
        if stream.is_terminal() { Self::Terminal } else { Self::Other }
    }
}

impl LineFormat {
    fn of(log: &Log, sink: LogSink) -> Self {
        match (log.format, sink) {
            (LogFormat::Auto, LogSink::Terminal) => Self::Terminal,
            (LogFormat::Text, _) => Self::Text,
            (LogFormat::Json, _) | (LogFormat::Auto, LogSink::Other) => Self::Json,
        }
    }
}

fn lines<W>(
    log: &Log,
    (writer, queue): (W, LogQueue),
    (sink, paint): (LogSink, Paint),
    warnings: LibraryWarnings,
) -> (impl Subscriber + Send + Sync + use<W>, LogFilter)
where
    W: for<'w> MakeWriter<'w> + Clone + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(log.level));
    // The message is a fixed phrase that says what the line is; the module that wrote it would say it again. Besides, a
    // request has a field `target` of its own.
    let shape = LineFormat::of(log, sink);
    let theirs = warnings.lines(shape, writer.clone());
    let format = |writer| fmt::layer().with_target(false).with_writer(writer).log_internal_errors(false);
    let format = match shape {
        LineFormat::Terminal => TerminalLines::new(queue, paint).boxed(),
        LineFormat::Text => format(writer).with_ansi(paint.is_on()).boxed(),
        LineFormat::Json => {
            format(writer).json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    (tracing_subscriber::registry().with(filter).with(format.with_filter(OwnLinesOnly)).with(theirs), handle)
}

/// The line that stands for `missing` dropped ones. The writer's thread makes it, where the subscriber must not be
/// used.
fn gap(format: LineFormat, missing: u64) -> String {
    let fields = [("message", DROPPED.into()), ("lines", missing.into())];
    format.line("WARN", fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Logs the text that the standard panic hook prints.
fn panicked(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    tracing::error!(
        what = %clean(panic.payload_as_str().unwrap_or("no message").as_bytes(), LONGEST),
        at = panic.location().map(tracing::field::display),
        thread = thread::current().name(),
        backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(&backtrace)),
        "a task has panicked, which is a bug in frontgate"
    );
}

/// Our own lines down to `level`; of the libraries only warnings, because their `debug` lines show text of peers,
/// secrets included.
fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(env!("CARGO_CRATE_NAME"), level)
}

const DROPPED: &str = "log lines dropped; whatever reads them did not keep up";
/// How long the shutdown waits for lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::observe::for_client;

    /// The lines that `act` logs, as they would be written with `log` to an output other than a terminal.
    pub(crate) fn logged(log: &Log, act: impl FnOnce(&LogHandle)) -> String {
        let written = Captured::default();
        let writer = written.clone();
        let warnings = LibraryWarnings::default();
        let sink = (LogSink::Other, Paint::off());
        let (lines, filter) = lines(log, (move || writer.clone(), LogQueue::default()), sink, warnings.clone());
        let handle = LogHandle { filter, queue: LogQueue::default(), warnings };
        subscriber::with_default(lines, || act(&handle));
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_is_one_plain_line_without_colours() {
        let log = Log { format: LogFormat::Text, ..Log::default() };
        let written = logged(&log, |_| tracing::info!(listener = %"[::]:8443", "listening"));
        let (_time, line) = written.split_once(' ').unwrap();
        assert_eq!(line, " INFO listening listener=[::]:8443\n");
    }

    #[test]
    fn elsewhere_than_on_a_terminal_auto_is_one_json_object_per_line() {
        let written =
            logged(&Log::default(), |_| tracing::info!(target: "frontgate::x", target = "/a\n", n = 3, "request"));
        let line: serde_json::Value = serde_json::from_str(written.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "request");
        assert_eq!(line["target"], "/a\n");
        assert_eq!(line["n"], 3);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_gap_looks_like_any_other_line() {
        let log = |format| Log { format, ..Log::default() };
        let written = logged(&log(LogFormat::Json), |_| tracing::warn!(lines = 3, "{DROPPED}"));
        let fields = |line: &str| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line.as_object_mut().unwrap().remove("timestamp").unwrap().as_str().unwrap().ends_with('Z'));
            line
        };
        assert_eq!(fields(&gap(LineFormat::Json, 3)), fields(&written));
        let written = logged(&log(LogFormat::Text), |_| tracing::warn!(lines = 3, "{DROPPED}"));
        let (_time, rest) = written.split_once(' ').unwrap();
        assert_eq!(gap(LineFormat::Text, 3).split_once(' ').unwrap().1, rest);
    }

    #[test]
    fn what_a_library_repeats_is_one_line_and_counted_and_what_we_repeat_is_said_each_time() {
        let mut counted = 0;
        let written = logged(&Log { format: LogFormat::Text, ..Log::default() }, |handle| {
            for number in 0..5 {
                tracing::warn!(target: "h2::proto", number, "a reset");
                tracing::error!(target: "frontgate_like", number, "something else");
                tracing::info!(target: "frontgate::access", number, "ours");
                tracing::warn!(number, "ours, too");
            }
            counted = handle.library_warnings();
        });
        let phrase = |phrase: &str| written.lines().filter(|line| line.contains(&format!(" {phrase} number="))).count();
        assert_eq!((phrase("a reset"), phrase("something else")), (1, 1), "{written}");
        assert_eq!((phrase("ours"), phrase("ours, too"), counted), (5, 5, 10), "{written}");
    }

    #[test]
    fn what_a_library_warns_of_names_the_client_and_what_we_say_does_not_change() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let written = logged(&Log { format, ..Log::default() }, |_| {
                for client in [Some([192, 0, 2, 7].into()), None] {
                    for_client(client).in_scope(|| {
                        tracing::info!(n = 1, "ours");
                        if client.is_some() {
                            tracing::warn!(target: "h2::proto", why = "a\nb", at = ?(1, 2), "a {}", "reset");
                        } else {
                            tracing::error!(target: "h2::proto", "worse");
                        }
                    });
                }
                tracing::warn!(target: "h2::proto", "of no client");
            });
            let lines: Vec<_> = written.lines().collect();
            assert_eq!(lines.len(), 5, "{written}");
            let ours = if format == LogFormat::Text { " INFO ours n=1" } else { r#""message":"ours","n":1}"# };
            assert!(lines[0].ends_with(ours) && lines[2].ends_with(ours), "{written}");
            if format == LogFormat::Text {
                assert!(lines[1].contains("  WARN a reset ") && lines[1].contains(" client=192.0.2.7"), "{written}");
                assert!(lines[3].contains(" ERROR worse client=unix"), "{written}");
                assert!(lines[4].ends_with("  WARN of no client"), "{written}");
                continue;
            }
            let line: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
            assert_eq!((&line["level"], &line["message"]), (&"WARN".into(), &"a reset".into()));
            assert_eq!((&line["client"], &line["at"]), (&"192.0.2.7".into(), &"(1, 2)".into()));
            assert!(
                !line["why"].as_str().unwrap().contains('\n') && lines[3].contains(r#""client":"unix""#),
                "{written}"
            );
        }
    }

    #[test]
    fn the_level_can_be_changed_while_running_and_libraries_never_go_below_warn() {
        let log = Log { level: Level::Warn, ..Log::default() };
        let phrases = |level: Option<Level>| -> Vec<String> {
            let written = logged(&log, |handle| {
                if let Some(level) = level {
                    handle.set_level(level);
                }
                tracing::debug!("debug");
                tracing::info!("info");
                tracing::warn!("warn");
                tracing::error!("error");
                tracing::debug!(target: "hyper::proto", "their debug");
                tracing::info!(target: "hyper::proto", "their info");
                tracing::warn!(target: "hyper::proto", "their warn");
            });
            let message =
                |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].as_str().unwrap().to_owned();
            written.lines().map(message).collect()
        };
        assert_eq!(phrases(None), ["warn", "error", "their warn"]);
        assert_eq!(phrases(Some(Level::Error)), ["error"]);
        assert_eq!(phrases(Some(Level::Info)), ["info", "warn", "error", "their warn"]);
        assert_eq!(phrases(Some(Level::Debug)), ["debug", "info", "warn", "error", "their warn"]);
    }
}
