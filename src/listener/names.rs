//! [`NameResolver`]: the addresses of names, with one lookup at a time for each name.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::timeout;

/// Asks the system's resolver for the addresses of names. Cheap to clone.
///
/// `getaddrinfo` blocks a thread until the resolver answers, which may take half a minute, and cannot be called off. So
/// one thread asks for a name, and every connection that needs the name meanwhile waits for that lookup; a connection
/// that gives up waiting leaves the lookup alone.
#[derive(Clone)]
pub(crate) struct NameResolver {
    resolve: Arc<ResolveName>,
    running: RunningLookup,
}

type ResolveName = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
type RunningLookup = Arc<Mutex<HashMap<Box<str>, Lookup>>>;
type Lookup = Shared<BoxFuture<'static, Result<Arc<[IpAddr]>, Arc<io::Error>>>>;

impl NameResolver {
    /// A resolver that calls `resolve`, which may block.
    pub(crate) fn by(resolve: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { resolve: Arc::new(resolve), running: Arc::default() }
    }

    /// The addresses of `host`, the preferred ones first; an IP address resolves to itself.
    ///
    /// # Errors
    /// If there is none, the resolver does not answer within [`LONGEST_WAIT`], or [`MOST`] names are asked for already.
    pub(crate) async fn find(&self, host: &str) -> io::Result<Arc<[IpAddr]>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok([ip].into());
        }
        let lookup = self.lookup(host)?;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the resolver does not answer");
        timeout(LONGEST_WAIT, lookup).await.map_err(|_| late())?.map_err(|error| copy(&error))
    }

    /// The lookup of `host` that is under way, or a new one.
    fn lookup(&self, host: &str) -> io::Result<Lookup> {
        let mut running = lock(&self.running);
        if let Some(lookup) = running.get(host) {
            return Ok(lookup.clone());
        }
        if running.len() >= MOST {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "too many names are being resolved"));
        }
        let (name, resolve, ended) = (Box::from(host), Arc::clone(&self.resolve), LookupEnd::of(&self.running, host));
        let asked = tokio::task::spawn_blocking(move || {
            // Dropped on the lookup's own thread, with or without an answer: the next call asks anew, also if nothing
            // waits any more.
            let _ended = ended;
            (resolve)(&name)
        });
        let found = async move {
            let found = asked.await.unwrap_or_else(|error| Err(io::Error::other(error)));
            found.map(Arc::from).map_err(Arc::new)
        };
        let lookup = found.boxed().shared();
        running.insert(host.into(), lookup.clone());
        Ok(lookup)
    }
}

impl Default for NameResolver {
    fn default() -> Self {
        Self::by(|host| Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
    }
}

/// Takes a lookup off the list of running ones when it is dropped.
struct LookupEnd(RunningLookup, Box<str>);

impl LookupEnd {
    fn of(running: &RunningLookup, host: &str) -> Self {
        Self(Arc::clone(running), host.into())
    }
}

impl Drop for LookupEnd {
    fn drop(&mut self) {
        lock(&self.0).remove(&self.1);
    }
}

fn lock(running: &RunningLookup) -> MutexGuard<'_, HashMap<Box<str>, Lookup>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A copy of an error that several callers wait for.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

impl fmt::Debug for NameResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("running", &lock(&self.running).len()).finish_non_exhaustive()
    }
}

/// Longer than most resolvers try: two servers, twice, 5 s each.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Names that are looked up at once, each on a thread of its own.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A resolver that counts how often it is asked, and answers when the test tells it to.
    fn held() -> (NameResolver, Sender<()>, Arc<AtomicUsize>) {
        let (answer, told): (Sender<()>, Receiver<()>) = channel();
        let (told, asked) = (Mutex::new(told), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&asked);
        let names = NameResolver::by(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = told.lock().unwrap().recv();
            Ok(vec![[192, 0, 2, 1].into()])
        });
        (names, answer, asked)
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_however_many_wait() {
        let (names, answer, asked) = held();
        let all = futures_util::future::join_all((0..1000).map(|_| names.find("gateway")));
        let told = async {
            while asked.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            answer.send(()).unwrap();
        };
        let (found, ()) = tokio::join!(all, told);
        assert!(found.iter().all(|found| found.as_ref().unwrap()[..] == [IpAddr::from([192, 0, 2, 1])]));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // An answer is not cached.
        answer.send(()).unwrap();
        names.find("gateway").await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_one_thread_behind_and_no_old_answer() {
        let (names, answer, asked) = held();
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(5), names.find("gateway")).await.is_err());
        }
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        answer.send(()).unwrap();
        while !lock(&names.running).is_empty() {
            tokio::task::yield_now().await;
        }
        answer.send(()).unwrap();
        names.find("gateway").await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2, "asked anew");
    }

    #[tokio::test]
    async fn so_many_names_are_asked_for_at_once_and_no_more() {
        let (names, answer, _) = held();
        for number in 0..MOST {
            drop(names.lookup(&number.to_string()).unwrap());
        }
        assert_eq!(names.find("another").await.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(names.find("192.0.2.7").await.unwrap()[..], [IpAddr::from([192, 0, 2, 7])], "an address needs none");
        drop(answer);
    }
}
