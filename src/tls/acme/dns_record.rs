//! [`DnsRecord`]: the record that proves a name (RFC 8555 §8.4), and how it gets into the DNS.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::dns_key::{DnsKeyError, TsigKey};
use super::dns_update::{DnsUpdateError, RecordChange, TextRecord, update};
use crate::config::{AcmeDns, Name};

/// A TXT record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DnsRecord {
    /// Its name, without the dot at the end.
    pub(super) name: String,
    pub(super) value: String,
}

/// Why the record is not in the DNS.
#[derive(Debug, thiserror::Error)]
pub(super) enum DnsRecordError {
    #[error("the program `{0}` cannot be run: {1}")]
    Program(String, #[source] io::Error),
    #[error("the program `{program}` {how}")]
    Failed { program: String, how: String },
    #[error("the key of tls.acme.dns: {0}")]
    Key(#[from] DnsKeyError),
    #[error("the name server {0}: {1}")]
    Update(std::net::SocketAddr, #[source] DnsUpdateError),
    #[error("tls.acme.dns says no way to put a record into the DNS")]
    NoWay,
}

impl DnsRecord {
    /// The record that proves `name` by `value`; `None` for an address, which has none.
    pub(super) fn of(name: &Name, value: String) -> Option<Self> {
        let Name::Dns(name) = name else { return None };
        let base = name.strip_prefix("*.").unwrap_or(name);
        Some(Self { name: format!("_acme-challenge.{base}"), value })
    }

    /// Puts the record into the DNS, and waits until the authority may see it.
    pub(super) async fn publish(&self, dns: &AcmeDns) -> Result<(), DnsRecordError> {
        self.change(dns, RecordChange::Add).await?;
        sleep(dns.wait).await;
        Ok(())
    }

    /// Takes the record away again.
    pub(super) async fn withdraw(&self, dns: &AcmeDns) -> Result<(), DnsRecordError> {
        self.change(dns, RecordChange::Remove).await
    }

    async fn change(&self, dns: &AcmeDns, change: RecordChange) -> Result<(), DnsRecordError> {
        if let Some((program, args)) = dns.exec.split_first() {
            let verb = match change {
                RecordChange::Add => "present",
                RecordChange::Remove => "cleanup",
            };
            let name = format!("{}.", self.name);
            let mut command = Command::new(program);
            command.args(args).args([verb, &name, &self.value]);
            let program = program.clone();
            return run(command, program).await;
        }
        let updates = dns.rfc2136.as_ref().ok_or(DnsRecordError::NoWay)?;
        let (Some(server), Some(zone), Some(file)) = (updates.server, &updates.zone, &updates.key.file) else {
            return Err(DnsRecordError::NoWay);
        };
        let key = TsigKey::read(file)?;
        let record = TextRecord { name: &self.name, value: &self.value };
        update(server, zone, record, change, &key).await.map_err(|error| DnsRecordError::Update(server, error))
    }
}

/// Runs the program to its end, which must come in time.
async fn run(mut command: Command, program: String) -> Result<(), DnsRecordError> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = match command.spawn() {
        Ok(child) => RunningProgram(child),
        Err(error) => return Err(DnsRecordError::Program(program, error)),
    };
    let began = Instant::now();
    loop {
        match running.0.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(DnsRecordError::Failed { program, how: format!("ended with {status}") }),
            Ok(None) if began.elapsed() < LONGEST => sleep(AGAIN).await,
            Ok(None) => {
                return Err(DnsRecordError::Failed { program, how: format!("did not end within {LONGEST:?}") });
            }
            Err(error) => return Err(DnsRecordError::Program(program, error)),
        }
    }
}

/// A program that is ended when nothing waits for it any more.
struct RunningProgram(Child);

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // One that has ended was waited for already.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Providers' interfaces take some seconds, and some wait until the record is seen.
const LONGEST: Duration = Duration::from_mins(2);
const AGAIN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_proven_by_the_name_below_it() {
        let record = |name: &str| DnsRecord::of(&Name::Dns(name.to_owned()), "v".to_owned()).unwrap().name;
        assert_eq!(record("gw.example.com"), "_acme-challenge.gw.example.com");
        assert_eq!(record("*.example.com"), "_acme-challenge.example.com");
        assert_eq!(DnsRecord::of(&Name::Ip([192, 0, 2, 1].into()), "v".to_owned()), None);
    }

    #[tokio::test]
    async fn a_program_is_told_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let script = format!("echo \"$@\" >> {}; test \"$2\" = present", told.display());
        let exec = ["/bin/sh", "-c", &script, "hook", "first"].map(str::to_owned).into();
        let dns = AcmeDns { exec, wait: Duration::ZERO, ..AcmeDns::default() };
        let record = DnsRecord { name: "_acme-challenge.gw.example.com".to_owned(), value: "-v_".to_owned() };
        record.publish(&dns).await.unwrap();
        let error = record.withdraw(&dns).await.unwrap_err().to_string();
        assert!(error.starts_with("the program `/bin/sh` ended with exit status: 1"), "{error}");
        let expected =
            "first present _acme-challenge.gw.example.com. -v_\nfirst cleanup _acme-challenge.gw.example.com. -v_\n";
        assert_eq!(std::fs::read_to_string(told).unwrap(), expected);
        let none = AcmeDns { exec: vec!["/nowhere".to_owned()], ..AcmeDns::default() };
        assert!(matches!(record.publish(&none).await, Err(DnsRecordError::Program(..))));
    }
}
