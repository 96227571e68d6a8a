//! Asks for a password: at a terminal without showing it, from a pipe by the line.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};

use anyhow::{Context as _, bail, ensure};

use crate::platform::HiddenInput;

/// The password that a person types twice, or that a script gives in a line, or in two that are the same.
///
/// # Errors
/// There is none, or the second one is another.
pub(super) fn ask(name: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return piped(&mut stdin.lock());
    }
    let hidden = HiddenInput::begin().context("cannot stop the terminal from showing what is typed")?;
    let mut lines = BufReader::new(stdin.lock());
    let first = prompted(&format!("Password for {name}: "), &mut lines)?;
    let second = prompted("The same once more: ", &mut lines)?;
    drop(hidden);
    checked(first, Some(second))
}

fn prompted(text: &str, lines: &mut impl BufRead) -> anyhow::Result<String> {
    let mut terminal = std::io::stderr();
    write!(terminal, "{text}").and_then(|()| terminal.flush()).context("cannot ask")?;
    let line = line(lines)?;
    // The end of the line was not shown either.
    let _ = writeln!(terminal);
    line.context("no password was typed")
}

fn piped(input: &mut impl BufRead) -> anyhow::Result<String> {
    let first = line(input)?.context("no password in the first line")?;
    let second = line(input)?;
    checked(first, second)
}

/// The next line without its end; `None` behind the last.
fn line(input: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut line = String::new();
    let length = input.take(LONGEST).read_line(&mut line).context("the password cannot be read as text")?;
    let text = line.strip_suffix('\n').unwrap_or(&line);
    Ok((length > 0).then(|| text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

fn checked(first: String, second: Option<String>) -> anyhow::Result<String> {
    if second.is_some_and(|second| second != first) {
        bail!("the two passwords are not the same");
    }
    ensure!(!first.is_empty(), "an empty password lets everybody in");
    // `Authorization` is read up to a length, and a user does not remember a longer one.
    ensure!(first.len() <= MOST, "a password of more than {MOST} bytes");
    Ok(first)
}

/// Bytes of a line that are read.
const LONGEST: u64 = 4096;
/// Bytes of a password; with a name and in base64 it fits in what `auth.basic` reads.
const MOST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gives_a_password_once_or_twice_the_same() {
        for (text, expected) in [
            ("hush\n", Some("hush")),
            ("hush", Some("hush")),
            ("hush\r\n", Some("hush")),
            (" hush \n", Some(" hush ")),
            ("hush\nhush\n", Some("hush")),
            ("hush\nhush", Some("hush")),
            ("hush\nhash\n", None),
            ("hush\n\n", None),
            ("", None),
            ("\n", None),
        ] {
            assert_eq!(piped(&mut text.as_bytes()).ok().as_deref(), expected, "{text:?}");
        }
        assert!(piped(&mut "x".repeat(501).as_bytes()).is_err());
    }
}
