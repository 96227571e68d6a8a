//! [`OpenClawProgram`]: the gateway's own program, asked what it thinks of a changed configuration before that takes the place of
//! the one in use. A gateway rejects a file with one setting that its version does not know as a whole.

use std::env;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::cli::run::runtime;
use crate::doctor::settings::write_like;

/// The program `openclaw`.
#[derive(Debug)]
pub(super) struct OpenClawProgram(PathBuf);

/// What the program says of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    /// Why not, in the program's words.
    Refused(String),
}

impl OpenClawProgram {
    /// The program that the user names, or the one on `$PATH`.
    pub(super) fn find(named: Option<&Path>) -> Option<Self> {
        if let Some(named) = named {
            return Some(Self(named.to_owned()));
        }
        let folders = env::var_os("PATH")?;
        env::split_paths(&folders).map(|folder| folder.join("openclaw")).find(|file| file.is_file()).map(Self)
    }

    /// What it says of `text`, which is to take the place of `file`.
    ///
    /// # Errors
    /// The program gives no verdict; why, in words.
    pub(super) fn verdict(&self, file: &Path, text: &str) -> Result<Verdict, String> {
        let real = fs::canonicalize(file).map_err(|error| format!("{}: {error}", file.display()))?;
        // Beside the file, where what it includes is found, and with its mode: it holds the same secrets.
        let mut name = real.file_name().unwrap_or_default().to_owned();
        name.push(format!(".frontgate-check-{}", std::process::id()));
        let draft = real.with_file_name(name);
        let said = write_like(&real, &draft, text).map_err(|error| format!("{}: {error}", draft.display()));
        let said = said.and_then(|()| self.validate(&draft));
        // It is of no use any more; that it cannot be removed is not worth another error.
        let _ = fs::remove_file(&draft);
        verdict(&said?).ok_or_else(|| format!("{} config validate --json says nothing that is known", self.0.display()))
    }

    fn validate(&self, file: &Path) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.0.display());
        let mut command = Command::new(&self.0);
        command.args(["config", "validate", "--json"]).env("OPENCLAW_CONFIG_PATH", file).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        let pipe = child.stdout.take();
        let reader = thread::spawn(move || {
            let mut said = String::new();
            // What is no text is no verdict.
            let _ = pipe.map(|pipe| pipe.take(LARGEST).read_to_string(&mut said));
            said
        });
        let waiting = runtime().map_err(|error| error.to_string())?;
        if !waiting.block_on(ends(&mut child)).map_err(failed)? {
            return Err(format!("{} has not answered within {} s", self.0.display(), PATIENCE.as_secs()));
        }
        Ok(reader.join().unwrap_or_default())
    }
}

/// Waits for the end of `child`, and ends it where that takes too long.
async fn ends(child: &mut Child) -> std::io::Result<bool> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        sleep(AGAIN).await;
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

/// What `openclaw config validate --json` has printed.
fn verdict(said: &str) -> Option<Verdict> {
    // A warning may stand before it.
    let from = said.find("{\n").or_else(|| said.find('{'))?;
    let told: Value = serde_json::Deserializer::from_str(&said[from..]).into_iter().next()?.ok()?;
    if told["valid"].as_bool()? {
        return Some(Verdict::Accepted);
    }
    let word = |value: &Value| {
        let text = value.as_str().unwrap_or_default().chars();
        text.filter(|letter| !letter.is_control()).take(LONGEST_WORD).collect::<String>()
    };
    let first = &told["issues"][0];
    Some(Verdict::Refused(format!("{}: {}", word(&first["path"]), word(&first["message"]))))
}

/// A machine without spare time takes some seconds.
const PATIENCE: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_millis(50);
/// Bytes; a list of issues has a thousandth of it.
const LARGEST: u64 = 1 << 20;
/// Letters.
const LONGEST_WORD: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_read_whatever_stands_before_it() {
        let said = "Config warnings: {x}\n{\n  \"ok\": false,\n  \"valid\": false,\n  \"issues\": [{\"path\": \"gateway\", \"message\": \"Invalid \\u001binput\"}]\n}";
        assert_eq!(verdict(said), Some(Verdict::Refused("gateway: Invalid input".to_owned())));
        assert_eq!(verdict("{\"valid\": true, \"path\": \"x\"}"), Some(Verdict::Accepted));
        for said in ["", "no such command", "{}", "{\"valid\": 1}"] {
            assert_eq!(verdict(said), None, "{said}");
        }
    }
}
