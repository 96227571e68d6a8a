//! [`Listeners`]: the listeners that run, and how they change with the configuration.

use std::net::SocketAddr;

use super::background_task::BackgroundTask;
use super::error::StartError;
use crate::config::{BindAddr, Listen, ListenAt, ListenTcp, UnixAccess};
use crate::drain::Drain;
use crate::listener::{BindError, InheritedSockets, Listener, ListenerPurpose, OfferedListener, SocketLabel, permit};
use crate::server::accept;
use crate::server::admission::Admission;
use crate::server::settings::{ListenerSettings, LiveSettings};
use crate::server::workers::Workers;

/// The listeners that run.
pub(super) struct Listeners {
    open: Vec<RunningListener>,
    /// The worker threads that serve their clients.
    workers: Workers,
}

struct RunningListener {
    purpose: ListenerPurpose,
    /// The part of the configuration that the listener stands for.
    label: SocketLabel,
    /// The permissions of its unix socket, if it is one.
    access: UnixAccess,
    /// The address that was bound; `None` for a unix socket.
    bound: Option<SocketAddr>,
    offered: OfferedListener,
    live: LiveSettings,
    accepting: BackgroundTask,
}

/// The listeners that are to run under a configuration.
pub(super) struct ListenerPlan(Vec<PlannedListener>);

struct PlannedListener {
    purpose: ListenerPurpose,
    label: SocketLabel,
    /// The name by which routes choose it.
    name: Option<String>,
    access: UnixAccess,
    bound: Option<SocketAddr>,
    socket: PlannedSocket,
}

enum PlannedSocket {
    /// The running listener with this index, with the clients in its accept queue.
    Kept(usize),
    Opened(Listener),
}

impl Listeners {
    /// The threads that serve clients.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// No listeners yet; the clients of later ones will be served on `workers`.
    pub(super) fn new(workers: Workers) -> Self {
        Self { open: Vec::new(), workers }
    }

    /// Finds the listeners that run already by their labels; takes the others out of `inherited`, or binds them.
    ///
    /// # Errors
    /// A listener cannot be bound; the addresses of the others are free again.
    pub(super) fn plan(&self, listen: &Listen, inherited: &mut InheritedSockets) -> Result<ListenerPlan, StartError> {
        let wanted: Vec<ListenAt> = keys(listen).into_iter().flat_map(|(_, wanted)| wanted).collect();
        let access = |label: &SocketLabel| {
            let address = label.address();
            let found = wanted.iter().find(|wanted| Some(&wanted.address) == address);
            found.map(|wanted| wanted.access.clone()).unwrap_or_default()
        };
        let addresses = |wanted: Vec<ListenAt>| wanted.into_iter().map(|wanted| wanted.address).collect();
        let groups = keys(listen).map(|(purpose, wanted)| (purpose, self.labels(purpose, addresses(wanted))));
        let mut free: Vec<Option<&RunningListener>> = self.open.iter().map(Some).collect();
        let mut take = |fits: &dyn Fn(&RunningListener) -> bool| {
            let index = free.iter().position(|running| running.is_some_and(fits))?;
            free[index] = None;
            Some(index)
        };
        // First the listeners that keep their label: of two with port 0, each keeps its own.
        let stay = groups.map(|(purpose, labels)| {
            let find =
                |label: SocketLabel| (take(&|running| running.purpose == purpose && running.label == label), label);
            (purpose, labels.into_iter().map(find).collect::<Vec<_>>())
        });
        let mut planned = Vec::new();
        for (purpose, mut found) in stay {
            for (kept, label) in &mut found {
                *kept = kept.or_else(|| take(&|running| running.label == *label));
            }
            let missing = found.iter().filter(|(kept, _)| kept.is_none()).filter_map(|(_, label)| label.address());
            let missing: Vec<_> = missing.cloned().collect();
            let as_wanted = |address: &BindAddr| ListenAt {
                address: address.clone(),
                access: access(&SocketLabel::Address(address.clone())),
                name: None,
            };
            let to_bind: Vec<_> = missing.iter().map(as_wanted).collect();
            // Inherited listeners that stand for the whole key replace all its addresses, however many they are.
            let taken = inherited.take(purpose, &to_bind).map_err(|error| self.explain(&missing, error))?;
            let mut names = ListenerNames::of(purpose, listen);
            let mut opened = taken.into_iter();
            let open = |(label, listener): (SocketLabel, Listener), names: &mut ListenerNames| PlannedListener {
                purpose,
                name: names.of_next(&label),
                access: access(&label),
                label,
                bound: listener.address(),
                socket: PlannedSocket::Opened(listener),
            };
            for (kept, label) in found {
                planned.extend(match kept {
                    Some(index) => {
                        let (name, access) = (names.of_next(&label), access(&label));
                        let (bound, socket) = (self.open[index].bound, PlannedSocket::Kept(index));
                        Some(PlannedListener { purpose, label, name, access, bound, socket })
                    }
                    None => opened.next().map(|one| open(one, &mut names)),
                });
            }
            planned.extend(opened.map(|one| open(one, &mut names)));
        }
        Ok(ListenerPlan(planned))
    }

