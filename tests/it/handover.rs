//! One process takes over from another, and the service manager knows: real processes, real signals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod activation;
mod command;
mod failing;
mod load;
mod manager;
mod notice;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::Binary;

/// Successors that a test has started; they are killed at its end.
#[derive(Default)]
struct Successors(Vec<u32>);

impl Successors {
    /// Waits for the line of a handover, and returns the process that serves from then on.
    async fn next(&mut self, binary: &mut Binary) -> u32 {
        let line = binary.line(|line| says(line, HANDED_OVER) || says(line, NO_HANDOVER)).await;
        assert!(says(&line, HANDED_OVER), "{line} {}", binary.stderr());
        let pid = line["successor"].as_u64().unwrap().try_into().unwrap();
        self.0.push(pid);
        pid
    }

    /// The same, for a test that has one only.
    async fn keep(mut self, binary: &mut Binary) -> Self {
        self.next(binary).await;
        self
    }
}

impl Drop for Successors {
    fn drop(&mut self) {
        for pid in &self.0 {
            // Most have ended long ago.
            let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

fn says(line: &Value, message: &str) -> bool {
    line["message"] == message
}

const HANDED_OVER: &str = "handed over; finishing what is under way";
const NO_HANDOVER: &str = "no handover; going on as before";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
