//! The gate in paused time, in front of a gateway that is up from some time on.
#![expect(clippy::disallowed_methods, reason = "tasks of a test's own")]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use super::*;

const HOLD: Duration = Duration::from_secs(12);
const MS: Duration = Duration::from_millis(1);

/// A gateway that listens from some time on and is ready from some other; how often it was dialled and asked, and who passed.
#[derive(Clone)]
struct Fake {
    up: Instant,
    ready: Instant,
    down: fn() -> ConnectError,
    dials: Arc<AtomicUsize>,
    looks: Arc<AtomicUsize>,
    order: Arc<Mutex<Vec<usize>>>,
}

impl Fake {
    fn up_after(time: Duration) -> Self {
        let up = Instant::now() + time;
        let down = || ConnectError::Refused;
        Self { up, ready: up, down, dials: Arc::default(), looks: Arc::default(), order: Arc::default() }
    }

    fn ready_after(self, time: Duration) -> Self {
        Self { ready: self.up + time, ..self }
    }

    fn dials(&self) -> usize {
        self.dials.load(Ordering::Relaxed)
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    async fn wait(self, gate: Gate, asked: Asked, name: usize) -> Result<Instant, NoConnection> {
        gate.enter(asked).connection(&self).await?;
        self.order.lock().unwrap().push(name);
        Ok(Instant::now())
    }

    async fn reach(&self) -> Result<(), ConnectError> {
        // As long as it takes to hear anything.
        sleep(MS).await;
        if Instant::now() < self.up { Err((self.down)()) } else { Ok(()) }
    }
}

impl Gateway for Fake {
    type Connection = ();

    async fn dial(&self) -> Result<(), ConnectError> {
        self.dials.fetch_add(1, Ordering::Relaxed);
        self.reach().await
    }

    async fn readiness(&self) -> Result<Readiness, ConnectError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.reach().await?;
        Ok(if Instant::now() < self.ready { Readiness::Starting } else { Readiness::Ready })
    }
}