    /// The labels of the listeners for a key: one for each address, unless some stand for the whole key.
    fn labels(&self, purpose: ListenerPurpose, addresses: Vec<BindAddr>) -> Vec<SocketLabel> {
        let whole = self.open.iter().map(|running| &running.label).filter(|label| **label == SocketLabel::Key(purpose));
        // A key without an address is off.
        let whole: Vec<_> = whole.filter(|_| !addresses.is_empty()).cloned().collect();
        if whole.is_empty() { addresses.into_iter().map(SocketLabel::Address).collect() } else { whole }
    }

    /// Explains a failed bind: one of frontgate's own listeners may have the port that one of `missing` did not get.
    fn explain(&self, missing: &[BindAddr], error: BindError) -> StartError {
        let port = |address: &BindAddr| match address {
            BindAddr::Tcp(address) => Some(address.port()).filter(|port| *port != 0),
            BindAddr::Unix(_) => None,
        };
        let wanted = missing.iter().find(|address| address.to_string() == error.address()).and_then(port);
        let own = self.open.iter().find(|running| wanted.is_some() && running.label.address().and_then(port) == wanted);
        match own {
            Some(own) => StartError::Overlap { error, own: own.label.to_string() },
            None => error.into(),
        }
    }

    /// Opens and keeps the planned listeners; returns the accept tasks of those that are closed. `settings` makes the
    /// settings of a listener for a purpose, which may have a name, and `renewed` says whether clients that are connected to one must
    /// reconnect under them.
    pub(super) fn change(
        &mut self,
        plan: ListenerPlan,
        settings: impl Fn(ListenerPurpose, &SocketLabel, Option<&str>, Drain) -> ListenerSettings,
        renewed: impl Fn(ListenerPurpose) -> bool,
        admission: &Admission,
        drain: &Drain,
    ) -> Vec<BackgroundTask> {
        let mut before: Vec<Option<RunningListener>> = std::mem::take(&mut self.open).into_iter().map(Some).collect();
        for PlannedListener { purpose, label, name, access, bound, socket } in plan.0 {
            let running = match socket {
                PlannedSocket::Opened(listener) => {
                    let offered = OfferedListener::new(label.clone(), &listener);
                    let live = LiveSettings::new(settings(purpose, &label, name.as_deref(), drain.part()));
                    let (seen, admission, workers) = (live.clone(), admission.clone(), self.workers.clone());
                    let all = drain.clone();
                    let accepting = BackgroundTask::until(drain, |running, end| {
                        accept::run((listener, end), admission, workers, seen, running, all)
                    });
                    Some(RunningListener { purpose, label, access, bound, offered, live, accepting })
                }
                PlannedSocket::Kept(index) => before[index].take().map(|running| {
                    let goes_on = running.purpose == purpose && !renewed(purpose);
                    let part = if goes_on { running.live.load().drain.clone() } else { drain.part() };
                    let replaced = running.live.replace(settings(purpose, &label, name.as_deref(), part));
                    if !goes_on {
                        replaced.drain.soften();
                    }
                    if let (Some(BindAddr::Unix(path)), true) = (label.address(), running.access != access)
                        && let Err(error) = permit(path, &access)
                    {
                        tracing::warn!(socket = %label, %error, "cannot change the permissions of a unix socket");
                    }
                    RunningListener { purpose, access, ..running }
                }),
            };
            self.open.extend(running);
        }
        let closed = before.into_iter().flatten();
        closed
            .map(|running| {
                // The connections of a closed listener would never learn of another configuration.
                running.live.load().drain.soften();
                running.accepting
            })
            .collect()
    }

