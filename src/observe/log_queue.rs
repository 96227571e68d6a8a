//! [`LogQueue`]: log lines on their way to a pipe, a file or a terminal, written by a thread of its own.
//!
//! A write can last for ever: a pipe that is not read, a terminal that was stopped with Ctrl-S, a disk that hangs. The
//! threads that serve only append to memory, which is bounded; lines that do not fit are dropped and counted, and one
//! line in their place says how many they were.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

/// Log lines that wait to be written. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct LogQueue(Arc<LogQueueShared>);

#[derive(Debug, Default)]
struct LogQueueShared {
    state: Mutex<LogQueueState>,
    /// Notified when there is a line to write, and when no line is left to be written.
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct LogQueueState {
    lines: Vec<u8>,
    /// A line that may still change, and when it is written at the latest.
    kept_back: Option<(String, Instant)>,
    /// How many lines that would have followed `lines` were dropped.
    missing: u64,
    /// The writer waits for a line.
    idle: bool,
    /// The writer has lines that are not written.
    writing: bool,
    /// The writer writes the lines that are there, without waiting for more.
    hurry: bool,
}

impl LogQueue {
    /// Appends a line, or drops it. Never waits for the writer.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.0.lock();
        self.0.release(&mut state);
        self.0.append(&mut state, line);
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.0.changed.notify_all();
        }
    }

    /// Keeps a line back, for a second or until the next line comes behind it: a later call may put another in its place.
    /// `line` is told whether it is the first, that is whether none is kept back, and makes the line. Never waits for the
    /// writer.
    pub(super) fn keep_back(&self, line: impl FnOnce(bool) -> String) {
        let mut state = self.0.lock();
        let due = state.kept_back.take().map(|(_, due)| due);
        let line = line(due.is_none());
        state.kept_back = Some((line, due.unwrap_or_else(|| Instant::now() + KEPT_BACK)));
        let wake = due.is_none() && state.idle;
        drop(state);
        if wake {
            self.0.changed.notify_all();
        }
    }

    /// How many lines were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Waits until every line is written, at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let mut state = self.0.lock();
        state.hurry = true;
        self.0.changed.notify_all();
        let unwritten =
            |state: &mut LogQueueState| state.writing || !state.lines.is_empty() || state.kept_back.is_some();
        drop(self.0.changed.wait_timeout_while(state, limit, unwritten));
    }

    /// Writes the lines to `sink` for as long as the process lives. `gap` makes the line that says how many are
    /// missing.
    pub(super) fn write_to(self, sink: impl Write, gap: impl Fn(u64) -> String) {
        let mut writer = LineWriter { sink, gap, lost: 0, torn: false };
        let mut batch = Vec::new();
        loop {
            let missing = self.next(&mut batch);
            let failed = writer.write_batch(&batch, missing);
            self.0.dropped.fetch_add(failed, Ordering::Relaxed);
            batch.clear();
            if batch.capacity() > KEPT {
                batch = Vec::new();
            }
        }
    }

    /// Waits for lines, moves all of them to `batch`, and returns how many are missing behind them.
    fn next(&self, batch: &mut Vec<u8>) -> u64 {
        let mut state = self.0.lock();
        state.writing = false;
        if state.hurry {
            self.0.changed.notify_all();
        }
        state.idle = true;
        while state.lines.is_empty() {
            let Some(due) = state.kept_back.as_ref().map(|(_, due)| *due) else {
                state = self.0.wait(state, None, |state| state.lines.is_empty() && state.kept_back.is_none());
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || state.hurry {
                self.0.release(&mut state);
            } else {
                state = self.0.wait(state, Some(left), |state| state.lines.is_empty() && !state.hurry);
            }
        }
        state.idle = false;
        // Lines that follow soon after are written with it: one write for all, and no wake-up of the thread for each.
        state = self.0.wait(state, Some(GATHERING), |state| !state.hurry);
        state.writing = true;
        std::mem::swap(&mut state.lines, batch);
        std::mem::take(&mut state.missing)
    }
}

