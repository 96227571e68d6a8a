//! [`Doors`]: the listeners that run, and what becomes of them when the configuration changes.

use std::net::SocketAddr;

use super::error::StartError;
use super::running::Running;
use crate::config::{BindAddr, Listen};
use crate::drain::Drain;
use crate::listener::{BindError, Inherited, Label, Listener, Offered, Purpose};
use crate::server::accept;
use crate::server::admission::Admission;
use crate::server::settings::{Live, Settings};
use crate::server::workers::Workers;

/// The listeners that run.
pub(super) struct Doors {
    open: Vec<Door>,
    /// What their clients are served on.
    workers: Workers,
}

struct Door {
    purpose: Purpose,
    /// What it stands for in the configuration.
    label: Label,
    /// As it was bound.
    bound: Option<SocketAddr>,
    offered: Offered,
    live: Live,
    accepting: Running,
}

/// The listeners that are to run.
pub(super) struct Plan(Vec<Planned>);

struct Planned {
    purpose: Purpose,
    label: Label,
    bound: Option<SocketAddr>,
    socket: Socket,
}

enum Socket {
    /// That of this door, with all who wait at it.
    Kept(usize),
    Opened(Listener),
}

impl Doors {
    /// None yet; their clients will be served on `workers`.
    pub(super) fn new(workers: Workers) -> Self {
        Self { open: Vec::new(), workers }
    }

    /// Finds the listeners that run already by what they stand for; takes the others out of `inherited`, or binds them.
    ///
    /// # Errors
    /// One cannot be bound; the others are free again.
    pub(super) fn plan(&self, listen: &Listen, inherited: &mut Inherited) -> Result<Plan, StartError> {
        let groups = keys(listen).map(|(purpose, addresses)| (purpose, self.labels(purpose, addresses)));
        let mut free: Vec<Option<&Door>> = self.open.iter().map(Some).collect();
        let mut take = |fits: &dyn Fn(&Door) -> bool| {
            let index = free.iter().position(|door| door.is_some_and(fits))?;
            free[index] = None;
            Some(index)
        };
        // First those that stay what they are: of two with port 0, each keeps its own.
        let stay = groups.map(|(purpose, labels)| {
            let find = |label: Label| (take(&|door| door.purpose == purpose && door.label == label), label);
            (purpose, labels.into_iter().map(find).collect::<Vec<_>>())
        });
        let mut planned = Vec::new();
        for (purpose, mut found) in stay {
            for (kept, label) in &mut found {
                *kept = kept.or_else(|| take(&|door| door.label == *label));
            }
            let missing = found.iter().filter(|(kept, _)| kept.is_none()).filter_map(|(_, label)| label.address());
            let missing: Vec<_> = missing.cloned().collect();
            // Those that stand for the whole key come in the place of all its addresses, however many they are.
            let taken = inherited.take(purpose, &missing).map_err(|error| self.explain(&missing, error))?;
            let mut opened = taken.into_iter().map(|(label, listener)| Planned {
                purpose,
                label,
                bound: listener.address(),
                socket: Socket::Opened(listener),
            });
            for (kept, label) in found {
                planned.extend(match kept {
                    Some(index) => {
                        Some(Planned { purpose, label, bound: self.open[index].bound, socket: Socket::Kept(index) })
                    }
                    None => opened.next(),
                });
            }
            planned.extend(opened);
        }
        Ok(Plan(planned))
    }

    /// What the listeners for a key stand for: each for one address, unless there are some that stand for the whole key.
    fn labels(&self, purpose: Purpose, addresses: Vec<BindAddr>) -> Vec<Label> {
        let whole = self.open.iter().map(|door| &door.label).filter(|label| **label == Label::Key(purpose));
        // A key without an address is off.
        let whole: Vec<_> = whole.filter(|_| !addresses.is_empty()).cloned().collect();
        if whole.is_empty() { addresses.into_iter().map(Label::Address).collect() } else { whole }
    }