    /// The addresses of the listeners for `purpose`, TCP only.
    pub(super) fn addresses(&self, purpose: ListenerPurpose) -> Vec<SocketAddr> {
        self.open.iter().filter(|running| running.purpose == purpose).filter_map(|running| running.bound).collect()
    }

    /// Where clients come in over TCP.
    pub(super) fn bound(&self) -> impl Iterator<Item = SocketAddr> {
        self.open.iter().filter_map(|running| running.bound)
    }

    /// The listeners that a successor can inherit.
    pub(super) fn offered(&self) -> impl Iterator<Item = OfferedListener> {
        self.open.iter().map(|running| running.offered.clone())
    }

    /// The purpose and address of every listener.
    pub(super) fn all(&self) -> impl Iterator<Item = (ListenerPurpose, String)> {
        self.open.iter().map(|running| {
            (running.purpose, running.bound.map_or_else(|| running.label.to_string(), |at| at.to_string()))
        })
    }
}

impl ListenerPlan {
    /// The first port of https: the one that was bound, in case the configuration left the choice to the kernel.
    pub(super) fn https_port(&self) -> Option<u16> {
        let first = self.0.iter().find(|planned| planned.purpose == ListenerPurpose::Https)?;
        let wanted = match first.label.address() {
            Some(BindAddr::Tcp(address)) => Some(*address),
            _ => None,
        };
        first.bound.or(wanted).map(|address| address.port())
    }
}

/// The names of a key's listeners that have none yet, in the order of the configuration.
struct ListenerNames(Vec<ListenAt>);

impl ListenerNames {
    fn of(purpose: ListenerPurpose, listen: &Listen) -> Self {
        let of_key = keys(listen).into_iter().filter(|(one, _)| *one == purpose);
        Self(of_key.flat_map(|(_, wanted)| wanted).collect())
    }

    /// The name of the next listener that `label` stands for.
    fn of_next(&mut self, label: &SocketLabel) -> Option<String> {
        let Some(address) = label.address() else {
            // A socket for the whole key: of several names it could have any, and a name has routes that others must not
            // have.
            let same = self.0.iter().all(|one| one.name == self.0[0].name);
            return if same { self.0.first().and_then(|one| one.name.clone()) } else { Some(NO_ROUTES.to_owned()) };
        };
        // Of two with port 0 each has its own.
        let index = self.0.iter().position(|one| one.address == *address)?;
        self.0.remove(index).name
    }
}

/// A name that no listener has.
pub(super) const NO_ROUTES: &str = "";

/// The keys of the configuration that have listeners for clients, and their addresses.
pub(super) fn keys(listen: &Listen) -> [(ListenerPurpose, Vec<ListenAt>); 3] {
    let tcp = |all: &[ListenTcp]| {
        let one = |one: &ListenTcp| ListenAt { name: one.name.clone(), ..BindAddr::Tcp(one.address).into() };
        all.iter().map(one).collect()
    };
    [
        (ListenerPurpose::Https, tcp(&listen.https)),
        (ListenerPurpose::Http, tcp(&listen.http)),
        (ListenerPurpose::Plain, listen.plain.clone()),
    ]
}
