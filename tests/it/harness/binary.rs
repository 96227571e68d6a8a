//! [`Binary`]: the real program, in a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::doors::Doors;
use super::gateway::Gateway;
use super::within;

/// The real program, not running yet: one TLS listener on 127.0.0.1, no admin listener, log lines as JSON.
pub(crate) fn binary() -> Builder {
    Builder { lines: Vec::new(), environment: Vec::new(), limits: None, program: None, sockets: None, found: false }
}

pub(crate) struct Builder {
    lines: Vec<String>,
    environment: Vec<(String, String)>,
    limits: Option<String>,
    program: Option<PathBuf>,
    sockets: Option<Sockets>,
    found: bool,
}

/// Two listening sockets, and what systemd would call them.
struct Sockets {
    names: String,
    sockets: [OwnedFd; 2],
}

/// The running program; it is killed when dropped.
pub(crate) struct Binary {
    doors: Doors,
    /// Where the admin listener is, if it has one.
    pub(crate) admin: Option<SocketAddr>,
    child: Child,
    lines: UnboundedReceiver<String>,
    /// Every line so far, as it was printed.
    pub(crate) printed: Vec<String>,
    folder: TempDir,
}

impl Builder {
    /// In front of this gateway.
    pub(crate) fn upstream(self, gateway: &Gateway) -> Self {
        let trusting = match &gateway.ca_file {
            Some(file) => self.environment("SSL_CERT_FILE", file.to_str().unwrap()),
            None => self,
        };
        trusting.config(&format!("upstream: \"{}\"", gateway.upstream))
    }

    /// With this line of YAML at the top level of its configuration.
    pub(crate) fn config(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// With this in its environment, which is empty otherwise.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Under this limit, as the shell's `ulimit` takes it.
    pub(crate) fn limit(mut self, limit: &str) -> Self {
        self.limits = Some(limit.to_owned());
        self
    }

    /// With a hard limit of its open files.
    pub(crate) fn open_files(self, most: u32) -> Self {
        self.limit(&format!("-n {most}"))
    }

    /// Started under another name, which leads to the program when it starts.
    pub(crate) fn program(mut self, path: PathBuf) -> Self {
        self.program = Some(path);
        self
    }

    /// With a configuration that it finds in its working folder.
    pub(crate) fn found(mut self) -> Self {
        self.found = true;
        self
    }

    /// With sockets as systemd passes them.
    pub(crate) fn sockets(mut self, names: &str, sockets: [OwnedFd; 2]) -> Self {
        self.sockets = Some(Sockets { names: names.to_owned(), sockets });
        self
    }

    pub(crate) async fn start(self) -> Binary {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("frontgate.yaml");
        let mut text = String::new();
        for (key, line) in [
            ("state_dir:", "state_dir: state\n"),
            ("listen:", "listen: { https: [\"127.0.0.1:0\"] }\n"),
            ("admin:", "admin: off\n"),
        ] {
            if !self.lines.iter().any(|line| line.starts_with(key)) {
                text.push_str(line);
            }
        }
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        std::fs::write(&file, &text).unwrap();
        let program = self.program.unwrap_or_else(|| env!("CARGO_BIN_EXE_frontgate").into());
        let complaints = folder.path().join("stderr");
        let first = match (&self.limits, &self.sockets) {
            (None, None) => None,
            (Some(limit), _) => Some(format!("ulimit {limit}")),
            // A child can only be given its standard descriptors; a shell moves them to where systemd has them.
            (_, Some(Sockets { names, .. })) => Some(format!(
                "exec 3<&0 4<&2 0</dev/null 2>{} && export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES={names}",
                complaints.display()
            )),
        };
        let mut command = match first {
            None => Command::new(program),
            Some(first) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("{first} && exec \"$0\" \"$@\"")]).arg(program);
                shell
            }
        };
        if self.found {
            command.arg("serve").current_dir(folder.path());
        } else {
            command.args(["serve", "-c"]).arg(&file);
        }
        command.env_clear().envs(self.environment);
        command.stdout(Stdio::piped()).stderr(File::create(&complaints).unwrap());
        if let Some(Sockets { sockets: [third, fourth], .. }) = self.sockets {
            command.stdin(third).stderr(fourth);
        }
        let mut child = command.spawn().unwrap();
        // The command may hold sockets.
        drop(command);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut binary = Binary { doors: Doors::default(), admin: None, child, lines, printed: Vec::new(), folder };
        loop {
            let line = binary.line(|_| true).await;
            let address = || line["address"].as_str().and_then(|address| address.parse().ok());
            match (line["message"].as_str(), line["purpose"].as_str()) {
                (Some("listening"), Some("https")) => binary.doors.https = address(),
                (Some("listening"), Some("redirect to https")) => binary.doors.http = address(),
                (Some("listening"), Some("plain http")) => binary.doors.plain = address(),
                (Some("listening"), Some("admin")) => binary.admin = address(),
                (Some("certificate"), _) => {
                    binary.doors.ca = line["local_ca"].as_str().map(PathBuf::from);
                    return binary;
                }
                _ => {}
            }
        }
    }
}

impl Binary {
    /// The next log line that `fits`; the ones before it are passed over.
    pub(crate) async fn line(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = within("a log line", self.lines.recv()).await;
            let line = line.unwrap_or_else(|| panic!("it ended; it had said {:#?} {}", self.printed, self.stderr()));
            self.printed.push(line.clone());
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            if fits(&line) {
                return line;
            }
        }
    }

    /// The next access line of a request.
    pub(crate) async fn access(&mut self) -> Value {
        self.line(|line| line["message"] == "request").await
    }

    /// The configuration file, to be changed.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.path().join("frontgate.yaml")
    }

    /// Waits for its end, though a successor may still print lines.
    pub(crate) async fn gone(&mut self) -> ExitStatus {
        within("the end of the process", async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                // There is nothing to wait for that would not block.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has used so far, in KiB (`VmHWM`).
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it uses, in KiB (`VmRSS`).
    pub(crate) fn resident_memory(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The memory that no other process shares with it, in KiB (`Pss_Anon`). Its share of the program's file grows by megabytes whenever
    /// another test's process ends that runs the same program.
    pub(crate) fn own_memory(&self) -> u64 {
        self.field("smaps_rollup", "Pss_Anon:")
    }

    fn memory(&self, field: &str) -> u64 {
        self.field("status", field)
    }

    fn field(&self, file: &str, field: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Every log line that was read so far.
    pub(crate) fn printed(&self) -> String {
        self.printed.join("\n")
    }

    /// What it has printed to standard error.
    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end, and reads its lines to the last.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        while let Some(line) = within("the last log line", self.lines.recv()).await {
            self.printed.push(line);
        }
        self.child.wait().unwrap()
    }

    /// Ends it as an operator does, and reads its lines to the last.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }
}

impl Deref for Binary {
    type Target = Doors;

    fn deref(&self) -> &Doors {
        &self.doors
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