    /// Who else could have the port that one of `missing` did not get.
    fn explain(&self, missing: &[BindAddr], error: BindError) -> StartError {
        let port = |address: &BindAddr| match address {
            BindAddr::Tcp(address) => Some(address.port()).filter(|port| *port != 0),
            BindAddr::Unix(_) => None,
        };
        let wanted = missing.iter().find(|address| address.to_string() == error.address()).and_then(port);
        let own = self.open.iter().find(|door| wanted.is_some() && door.label.address().and_then(port) == wanted);
        match own {
            Some(own) => StartError::Overlap { error, own: own.label.to_string() },
            None => error.into(),
        }
    }

    /// Opens and keeps what is planned; returns the doors that are closed. `settings` makes those of a listener for a purpose,
    /// and `renewed` says whether who is connected to one may not go on under them.
    pub(super) fn change(
        &mut self,
        plan: Plan,
        settings: impl Fn(Purpose, Drain) -> Settings,
        renewed: impl Fn(Purpose) -> bool,
        admission: &Admission,
        drain: &Drain,
    ) -> Vec<Running> {
        let mut before: Vec<Option<Door>> = std::mem::take(&mut self.open).into_iter().map(Some).collect();
        for Planned { purpose, label, bound, socket } in plan.0 {
            let door = match socket {
                Socket::Opened(listener) => {
                    let offered = Offered::new(label.clone(), &listener);
                    let live = Live::new(settings(purpose, drain.part()));
                    let (seen, admission, workers) = (live.clone(), admission.clone(), self.workers.clone());
                    let all = drain.clone();
                    let accepting =
                        Running::start(drain, |door| accept::run(listener, admission, workers, seen, door, all));
                    Some(Door { purpose, label, bound, offered, live, accepting })
                }
                Socket::Kept(index) => before[index].take().map(|door| {
                    let goes_on = door.purpose == purpose && !renewed(purpose);
                    let part = if goes_on { door.live.load().drain.clone() } else { drain.part() };
                    let replaced = door.live.replace(settings(purpose, part));
                    if !goes_on {
                        replaced.drain.soften();
                    }
                    Door { purpose, ..door }
                }),
            };
            self.open.extend(door);
        }
        let closed = before.into_iter().flatten();
        closed
            .map(|door| {
                // Its connections would never hear of another configuration.
                door.live.load().drain.soften();
                door.accepting
            })
            .collect()
    }

    /// Where the listeners for `purpose` are, TCP only.
    pub(super) fn addresses(&self, purpose: Purpose) -> Vec<SocketAddr> {
        self.open.iter().filter(|door| door.purpose == purpose).filter_map(|door| door.bound).collect()
    }

    /// What a successor could go on with.
    pub(super) fn offered(&self) -> impl Iterator<Item = Offered> {
        self.open.iter().map(|door| door.offered.clone())
    }

    /// Where every listener is, and what for.
    pub(super) fn all(&self) -> impl Iterator<Item = (Purpose, String)> {
        self.open
            .iter()
            .map(|door| (door.purpose, door.bound.map_or_else(|| door.label.to_string(), |at| at.to_string())))
    }
}

impl Plan {
    /// The first port of https: the one that was bound, in case the configuration left it to the kernel.
    pub(super) fn https_port(&self) -> Option<u16> {
        let first = self.0.iter().find(|planned| planned.purpose == Purpose::Https)?;
        let wanted = match first.label.address() {
            Some(BindAddr::Tcp(address)) => Some(*address),
            _ => None,
        };
        first.bound.or(wanted).map(|address| address.port())
    }
}

/// The keys of the configuration that have listeners for clients, and their addresses.
pub(super) fn keys(listen: &Listen) -> [(Purpose, Vec<BindAddr>); 3] {
    let tcp = |addresses: &[SocketAddr]| addresses.iter().copied().map(BindAddr::Tcp).collect();
    [(Purpose::Https, tcp(&listen.https)), (Purpose::Http, tcp(&listen.http)), (Purpose::Plain, listen.plain.clone())]
}
