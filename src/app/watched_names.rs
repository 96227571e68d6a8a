//! [`WatchedNames`]: the names that stand for several gateways, and the tasks that ask the DNS for them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::background_task::OwnedTask;
use super::found_member::FoundMember;
use super::known_names::{KnownNames, keep};
use crate::config::GatewayName;
use crate::drain::Drain;
use crate::observe::metrics::NameSample;
use crate::upstream::{NameState, NameWatch, watch_name};

/// The names that stand for several gateways, and the tasks that ask the DNS for them.
#[derive(Default)]
pub(super) struct WatchedNames {
    all: Vec<WatchedName>,
    /// What a process before this one has known.
    known: Arc<KnownNames>,
    /// Keeps what is known for the next process.
    keeping: Option<OwnedTask>,
}

struct WatchedName {
    watch: Arc<NameWatch>,
    asking: Option<OwnedTask>,
}

impl WatchedNames {
    /// None yet; a process before this one has known these.
    pub(super) fn knowing(known: Arc<KnownNames>) -> Self {
        Self { known, ..Self::default() }
    }

    /// The same for another configuration.
    pub(super) fn next(&self) -> Self {
        Self::knowing(Arc::clone(&self.known))
    }

    /// What is known of `name` that these servers are asked for: what `before` knows, or nothing yet.
    pub(super) fn watch(&mut self, before: &Self, name: &GatewayName, servers: &[SocketAddr]) -> Arc<NameWatch> {
        let is_same = |known: &&Arc<NameWatch>| known.name() == name && known.servers() == servers;
        if let Some(watch) = self.all().find(is_same) {
            return Arc::clone(watch);
        }
        let known = before.all().find(is_same).map(Arc::clone);
        let watch = known.unwrap_or_else(|| {
            let earlier = self.known.of(&name.to_string());
            Arc::new(NameWatch::new(name.clone(), servers.to_vec(), earlier))
        });
        self.all.push(WatchedName { watch: Arc::clone(&watch), asking: None });
        watch
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<NameWatch>> {
        self.all.iter().map(|name| &name.watch)
    }

    /// The names as the metrics show them.
    pub(super) fn samples(&self) -> Vec<NameSample> {
        self.all().map(|watch| watch.sample()).collect()
    }

    /// Looks up the names that `before` does not know, and waits a moment for what the DNS says of them: what is asked for right
    /// after a start or a reload need not wait then. A DNS that is down delays neither.
    pub(super) async fn look_up(&mut self, before: &Self, drain: &Drain) {
        let mut new = Vec::new();
        for name in &mut self.all {
            if before.all().any(|known| Arc::ptr_eq(known, &name.watch)) {
                continue;
            }
            let watch = Arc::clone(&name.watch);
            name.asking.get_or_insert_with(|| OwnedTask::start(drain, |part| watch_name(watch, part)));
            new.push(name.watch.state());
        }
        let answers = async {
            for mut state in new {
                // Unreachable: `self` holds what sends.
                let _ = state.wait_for(NameState::was_looked_up).await;
            }
        };
        tokio::select! {
            () = drain.soft() => {}
            _ = timeout(A_MOMENT, answers) => {}
        }
    }

    /// Replaces `before`, whose tasks carry on or end; what is known is kept in `folder`.
    pub(super) fn take_over(&mut self, before: Self, folder: Option<PathBuf>, drain: &Drain) {
        if let Some(folder) = folder.filter(|_| !self.all.is_empty()) {
            let names = self.all().cloned().collect();
            self.keeping = Some(OwnedTask::start(drain, |part| keep(names, folder, part)));
        }
        for mut before in before.all {
            if let Some(own) = self.all.iter_mut().find(|own| Arc::ptr_eq(&own.watch, &before.watch)) {
                own.asking = before.asking.take();
            }
        }
    }
}

/// A name that stands for several gateways, as `status` shows it.
pub(super) fn name_status((watch, leaving): &(Arc<NameWatch>, Vec<Arc<FoundMember>>)) -> Value {
    let state = watch.state().borrow().clone();
    let leaving: Vec<Value> = leaving
        .iter()
        .filter(|member| member.endpoint().busy() > 0)
        .map(|member| json!({ "endpoint": &**member.endpoint().name(), "busy": member.endpoint().busy() }))
        .collect();
    json!({
        "name": &**watch.written(),
        "gateways": state.found.iter().map(|found| found.address.to_string()).collect::<Vec<_>>(),
        "leaving": leaving,
        "age": state.answered.map(|at| at.elapsed().as_secs()),
        "failing": state.failing.map(|failure| failure.to_string()),
    })
}

/// How long a start and a reload wait for the first answers of the DNS.
const A_MOMENT: Duration = Duration::from_secs(1);
