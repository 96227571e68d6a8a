//! Reloads by themselves: at the signal, and when a file of the configuration has changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::{ReloadTrigger, Reloader};
use crate::app::certificates::off_thread;
use crate::app::config_source::{ConfigFiles, ConfigFilesWatch, ConfigSource};
use crate::app::file_watch::FileWatch;
use crate::lifecycle::HangupSignal;

impl Reloader {
    /// Reloads at each hangup and each change, until the drain begins.
    pub(super) async fn follow(self: Arc<Self>, mut hangup: HangupSignal) {
        let Some((written, _)) = &self.source else { return };
        let follow = async {
            let (mut watched, mut watch) = (Vec::new(), None::<FileWatch>);
            loop {
                let files = written.files();
                // Whether the files may have changed between their reading and the start of the watch.
                let first = files != watched && !files.is_empty();
                if files != watched {
                    watched.clone_from(&files);
                    watch = if files.is_empty() { None } else { Some(off_thread(move || FileWatch::on(files)).await) };
                }
                let asked = tokio::select! {
                    biased;
                    () = hangup.next() => true,
                    () = std::future::ready(()), if first => false,
                    () = noticed(watch.as_ref()) => false,
                    () = sleep(LOOK_EVERY) => false,
                };
                if let Some(mut followed) = watch.take() {
                    let follow = move || {
                        followed.follow();
                        followed
                    };
                    watch = Some(off_thread(follow).await);
                }
                let changed = async { if asked { None } else { Some(self.settled(written).await) } };
                // The outcome is in the log.
                let _ = tokio::select! {
                    biased;
                    () = hangup.next(), if !asked => self.reload("SIGHUP").await,
                    look = changed => match look {
                        None => self.reload("SIGHUP").await,
                        Some(None) => Ok(()),
                        Some(Some(look)) => self.reload_by(ReloadTrigger::File(look)).await,
                    },
                };
            }
        };
        tokio::select! {
            () = self.drain.soft() => {}
            () = follow => {}
        }
    }

    /// The files, once two looks a moment apart agree; `None` if they are as they were read.
    async fn settled(&self, written: &Arc<ConfigSource>) -> Option<ConfigFiles> {
        let mut looks = ConfigFilesWatch::default();
        loop {
            let looked = Arc::clone(written);
            // A disk that does not answer is asked again with the next change, or in a minute.
            let look = self.patiently(move || looked.look()).await.ok()?;
            if !written.is_new(&look) {
                return None;
            }
            if let Some(agreed) = looks.agreed(look) {
                return Some(agreed);
            }
            sleep(A_MOMENT).await;
        }
    }
}

async fn noticed(watch: Option<&FileWatch>) {
    match watch {
        Some(watch) => watch.noticed().await,
        None => std::future::pending().await,
    }
}

/// Files on a network's disk change without an event, and the kernel's watches may be used up.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// A program that writes a file piece by piece takes less between two pieces; an edit is in use within two seconds.
const A_MOMENT: Duration = Duration::from_millis(700);
