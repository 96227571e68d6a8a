//! What systems differ in, under the same names on each. All else in the source is the same everywhere, but for what a system has no
//! counterpart of: the handover and systemd are Linux's alone ([`lifecycle`](crate::lifecycle), `listener/inherited`), and unix
//! sockets are not for Windows (`io/unix_socket.rs`, `listener/unix_socket.rs`).

#[cfg_attr(unix, path = "platform/unix/error_codes.rs")]
#[cfg_attr(not(unix), path = "platform/windows/error_codes.rs")]
pub(crate) mod error_codes;
#[cfg_attr(unix, path = "platform/unix/files.rs")]
#[cfg_attr(not(unix), path = "platform/windows/files.rs")]
pub(crate) mod files;
#[cfg_attr(unix, path = "platform/unix/hidden_input.rs")]
#[cfg_attr(not(unix), path = "platform/windows/hidden_input.rs")]
mod hidden_input;
#[cfg_attr(target_os = "linux", path = "platform/linux/machine.rs")]
#[cfg_attr(not(target_os = "linux"), path = "platform/elsewhere/machine.rs")]
pub(crate) mod machine;
#[cfg_attr(unix, path = "platform/unix/open_files.rs")]
#[cfg_attr(not(unix), path = "platform/windows/open_files.rs")]
pub(crate) mod open_files;
#[cfg_attr(target_os = "linux", path = "platform/linux/process.rs")]
#[cfg_attr(not(target_os = "linux"), path = "platform/elsewhere/process.rs")]
pub(crate) mod process;
#[cfg_attr(unix, path = "platform/unix/signals.rs")]
#[cfg_attr(not(unix), path = "platform/windows/signals.rs")]
pub(crate) mod signals;

pub(crate) use hidden_input::HiddenInput;

/// Whether there are unix sockets for the configuration to name.
pub(crate) const HAS_UNIX_SOCKETS: bool = cfg!(unix);