fn gate() -> Gate {
    Gate::new(Some(HOLD), Drain::new(), Arc::default())
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_back_is_noticed_within_100_ms_and_everybody_passes_in_order() {
    let (gate, fake) = (gate(), Fake::up_after(MS * 5003));
    let mut all = JoinSet::new();
    for name in 0..200 {
        let asked = if name % 2 == 0 { Asked::Request } else { Asked::Upgrade };
        all.spawn(fake.clone().wait(gate.clone(), asked, name));
        yield_now().await;
    }
    let passed: Vec<Instant> = all.join_all().await.into_iter().map(Result::unwrap).collect();
    let first = *passed.iter().min().unwrap() - fake.up;
    let last = *passed.iter().max().unwrap() - fake.up;
    assert!(first < MS * 60 && last < MS * 100, "{first:?} {last:?}");
    assert!(fake.order.lock().unwrap().is_sorted());
    // They came all at once: each one's first try, and one connection each. In between one looks, every 50 ms.
    assert_eq!(fake.dials(), 400);
    assert!((90..=102).contains(&fake.looks()), "{}", fake.looks());
}

#[tokio::test(start_paused = true)]
async fn the_time_over_is_said_and_the_next_looks_on() {
    let (gate, fake) = (gate(), Fake::up_after(HOLD + MS * 500));
    let began = Instant::now();
    let first = tokio::spawn(fake.clone().wait(gate.clone(), Asked::Request, 1));
    sleep(Duration::from_secs(1)).await;
    let second = tokio::spawn(fake.clone().wait(gate.clone(), Asked::Request, 2));
    assert!(matches!(first.await.unwrap(), Err(NoConnection::HeldInVain(HOLD))));
    assert_eq!(began.elapsed().as_secs(), 12);
    let noticed = second.await.unwrap().unwrap() - fake.up;
    assert!(noticed < MS * 100, "{noticed:?}");
    assert_eq!(gate.line().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_off_is_said_to_be_at_once_while_upgrades_wait() {
    let (gate, fake) = (gate(), Fake::up_after(MS * 40_000));
    assert!(matches!(fake.clone().wait(gate.clone(), Asked::Request, 0).await, Err(NoConnection::HeldInVain(_))));
    for _ in 0..3 {
        sleep(MS * 5000).await;
        let (began, looks) = (Instant::now(), fake.looks());
        assert!(matches!(fake.clone().wait(gate.clone(), Asked::Request, 1).await, Err(NoConnection::LongDown)));
        assert_eq!(fake.looks(), looks + 1);
        assert!(began.elapsed() < MS * 5);
    }
    let upgrade = tokio::spawn(fake.clone().wait(gate.clone(), Asked::Upgrade, 2));
    sleep(MS * 500).await;
    let looks = fake.looks();
    assert!(matches!(fake.clone().wait(gate.clone(), Asked::Request, 3).await, Err(NoConnection::LongDown)));
    assert_eq!(fake.looks(), looks, "the first in line has looked just before");
    let Err(NoConnection::HeldInVain(_)) = upgrade.await.unwrap() else { panic!("off until then") };
    let upgrade = fake.clone().wait(gate.clone(), Asked::Upgrade, 4).await.unwrap();
    assert!(upgrade - fake.up < MS * 100);
    fake.clone().wait(gate, Asked::Request, 5).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_leaves_the_line_and_the_next_one_looks() {
    let (gate, fake) = (gate(), Fake::up_after(MS * 3000));
    let mut tasks: Vec<_> =
        (0..3).map(|name| tokio::spawn(fake.clone().wait(gate.clone(), Asked::Request, name))).collect();
    sleep(MS * 500).await;
    for task in tasks.drain(..2) {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert!(tasks.remove(0).await.unwrap().unwrap() - fake.up < MS * 100);
    assert_eq!(*fake.order.lock().unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_the_waiting_and_off_never_waits() {
    let drain = Drain::new();
    let (gate, fake) = (Gate::new(Some(HOLD), drain.clone(), Arc::default()), Fake::up_after(HOLD));
    let waiting = tokio::spawn(fake.clone().wait(gate.clone(), Asked::Upgrade, 0));
    sleep(MS * 500).await;
    drain.soften();
    assert!(matches!(waiting.await.unwrap(), Err(NoConnection::Draining)));
    assert_eq!(gate.line().waiting(), 0);

    let off = Gate::new(None, Drain::new(), Arc::default());
    let refused = fake.wait(off, Asked::Upgrade, 0).await;
    assert!(matches!(refused, Err(NoConnection::Failed(ConnectError::Refused))));
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_help_fails_at_once() {
    let gate = gate();
    let no_tls = || ConnectError::Tls(io::ErrorKind::InvalidData.into());
    let failed = Fake { down: no_tls, ..Fake::up_after(HOLD) }.wait(gate.clone(), Asked::Request, 0).await;
    assert!(matches!(failed, Err(NoConnection::Failed(ConnectError::Tls(_)))));
    assert!(gate.line().is_clear());
}

#[tokio::test(start_paused = true)]
async fn a_machine_or_a_name_that_is_not_there_is_waited_for_and_said_in_the_end() {
    let rows: [fn() -> ConnectError; 4] = [
        || ConnectError::Io(io::ErrorKind::HostUnreachable.into()),
        || ConnectError::Io(io::ErrorKind::NetworkUnreachable.into()),
        || ConnectError::TimedOut(MS),
        || ConnectError::Resolve { host: "gateway".to_owned(), source: io::ErrorKind::NotFound.into() },
    ];
    for (row, down) in rows.into_iter().enumerate() {
        // A name is not asked for that often.
        let notices_in = if row == 3 { 600 } else { 100 };
        let fake = |up| Fake { down, ..Fake::up_after(up) };
        let back = fake(MS * 5003);
        let noticed = back.clone().wait(gate(), Asked::Request, 0).await.unwrap() - back.up;
        assert!(noticed <= MS * notices_in, "{noticed:?} {:?}", down());
        let error = fake(HOLD * 2).wait(gate(), Asked::Upgrade, 0).await.unwrap_err();
        assert_eq!(error.to_string(), down().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_before_the_gateway_is_ready() {
    let (gate, fake) = (gate(), Fake::up_after(MS * 2000).ready_after(MS * 3000));
    let mut all = JoinSet::new();
    for name in 0..40 {
        all.spawn(fake.clone().wait(gate.clone(), Asked::Upgrade, name));
        yield_now().await;
    }
    let passed: Vec<Instant> = all.join_all().await.into_iter().map(Result::unwrap).collect();
    assert!(passed.iter().all(|at| (fake.ready..fake.ready + MS * 100).contains(at)), "{passed:?}");
    assert!(fake.order.lock().unwrap().is_sorted());
    assert_eq!(fake.dials(), 80, "each one's first try, and one connection each");
    assert!((90..=102).contains(&fake.looks()), "{}", fake.looks());
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_restart_was_announced_waits_for_readiness_though_connections_are_taken() {
    let (gate, fake) = (gate(), Fake::up_after(Duration::ZERO).ready_after(MS * 1000));
    gate.doubt();
    let passed = fake.clone().wait(gate.clone(), Asked::Upgrade, 0).await.unwrap();
    assert!((fake.ready..fake.ready + MS * 100).contains(&passed));
    // Once it is known to be up, nobody asks again.
    let looks = fake.looks();
    fake.clone().wait(gate.clone(), Asked::Upgrade, 1).await.unwrap();
    assert_eq!(fake.looks(), looks);
    let off = Gate::new(None, Drain::new(), Arc::default());
    off.doubt();
    fake.clone().wait(off, Asked::Upgrade, 2).await.unwrap();
    assert_eq!(fake.looks(), looks);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_never_says_that_it_is_ready_is_tried_in_the_end() {
    let (gate, fake) = (gate(), Fake::up_after(MS * 1000).ready_after(HOLD * 100));
    let passed = fake.clone().wait(gate.clone(), Asked::Request, 0).await.unwrap() - fake.up;
    assert!((line::BELIEVED..line::BELIEVED + MS * 100).contains(&passed), "{passed:?}");
    let looks = fake.looks();
    fake.clone().wait(gate, Asked::Request, 1).await.unwrap();
    assert_eq!(fake.looks(), looks);
}

/// A gateway that takes connections, says that it is ready, and hangs up on requests.
struct HangsUp(AtomicUsize);

impl Gateway for HangsUp {
    type Connection = ();

    async fn dial(&self) -> Result<(), ConnectError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn readiness(&self) -> Result<Readiness, ConnectError> {
        Ok(Readiness::Ready)
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_again_to_a_gateway_that_hangs_up_with_growing_pauses() {
    let (gate, began, gateway) = (gate(), Instant::now(), HangsUp(AtomicUsize::new(0)));
    let mut wait = gate.enter(Asked::Request);
    let ended = loop {
        let Ok(()) = wait.connection(&gateway).await else { break began.elapsed() };
        // Closed at once.
        wait.answer(sleep(MS)).await;
        assert!(wait.cut());
    };
    assert_eq!(ended.as_secs(), 12);
    let connections = gateway.0.load(Ordering::Relaxed);
    assert!((15..=20).contains(&connections), "{connections}");
}