impl LogQueueShared {
    fn lock(&self) -> MutexGuard<'_, LogQueueState> {
        // The state is lines and a few numbers: after a panic at worst a line is cut.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a line, or drops it.
    fn append(&self, state: &mut LogQueueState, line: &[u8]) {
        // After a dropped line no line fits, however short: the gap is reported at its place.
        if state.missing > 0 || state.lines.len() + line.len() > MOST {
            state.missing += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            state.lines.extend_from_slice(line);
        }
    }

    /// Appends the line that was kept back, if one was.
    fn release(&self, state: &mut LogQueueState) {
        if let Some((line, _)) = state.kept_back.take() {
            self.append(state, line.as_bytes());
        }
    }

    /// Waits while `unchanged` holds, at most `limit`.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, LogQueueState>,
        limit: Option<Duration>,
        unchanged: impl Fn(&LogQueueState) -> bool,
    ) -> MutexGuard<'a, LogQueueState> {
        let unchanged = |state: &mut LogQueueState| unchanged(state);
        match limit {
            None => self.changed.wait_while(state, unchanged).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = self.changed.wait_timeout_while(state, limit, unchanged);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

/// The formatter writes each line in one call.
impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Writes lines, and instead of missing ones a line that says how many they were.
struct LineWriter<W, G> {
    sink: W,
    gap: G,
    /// How many lines are missing behind the last written one.
    lost: u64,
    /// The last write ended inside a line.
    torn: bool,
}

impl<W: Write, G: Fn(u64) -> String> LineWriter<W, G> {
    /// Writes `lines`, after which `missing` others were dropped. Returns how many of `lines` were lost as well,
    /// because the sink failed.
    fn write_batch(&mut self, lines: &[u8], missing: u64) -> u64 {
        // Without the gap's line the lines after it would look complete.
        let unwritten = if self.tell_gap() { self.write(lines) } else { lines };
        let failed = unwritten.split(|byte| *byte == b'\n').count() as u64 - 1;
        self.lost += failed + missing;
        self.tell_gap();
        failed
    }

    /// Writes the line about missing lines if there are any. Whether that succeeded or none is missing.
    fn tell_gap(&mut self) -> bool {
        if self.lost > 0 {
            let line = (self.gap)(self.lost);
            if !self.write(line.as_bytes()).is_empty() {
                return false;
            }
            self.lost = 0;
        }
        true
    }

    /// Writes `bytes` and returns the part that the sink did not take.
    fn write<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        if self.torn && !bytes.is_empty() {
            if self.write_some(b"\n") == 0 {
                return bytes;
            }
            self.torn = false;
        }
        let (written, rest) = bytes.split_at(self.write_some(bytes));
        if let Some(last) = written.last() {
            self.torn = *last != b'\n';
        }
        rest
    }

    /// Writes until the sink has taken all bytes or fails; returns how many it took.
    fn write_some(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            match self.sink.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(some) => written += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process has made the terminal or the pipe that it shares with us non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::park_timeout(AGAIN),
                Err(_) => break,
            }
        }
        written
    }
}

