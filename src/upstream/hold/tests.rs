//! The gate in paused time, in front of a gateway that is up from some time on.
#![expect(clippy::disallowed_methods, reason = "tasks of a test's own")]

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::{JoinSet, yield_now};

use super::*;

const HOLD: Duration = Duration::from_secs(12);
const MS: Duration = Duration::from_millis(1);

/// A gateway that is up from some time on, and how often it was dialled.
#[derive(Clone)]
struct Fake {
    up: Instant,
    dials: Arc<AtomicUsize>,
    order: Arc<Mutex<Vec<usize>>>,
}

impl Fake {
    fn up_after(time: Duration) -> Self {
        Self { up: Instant::now() + time, dials: Arc::default(), order: Arc::default() }
    }

    async fn dial(&self) -> Result<(), ConnectError> {
        self.dials.fetch_add(1, Ordering::Relaxed);
        // As long as it takes to hear anything.
        sleep(MS).await;
        if Instant::now() < self.up { Err(ConnectError::Refused) } else { Ok(()) }
    }

    fn dials(&self) -> usize {
        self.dials.load(Ordering::Relaxed)
    }

    async fn wait(self, gate: Gate, asked: Asked, name: usize) -> Result<Instant, NoConnection> {
        gate.enter(asked).connection(|| self.dial()).await?;
        self.order.lock().unwrap().push(name);
        Ok(Instant::now())
    }
}

fn gate() -> Gate {
    Gate::new(Some(HOLD), Drain::new())
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
    // One prober every 50 ms, each one's first try, and one connection each.
    let dials = fake.dials();
    assert!((400..=515).contains(&dials), "{dials}");
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
    assert!(gate.line().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_off_is_said_to_be_at_once_while_upgrades_wait() {
    let (gate, fake) = (gate(), Fake::up_after(MS * 40_000));
    assert!(matches!(fake.clone().wait(gate.clone(), Asked::Request, 0).await, Err(NoConnection::HeldInVain(_))));
    for _ in 0..3 {
        let began = Instant::now();
        assert!(matches!(fake.clone().wait(gate.clone(), Asked::Request, 1).await, Err(NoConnection::LongDown)));
        assert!(began.elapsed() < MS * 5, "after one look");
        sleep(MS * 5000).await;
    }
    let upgrade = tokio::spawn(fake.clone().wait(gate.clone(), Asked::Upgrade, 2));
    sleep(MS * 500).await;
    let dials = fake.dials();
    assert!(matches!(fake.clone().wait(gate.clone(), Asked::Request, 3).await, Err(NoConnection::LongDown)));
    assert_eq!(fake.dials(), dials, "the first in line has looked just before");
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
    let (gate, fake) = (Gate::new(Some(HOLD), drain.clone()), Fake::up_after(HOLD));
    let waiting = tokio::spawn(fake.clone().wait(gate.clone(), Asked::Upgrade, 0));
    sleep(MS * 500).await;
    drain.soften();
    assert!(matches!(waiting.await.unwrap(), Err(NoConnection::Draining)));
    assert!(gate.line().is_empty());

    let off = Gate::new(None, Drain::new());
    let refused = fake.wait(off, Asked::Upgrade, 0).await;
    assert!(matches!(refused, Err(NoConnection::Failed(ConnectError::Refused))));
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_help_fails_at_once() {
    let gate = gate();
    let dial = || async { Err::<(), _>(ConnectError::TimedOut(MS)) };
    let failed = gate.enter(Asked::Request).connection(dial).await;
    assert!(matches!(failed, Err(NoConnection::Failed(ConnectError::TimedOut(_)))));
    assert!(gate.line().outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_hangs_up_is_asked_again_by_one_with_growing_pauses() {
    let (gate, began) = (gate(), Instant::now());
    let connections = Arc::new(AtomicUsize::new(0));
    let mut all = JoinSet::new();
    for _ in 0..50 {
        let (gate, connections) = (gate.clone(), Arc::clone(&connections));
        all.spawn(async move {
            let mut wait = gate.enter(Asked::Request);
            loop {
                wait.connection(|| async { Ok(()) }).await.unwrap();
                connections.fetch_add(1, Ordering::Relaxed);
                // Closed at once for five seconds; then it takes a second to answer.
                if wait.answer(async { began.elapsed() > MS * 5000 }).await {
                    wait.answer(sleep(MS * 1000)).await;
                    wait.up();
                    return began.elapsed();
                }
                assert!(wait.cut());
            }
        });
    }
    let ended = all.join_all().await;
    let (first, last) = (ended.iter().min().unwrap(), ended.iter().max().unwrap());
    assert!(*last < MS * 7500, "{first:?} {last:?}");
    // Some ten looks of the first, and one connection each.
    let connections = connections.load(Ordering::Relaxed);
    assert!((50..=65).contains(&connections), "{connections}");
}
