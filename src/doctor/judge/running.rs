//! What a frontgate that runs, or does not, means.

use std::path::Path;

use crate::doctor::catalogue::own as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::probe::{PortError, ProbedPort, RunningFrontgate};

/// Judges what the frontgate that runs told. `looked` is the config file that doctor looked at, `admin` its admin
/// address.
pub(in crate::doctor) fn running(
    diagnosis: &mut Diagnosis,
    running: &RunningFrontgate,
    looked: Option<&Path>,
    admin: &str,
) {
    let what = "frontgate runs";
    match running {
        RunningFrontgate::Unknown => diagnosis.checked(what, CheckOutcome::Skipped, "its admin listener is off"),
        RunningFrontgate::No => {
            diagnosis.checked(what, CheckOutcome::Bad, format!("no process listens at {admin}"));
            diagnosis.found(found::not_running(admin));
        }
        RunningFrontgate::Other(why) => {
            diagnosis.checked(what, CheckOutcome::Skipped, why);
            diagnosis.found(found::admin_unclear(admin, why));
        }
        RunningFrontgate::Yes(status) => {
            let well = status.ready && !status.draining;
            let outcome = if well { CheckOutcome::Good } else { CheckOutcome::Bad };
            diagnosis.checked(what, outcome, format!("version {}", status.version));
            if status.draining {
                diagnosis.found(found::draining());
            } else if !status.ready {
                diagnosis.found(found::not_ready());
            }
            if let Some(why) = &status.refused {
                diagnosis.found(found::reload_refused(why));
            }
            if let (Some(runs), Some(looked)) = (&status.config, looked)
                && !same(Path::new(runs), looked)
            {
                diagnosis.found(found::other_config(runs, &looked.display().to_string()));
            }
        }
    }
}

/// Judges the addresses that it would listen on while it does not run.
pub(in crate::doctor) fn ports(diagnosis: &mut Diagnosis, ports: &[ProbedPort]) {
    for port in ports {
        let (key, address) = (port.key, port.address);
        let what = format!("{address} is free for {key}");
        // systemd keeps the sockets of a unit that it starts when the first client connects.
        let kept = port.holder.as_ref().is_some_and(|holder| holder.pid == 1 || holder.name == "systemd");
        let finding = match port.error {
            None | Some(PortError::Other) => None,
            Some(PortError::Taken) if kept => None,
            Some(PortError::Taken) => Some(found::port_taken(key, address, port.holder.as_ref())),
            Some(PortError::Forbidden) => Some(found::port_forbidden(key, address)),
            Some(PortError::NoAddress) => Some(found::no_such_address(key, address)),
        };
        diagnosis.checked(what, if finding.is_some() { CheckOutcome::Bad } else { CheckOutcome::Good }, "");
        if let Some(finding) = finding {
            diagnosis.found(finding);
        }
    }
}

/// Whether both names lead to one file.
fn same(one: &Path, other: &Path) -> bool {
    // One of the paths may be relative, but then to the folder of another process.
    one == other || one.file_name() == other.file_name() && (one.is_relative() || other.is_relative())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::probe::{FrontgateStatus, PortHolder};

    fn well() -> FrontgateStatus {
        FrontgateStatus { ready: true, config: Some("/etc/f.yaml".to_owned()), ..FrontgateStatus::default() }
    }

    #[test]
    fn what_a_running_frontgate_tells_is_judged() {
        let yes = |status| RunningFrontgate::Yes(status);
        let rows: Vec<(RunningFrontgate, &[&str])> = vec![
            (yes(well()), &[]),
            (RunningFrontgate::Unknown, &[]),
            (RunningFrontgate::No, &["frontgate_not_running"]),
            (RunningFrontgate::Other("no".to_owned()), &["admin_unclear"]),
            (yes(FrontgateStatus { draining: true, ready: false, ..well() }), &["frontgate_draining"]),
            (yes(FrontgateStatus { ready: false, ..well() }), &["frontgate_not_ready"]),
            (yes(FrontgateStatus { refused: Some("f.yaml:3:1: x\n".to_owned()), ..well() }), &["reload_refused"]),
            (yes(FrontgateStatus { config: Some("/other.yaml".to_owned()), ..well() }), &["other_config"]),
            (yes(FrontgateStatus { config: Some("f.yaml".to_owned()), ..well() }), &[]),
            (yes(FrontgateStatus { config: None, ..well() }), &[]),
        ];
        for (state, expected) in rows {
            let mut diagnosis = Diagnosis::default();
            running(&mut diagnosis, &state, Some(Path::new("/etc/f.yaml")), "127.0.0.1:9180");
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, expected, "{state:?}");
        }
    }

    #[test]
    fn a_port_that_cannot_be_had_names_the_process_that_has_it() {
        let holder = |pid, name: &str| Some(PortHolder { pid, name: name.to_owned() });
        let rows = [
            (None, None, None),
            (
                Some(PortError::Taken),
                holder(77, "nginx"),
                Some(("port_taken", "[::]:443 is taken by nginx (process 77)")),
            ),
            (
                Some(PortError::Taken),
                holder(7, "a\u{1b}[2J"),
                Some(("port_taken", "[::]:443 is taken by a[2J (process 7)")),
            ),
            (
                Some(PortError::Taken),
                None,
                Some(("port_taken", "[::]:443 is taken by another process (root sees which: ss -ltnp)")),
            ),
            (Some(PortError::Taken), holder(1, "systemd"), None),
            (Some(PortError::Forbidden), None, Some(("port_forbidden", "This user may not listen on [::]:443"))),
            (Some(PortError::NoAddress), None, Some(("no_such_address", "This machine has no address ::"))),
        ];
        for (error, holder, expected) in rows {
            let port = ProbedPort { key: "listen.https", address: "[::]:443".parse().unwrap(), error, holder };
            let mut diagnosis = Diagnosis::default();
            ports(&mut diagnosis, &[port]);
            let found = diagnosis.findings.first().map(|finding| (finding.id, finding.what.as_str()));
            assert_eq!(found, expected, "{error:?}");
        }
    }
}
