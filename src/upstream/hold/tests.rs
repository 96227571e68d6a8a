//! The hold queue in paused time, in front of a gateway that is up from some time on.
#![expect(clippy::disallowed_methods, reason = "tasks of a test's own")]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use super::*;

const HOLD: Duration = Duration::from_secs(12);
const MS: Duration = Duration::from_millis(1);

/// A gateway that listens from some time on and is ready from some other; counts how often it was dialled and asked,
/// and notes which requests passed.
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

    async fn wait(self, hold_queue: HoldQueue, asked: WaitPurpose, name: usize) -> Result<Instant, NoConnection> {
        hold_queue.enter(entry(asked)).connection(&self).await?;
        self.order.lock().unwrap().push(name);
        Ok(Instant::now())
    }

    async fn reach(&self) -> Result<(), ConnectError> {
        // As long as it takes to hear anything from a gateway.
        sleep(MS).await;
        if Instant::now() < self.up { Err((self.down)()) } else { Ok(()) }
    }
}

impl HeldGateway for Fake {
    type Connection = ();

    async fn dial(&self) -> Result<(), ConnectError> {
        self.dials.fetch_add(1, Ordering::Relaxed);
        self.reach().await
    }

    async fn readiness(&self) -> Result<GatewayReadiness, ConnectError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.reach().await?;
        Ok(if Instant::now() < self.ready { GatewayReadiness::Starting } else { GatewayReadiness::Ready })
    }
}

fn hold_queue() -> HoldQueue {
    hold_queue_of(Some(HOLD), Drain::new())
}

fn hold_queue_of(hold: Option<Duration>, drain: Drain) -> HoldQueue {
    HoldQueue::new(hold, HoldSpace::new(HoldLimits::default()), drain, Arc::default())
}

