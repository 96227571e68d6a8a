//! [`SystemFiles`]: what the system's resolver goes by, read each time that a name is looked up.

use std::fs::File;
use std::io::{self, Read as _};

use tokio::task::JoinHandle;

/// The texts of resolv.conf and of the hosts file. A file that is not there is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SystemFiles {
    pub(super) resolv_conf: Vec<u8>,
    pub(super) hosts: String,
}

/// Reads them on another thread, one at a time: a disk that does not answer keeps one thread.
#[derive(Debug, Default)]
pub(super) struct SystemFilesReader(Option<JoinHandle<io::Result<SystemFiles>>>);

impl SystemFilesReader {
    /// The files as they are. A reading that the caller gave up is gone on with.
    pub(super) async fn read(&mut self) -> io::Result<SystemFiles> {
        let reading = self.0.get_or_insert_with(|| tokio::task::spawn_blocking(read));
        let read = reading.await;
        self.0 = None;
        read.map_err(io::Error::other)?
    }
}

fn read() -> io::Result<SystemFiles> {
    Ok(SystemFiles {
        resolv_conf: contents("/etc/resolv.conf")?,
        hosts: String::from_utf8_lossy(&contents("/etc/hosts")?).into_owned(),
    })
}

fn contents(path: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LARGEST).read_to_end(&mut text).map(|_| text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(text),
        Err(error) => Err(error),
    }
}

/// Bytes. Hosts files that block names have a few megabytes.
const LARGEST: u64 = 16 << 20;
