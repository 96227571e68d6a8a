//! [`race`]: one connection to a name that has several addresses, some of which may be silent (RFC 8305).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use crate::platform::error_codes::lacks_family;

/// The addresses of a name in the order in which they are tried: `first`, if it is one of them, then the families in
/// turns, beginning with the one that the resolver prefers (RFC 8305 §4). No address occurs twice, and there are no
/// more than [`MOST`].
pub(crate) fn in_turns(found: &[IpAddr], port: u16, first: Option<IpAddr>) -> Vec<SocketAddr> {
    let mut rest: Vec<IpAddr> = Vec::with_capacity(found.len());
    for ip in first.into_iter().filter(|ip| found.contains(ip)).chain(found.iter().copied()) {
        if !rest.contains(&ip) && rest.len() < MOST {
            rest.push(ip);
        }
    }
    let mut order = Vec::with_capacity(rest.len());
    let mut is_v6 = rest.first().is_some_and(IpAddr::is_ipv6);
    while !rest.is_empty() {
        let next = rest.iter().position(|ip| ip.is_ipv6() == is_v6).unwrap_or(0);
        order.push(SocketAddr::new(rest.remove(next), port));
        is_v6 = !is_v6;
    }
    order
}

/// The connection that is established first, and its address. The next address is tried when one fails, or has been
/// silent for [`DELAY`], while earlier attempts go on.
///
/// # Errors
/// The error of the last attempt that failed; that the machine cannot use a family is returned only if no other error
/// is known.
pub(crate) async fn race<C, F>(
    addresses: &[SocketAddr],
    mut connect: impl FnMut(SocketAddr) -> F,
) -> io::Result<(SocketAddr, C)>
where
    F: Future<Output = io::Result<C>>,
{
    // Most names have one address, and nothing to race with.
    if let [only] = addresses {
        return connect(*only).await.map(|connection| (*only, connection));
    }
    let mut waiting = addresses.iter().copied();
    let mut running: VecDeque<(SocketAddr, Pin<Box<F>>)> = VecDeque::new();
    let mut failed: Option<io::Error> = None;
    loop {
        if let Some(next) = waiting.next() {
            if running.len() == TOGETHER && running.pop_front().is_some() {
                worse(&mut failed, io::ErrorKind::TimedOut.into());
            }
            running.push_back((next, Box::pin(connect(next))));
        } else if running.is_empty() {
            return Err(failed.unwrap_or_else(|| io::ErrorKind::NotFound.into()));
        }
        let ended = poll_fn(|cx| {
            for (index, (_, attempt)) in running.iter_mut().enumerate() {
                if let Poll::Ready(outcome) = attempt.as_mut().poll(cx) {
                    return Poll::Ready((index, outcome));
                }
            }
            Poll::Pending
        });
        tokio::select! {
            (index, outcome) = ended => match (outcome, running.remove(index)) {
                (Ok(connection), Some((address, _))) => return Ok((address, connection)),
                (Ok(_), None) => {}
                (Err(error), _) => worse(&mut failed, error),
            },
            () = sleep(DELAY), if waiting.len() > 0 => {}
        }
    }
}

/// Keeps the error that says more.
fn worse(known: &mut Option<io::Error>, error: io::Error) {
    let no_way = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkUnreachable)
            || lacks_family(error)
    };
    if known.as_ref().is_none_or(|known| no_way(known) || !no_way(&error)) {
        *known = Some(error);
    }
}