/// Bytes of waiting lines; as many again are being written. Enough for a second of a busy proxy.
const MOST: usize = 1024 * 1024;
/// Bytes of memory that the writer keeps for the next lines.
const KEPT: usize = 64 * 1024;
/// How long the writer waits for more lines before it writes.
const GATHERING: Duration = Duration::from_millis(5);
/// How long a line that may still change is kept back.
const KEPT_BACK: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use super::*;

    /// A sink that takes as many bytes as the test allows, write by write.
    struct Stepwise {
        allowed: Receiver<io::Result<usize>>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Stepwise {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // The test's end closes the channel, which ends the sink.
            let most = self.allowed.recv().unwrap_or(Ok(0))?;
            let taken = &bytes[..most.min(bytes.len())];
            let _ = self.written.send(taken.to_vec());
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A queue, the channel that allows its sink to take bytes, and the channel of the bytes it took.
    fn stepwise() -> (LogQueue, Sender<io::Result<usize>>, Receiver<Vec<u8>>) {
        let (queue, (allow, allowed), (sender, written)) = (LogQueue::default(), channel(), channel());
        let writer = queue.clone();
        let sink = Stepwise { allowed, written: sender };
        thread::spawn(move || writer.write_to(sink, |lost| format!("{lost} dropped\n")));
        (queue, allow, written)
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_sink_that_takes_nothing_holds_up_no_thread_and_the_gap_is_told_where_it_is() {
        let (queue, allow, written) = stepwise();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        // The writer holds this line while it waits for the sink.
        queue.push(b"first\n");
        allow.send(Ok(1)).unwrap();
        assert_eq!(text(written.recv().unwrap()), "f");
        for _ in 0..MOST / line.len() + 3 {
            queue.push(&line);
        }
        queue.push(b"as short as this\n");
        assert_eq!(queue.dropped(), 4);
        queue.flush(Duration::from_millis(10));

        (0..4).for_each(|_| allow.send(Ok(usize::MAX)).unwrap());
        assert_eq!(text(written.recv().unwrap()), "irst\n");
        assert_eq!(written.recv().unwrap(), line.repeat(MOST / line.len()));
        assert_eq!(text(written.recv().unwrap()), "4 dropped\n");
        queue.push(b"after\n");
        assert_eq!(text(written.recv().unwrap()), "after\n");
        queue.flush(Duration::from_mins(1));
        assert_eq!(queue.dropped(), 4);
    }

    #[test]
    fn a_full_disk_loses_lines_and_says_so_when_there_is_room_again() {
        let full = || Err(io::ErrorKind::StorageFull.into());
        let (queue, allow, written) = stepwise();
        queue.push(b"one\ntwo\n");
        for step in [Ok(6), full(), full()] {
            allow.send(step).unwrap();
        }
        assert_eq!(text(written.recv().unwrap()), "one\ntw");
        while queue.dropped() == 0 {
            thread::yield_now();
        }
        queue.push(b"three\n");
        (0..3).for_each(|_| allow.send(Ok(usize::MAX)).unwrap());
        let all: Vec<_> = (0..3).map(|_| text(written.recv().unwrap())).collect();
        assert_eq!(all, ["\n", "1 dropped\n", "three\n"]);
        assert_eq!(queue.dropped(), 1);
    }

    #[test]
    fn a_line_that_is_kept_back_is_written_before_the_next_and_without_one_by_itself() {
        let (queue, allow, written) = stepwise();
        (0..2).for_each(|_| allow.send(Ok(usize::MAX)).unwrap());
        queue.keep_back(|is_first| format!("{is_first} 1\n"));
        // Nothing else comes.
        assert_eq!(text(written.recv().unwrap()), "true 1\n");
        queue.keep_back(|_| "last\n".to_owned());
        queue.flush(Duration::from_mins(1));
        assert_eq!(text(written.recv().unwrap()), "last\n");

        let unwritten = LogQueue::default();
        unwritten.keep_back(|is_first| format!("{is_first} 1\n"));
        unwritten.keep_back(|is_first| format!("{is_first} 2\n"));
        unwritten.push(b"next\n");
        assert_eq!(unwritten.0.lock().lines, b"false 2\nnext\n");
    }

    #[test]
    fn what_was_pushed_is_written_before_a_flush_returns() {
        let (queue, allow, written) = stepwise();
        (0..3).for_each(|_| allow.send(Err(io::ErrorKind::WouldBlock.into())).unwrap());
        allow.send(Ok(usize::MAX)).unwrap();
        queue.push(b"a\n");
        queue.push(b"b\n");
        queue.flush(Duration::from_mins(1));
        assert_eq!(text(written.try_recv().unwrap()), "a\nb\n");
    }
}