fn entry(asked: WaitPurpose) -> HoldRequest {
    HoldRequest { asked, began: Instant::now(), client: None, bytes: 0 }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_back_is_noticed_within_100_ms_and_all_requests_pass_in_order() {
    let (hold_queue, fake) = (hold_queue(), Fake::up_after(MS * 5003));
    let mut all = JoinSet::new();
    for name in 0..200 {
        let asked = if name % 2 == 0 { WaitPurpose::Request } else { WaitPurpose::Upgrade };
        all.spawn(fake.clone().wait(hold_queue.clone(), asked, name));
        yield_now().await;
    }
    let passed: Vec<Instant> = all.join_all().await.into_iter().map(Result::unwrap).collect();
    let first = *passed.iter().min().unwrap() - fake.up;
    let last = *passed.iter().max().unwrap() - fake.up;
    assert!(first < MS * 60 && last < MS * 100, "{first:?} {last:?}");
    assert!(fake.order.lock().unwrap().is_sorted());
    // They came all at once: the first try of each, and one connection each. In between one request looks, every 50 ms.
    assert_eq!(fake.dials(), 400);
    assert!((90..=102).contains(&fake.looks()), "{}", fake.looks());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_says_so_and_the_next_request_looks_on() {
    let (hold_queue, fake) = (hold_queue(), Fake::up_after(HOLD + MS * 500));
    let began = Instant::now();
    let first = tokio::spawn(fake.clone().wait(hold_queue.clone(), WaitPurpose::Request, 1));
    sleep(Duration::from_secs(1)).await;
    let second = tokio::spawn(fake.clone().wait(hold_queue.clone(), WaitPurpose::Request, 2));
    assert!(matches!(first.await.unwrap(), Err(NoConnection::HeldInVain(HOLD))));
    assert_eq!(began.elapsed().as_secs(), 12);
    let noticed = second.await.unwrap().unwrap() - fake.up;
    assert!(noticed < MS * 100, "{noticed:?}");
    assert_eq!(hold_queue.line().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_off_is_said_to_be_at_once_while_upgrades_wait() {
    let (hold_queue, fake) = (hold_queue(), Fake::up_after(MS * 40_000));
    assert!(matches!(
        fake.clone().wait(hold_queue.clone(), WaitPurpose::Request, 0).await,
        Err(NoConnection::HeldInVain(_))
    ));
    for _ in 0..3 {
        sleep(MS * 5000).await;
        let (began, looks) = (Instant::now(), fake.looks());
        assert!(matches!(
            fake.clone().wait(hold_queue.clone(), WaitPurpose::Request, 1).await,
            Err(NoConnection::LongDown)
        ));
        assert_eq!(fake.looks(), looks + 1);
        assert!(began.elapsed() < MS * 5);
    }
    let upgrade = tokio::spawn(fake.clone().wait(hold_queue.clone(), WaitPurpose::Upgrade, 2));
    sleep(MS * 500).await;
    let looks = fake.looks();
    assert!(matches!(
        fake.clone().wait(hold_queue.clone(), WaitPurpose::Request, 3).await,
        Err(NoConnection::LongDown)
    ));
    assert_eq!(fake.looks(), looks, "the first in line has looked just before");
    let Err(NoConnection::HeldInVain(_)) = upgrade.await.unwrap() else { panic!("off until then") };
    let upgrade = fake.clone().wait(hold_queue.clone(), WaitPurpose::Upgrade, 4).await.unwrap();
    assert!(upgrade - fake.up < MS * 100);
    fake.clone().wait(hold_queue, WaitPurpose::Request, 5).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_goes_away_leaves_the_line_and_the_next_one_looks() {
    let (hold_queue, fake) = (hold_queue(), Fake::up_after(MS * 3000));
    let mut tasks: Vec<_> =
        (0..3).map(|name| tokio::spawn(fake.clone().wait(hold_queue.clone(), WaitPurpose::Request, name))).collect();
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
    let (hold_queue, fake) = (hold_queue_of(Some(HOLD), drain.clone()), Fake::up_after(HOLD));
    let waiting = tokio::spawn(fake.clone().wait(hold_queue.clone(), WaitPurpose::Upgrade, 0));
    sleep(MS * 500).await;
    drain.soften();
    assert!(matches!(waiting.await.unwrap(), Err(NoConnection::Draining)));
    assert_eq!(hold_queue.line().waiting(), 0);

    let off = hold_queue_of(None, Drain::new());
    let refused = fake.wait(off, WaitPurpose::Upgrade, 0).await;
    assert!(matches!(refused, Err(NoConnection::Failed(ConnectError::Refused))));
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_help_fails_at_once() {
    let hold_queue = hold_queue();
    let no_tls = || ConnectError::Tls(io::ErrorKind::InvalidData.into());
    let failed = Fake { down: no_tls, ..Fake::up_after(HOLD) }.wait(hold_queue.clone(), WaitPurpose::Request, 0).await;
    assert!(matches!(failed, Err(NoConnection::Failed(ConnectError::Tls(_)))));
    assert!(hold_queue.line().is_clear());
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
        // A name is asked for less often.
        let notices_in = if row == 3 { 600 } else { 100 };
        let fake = |up| Fake { down, ..Fake::up_after(up) };
        let back = fake(MS * 5003);
        let noticed = back.clone().wait(hold_queue(), WaitPurpose::Request, 0).await.unwrap() - back.up;
        assert!(noticed <= MS * notices_in, "{noticed:?} {:?}", down());
        let error = fake(HOLD * 2).wait(hold_queue(), WaitPurpose::Upgrade, 0).await.unwrap_err();
        assert_eq!(error.to_string(), down().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_passes_before_the_gateway_is_ready() {
    let (hold_queue, fake) = (hold_queue(), Fake::up_after(MS * 2000).ready_after(MS * 3000));
    let mut all = JoinSet::new();
    for name in 0..40 {
        all.spawn(fake.clone().wait(hold_queue.clone(), WaitPurpose::Upgrade, name));
        yield_now().await;
    }
    let passed: Vec<Instant> = all.join_all().await.into_iter().map(Result::unwrap).collect();
    assert!(passed.iter().all(|at| (fake.ready..fake.ready + MS * 100).contains(at)), "{passed:?}");
    assert!(fake.order.lock().unwrap().is_sorted());
    assert_eq!(fake.dials(), 80, "each one's first try, and one connection each");
    assert!((90..=102).contains(&fake.looks()), "{}", fake.looks());
}

#[tokio::test(start_paused = true)]
async fn a_request_after_an_announced_restart_waits_for_readiness_though_connections_are_taken() {
    let (hold_queue, fake) = (hold_queue(), Fake::up_after(Duration::ZERO).ready_after(MS * 1000));
    hold_queue.suspect();
    let passed = fake.clone().wait(hold_queue.clone(), WaitPurpose::Upgrade, 0).await.unwrap();
    assert!((fake.ready..fake.ready + MS * 100).contains(&passed));
    // Once the gateway is known to be up, it is not asked again.
    let looks = fake.looks();
    fake.clone().wait(hold_queue.clone(), WaitPurpose::Upgrade, 1).await.unwrap();
    assert_eq!(fake.looks(), looks);
    let off = hold_queue_of(None, Drain::new());
    off.suspect();
    fake.clone().wait(off, WaitPurpose::Upgrade, 2).await.unwrap();
    assert_eq!(fake.looks(), looks);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_never_says_that_it_is_ready_is_tried_in_the_end() {
    let (hold_queue, fake) = (hold_queue(), Fake::up_after(MS * 1000).ready_after(HOLD * 100));
    let passed = fake.clone().wait(hold_queue.clone(), WaitPurpose::Request, 0).await.unwrap() - fake.up;
    assert!((wait_list::BELIEVED..wait_list::BELIEVED + MS * 100).contains(&passed), "{passed:?}");
    let looks = fake.looks();
    fake.clone().wait(hold_queue, WaitPurpose::Request, 1).await.unwrap();
    assert_eq!(fake.looks(), looks);
}

/// A gateway that takes connections, answers the question for its readiness, and hangs up on requests.
struct HangsUp(AtomicUsize, fn(Duration) -> Result<GatewayReadiness, ConnectError>, Instant);

impl HangsUp {
    /// What it answers depends on how long it has been there.
    fn saying(says: fn(Duration) -> Result<GatewayReadiness, ConnectError>) -> Self {
        Self(AtomicUsize::new(0), says, Instant::now())
    }

    fn connections(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl HeldGateway for HangsUp {
    type Connection = ();

    async fn dial(&self) -> Result<(), ConnectError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn readiness(&self) -> Result<GatewayReadiness, ConnectError> {
        (self.1)(self.2.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_a_ready_gateway_hangs_up_on_fails_alone() {
    let (hold_queue, gateway) = (hold_queue(), HangsUp::saying(|_| Ok(GatewayReadiness::Ready)));
    for asked in [WaitPurpose::Request, WaitPurpose::Upgrade] {
        let (mut wait, began) = (hold_queue.enter(entry(asked)), Instant::now());
        wait.connection(&gateway).await.unwrap();
        wait.answer(sleep(MS)).await;
        assert!(!wait.cut(&gateway).await, "it is not asked again");
        assert!(hold_queue.line().is_clear(), "others go on");
        assert!(began.elapsed() <= MS, "at once");
    }
    assert_eq!(gateway.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_again_to_a_gateway_that_hangs_up_on_all_with_growing_pauses() {
    let (hold_queue, began, gateway) = (hold_queue(), Instant::now(), HangsUp::saying(|_| Ok(GatewayReadiness::Cut)));
    let mut wait = hold_queue.enter(entry(WaitPurpose::Request));
    let ended = loop {
        let Ok(()) = wait.connection(&gateway).await else { break began.elapsed() };
        // Closed at once.
        wait.answer(sleep(MS)).await;
        assert!(wait.cut(&gateway).await);
    };
    assert_eq!(ended.as_secs(), 12);
    // Not before the gateway has not been ready for so long that it is tried all the same.
    assert!((2..=6).contains(&gateway.connections()), "{}", gateway.connections());
}

#[tokio::test(start_paused = true)]
async fn what_a_gateway_says_after_it_hung_up_decides_which_requests_wait() {
    type Says = fn(Duration) -> Result<GatewayReadiness, ConnectError>;
    let rows: [(Says, Option<DownReason>); 5] = [
        (|_| Ok(GatewayReadiness::Ready), None),
        (|_| Ok(GatewayReadiness::Starting), Some(DownReason::Starting)),
        (|_| Ok(GatewayReadiness::Cut), Some(DownReason::Cut)),
        (|_| Err(ConnectError::Refused), Some(DownReason::Refused)),
        (|_| Err(ConnectError::Tls(io::ErrorKind::InvalidData.into())), None),
    ];
    for (row, (says, expected)) in rows.into_iter().enumerate() {
        let (hold_queue, gateway) = (hold_queue(), HangsUp::saying(says));
        let mut wait = hold_queue.enter(entry(WaitPurpose::Request));
        wait.connection(&gateway).await.unwrap();
        assert_eq!(wait.cut(&gateway).await, expected.is_some(), "row {row}");
        assert_eq!(hold_queue.line().outage(), expected, "row {row}");
    }
}

/// A gateway whose machine swallows the packets that are sent there.
struct Silent;

impl HeldGateway for Silent {
    type Connection = ();

    async fn dial(&self) -> Result<(), ConnectError> {
        std::future::pending().await
    }

    async fn readiness(&self) -> Result<GatewayReadiness, ConnectError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_is_counted_from_the_beginning_of_the_request_whatever_it_is_spent_on() {
    // How long the request was under way before it came to the hold queue.
    for before in [Duration::ZERO, MS * 4000, HOLD * 2] {
        let hold_queue = hold_queue();
        let mut wait = hold_queue.enter(HoldRequest { began: Instant::now() - before, ..entry(WaitPurpose::Upgrade) });
        let began = Instant::now();
        assert!(wait.connection(&Silent).await.is_err());
        let left = HOLD.saturating_sub(before);
        assert!((left..left + MS * 100).contains(&began.elapsed()), "{before:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_goes_away_while_it_works_is_waited_for_as_long_as_any_other_but_once() {
    let (hold_queue, gateway) = (
        hold_queue(),
        HangsUp::saying(|age| if age < HOLD * 4 { Ok(GatewayReadiness::Cut) } else { Ok(GatewayReadiness::Ready) }),
    );
    let mut wait = hold_queue.enter(entry(WaitPurpose::Request));
    wait.connection(&gateway).await.unwrap();
    wait.answer(sleep(HOLD * 3)).await;
    assert!(wait.cut(&gateway).await);
    let began = Instant::now();
    // It was at work for three holds; after 12 s of looking it is ready.
    wait.connection(&gateway).await.unwrap();
    assert!(began.elapsed() < HOLD + MS * 100, "{:?}", began.elapsed());
    let gone = HangsUp::saying(|_| Err(ConnectError::Refused));
    wait.answer(sleep(HOLD)).await;
    assert!(wait.cut(&gone).await);
    let began = Instant::now();
    assert!(wait.connection(&Fake::up_after(HOLD * 9)).await.is_err());
    assert!(began.elapsed() < MS * 100, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_permit_is_turned_away_and_other_networks_still_wait() {
    let space = HoldSpace::new(HoldLimits { places: 20, for_upgrades: 4, bytes: 64 << 20 });
    let hold_queue = HoldQueue::new(Some(HOLD), space, Drain::new(), Arc::default());
    let fake = Fake::up_after(MS * 1000);
    let client = |number: u8| Some(Network::of([192, 0, 2, number].into()));
    let mut tasks = JoinSet::new();
    for number in 0..30 {
        let (hold_queue, fake) = (hold_queue.clone(), fake.clone());
        let entry = HoldRequest { client: client(if number < 20 { 1 } else { number }), ..entry(WaitPurpose::Request) };
        tasks.spawn(async move { (number, hold_queue.enter(entry).connection(&fake).await) });
        yield_now().await;
    }
    let mut passed: Vec<_> = tasks.join_all().await.into_iter().filter(|(_, ended)| ended.is_ok()).collect();
    passed.sort_by_key(|(number, _)| *number);
    let of_one = passed.iter().filter(|(number, _)| *number < 20).count();
    assert_eq!((of_one, passed.len()), (8, 16), "half of what requests may have, and what others ask for");
}