/// RFC 8305 §5 recommends a quarter of a second: less than a person notices, more than a round trip as a rule.
pub(crate) const DELAY: Duration = Duration::from_millis(250);
/// Attempts under way at once. Each takes a file descriptor; the eldest gives way when it has been silent for so many
/// delays.
const TOGETHER: usize = 6;
/// Addresses of one name that are tried.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::time::Instant;

    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_the_address_that_worked_is_first() {
        let rows: &[(&[&str], Option<&str>, &[&str])] = &[
            (&["192.0.2.1"], None, &["192.0.2.1"]),
            (&["::1", "::2", "192.0.2.1", "192.0.2.2"], None, &["::1", "192.0.2.1", "::2", "192.0.2.2"]),
            (&["192.0.2.1", "192.0.2.2", "::1"], None, &["192.0.2.1", "::1", "192.0.2.2"]),
            (&["::1", "::2", "192.0.2.1"], Some("192.0.2.1"), &["192.0.2.1", "::1", "::2"]),
            (&["::1", "::1", "192.0.2.1"], Some("192.0.2.9"), &["::1", "192.0.2.1"]),
            (&[], Some("192.0.2.9"), &[]),
        ];
        for (found, first, expected) in rows {
            let order = in_turns(&ips(found), 1, first.map(|first| first.parse().unwrap()));
            assert_eq!(order.iter().map(SocketAddr::ip).collect::<Vec<_>>(), ips(expected), "{found:?}");
        }
        let many: Vec<IpAddr> = (0..1000_u32).map(|n| IpAddr::V4(n.into())).collect();
        assert_eq!(in_turns(&many, 1, None).len(), MOST);
    }

    /// What an address does: answers after so many milliseconds, refuses after so many, or is silent.
    #[derive(Clone, Copy)]
    enum Does {
        Answers(u64),
        Refuses(u64),
        HasNoWay,
        IsSilent,
    }
    use Does::{Answers, HasNoWay, IsSilent, Refuses};

    type Row<'a> = (&'a [Does], Result<usize, io::ErrorKind>, u64, usize);

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_does_not_hide_one_that_answers() {
        // What the addresses do, which one wins (or what is said), after how long, and how many were tried.
        let rows: &[Row] = &[
            (&[Answers(5)], Ok(0), 5, 1),
            (&[IsSilent, Answers(5)], Ok(1), 255, 2),
            (&[IsSilent, IsSilent, Answers(5)], Ok(2), 505, 3),
            (&[Refuses(3), Answers(5)], Ok(1), 8, 2),
            (&[Answers(300), Answers(100)], Ok(0), 300, 2),
            (&[IsSilent, Refuses(1), Answers(1)], Ok(2), 252, 3),
            (&[IsSilent; 6], Err(io::ErrorKind::Other), 60_000, 6),
            (&[IsSilent, IsSilent, IsSilent, IsSilent, IsSilent, IsSilent, IsSilent, Answers(1)], Ok(7), 1751, 8),
            (&[Refuses(1), Refuses(2)], Err(io::ErrorKind::ConnectionRefused), 3, 2),
            (&[Refuses(1), HasNoWay], Err(io::ErrorKind::ConnectionRefused), 1, 2),
            (&[HasNoWay, Refuses(1)], Err(io::ErrorKind::ConnectionRefused), 1, 2),
            (&[HasNoWay, HasNoWay], Err(io::ErrorKind::NetworkUnreachable), 0, 2),
            (&[], Err(io::ErrorKind::NotFound), 0, 0),
        ];
        for (row, (does, expected, takes, tried)) in rows.iter().enumerate() {
            let addresses: Vec<SocketAddr> = (1..).take(does.len()).map(|port| ([127, 0, 0, 1], port).into()).collect();
            let seen = RefCell::new(0);
            let (began, connect) = (Instant::now(), |address: SocketAddr| {
                *seen.borrow_mut() += 1;
                let does = does[usize::from(address.port()) - 1];
                async move {
                    match does {
                        Answers(ms) => {
                            sleep(Duration::from_millis(ms)).await;
                            Ok(usize::from(address.port()) - 1)
                        }
                        Refuses(ms) => {
                            sleep(Duration::from_millis(ms)).await;
                            Err(io::ErrorKind::ConnectionRefused.into())
                        }
                        HasNoWay => Err(io::ErrorKind::NetworkUnreachable.into()),
                        IsSilent => {
                            // As the kernel gives up in the end; `timeouts.connect` is shorter.
                            sleep(Duration::from_mins(1)).await;
                            Err(io::ErrorKind::Other.into())
                        }
                    }
                }
            });
            let won = race(&addresses, connect).await.map(|(_, won)| won).map_err(|error| error.kind());
            assert_eq!(won, *expected, "row {row}");
            assert_eq!(*seen.borrow(), *tried, "row {row}");
            let took = began.elapsed();
            let least = Duration::from_millis(*takes);
            assert!(took >= least && took < least + Duration::from_millis(1500), "row {row}: {took:?}");
        }
    }
}
