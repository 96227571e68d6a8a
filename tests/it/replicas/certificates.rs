//! One order in all for the public certificate of several replicas.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio::io::copy;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::redis::{Redis, RedisFault};
use super::{ADMIN, is_up, until};
use crate::acme::gate::serial;
use crate::acme::pebble::Pebble;
use crate::harness::Binary;
use crate::operator::ask;
use crate::websocket::scene::{Scene, connect, scene_listening};

const NAME: &str = "gw.test";

/// A replica that wants a certificate of this authority.
async fn replica(pebble: &Pebble, cluster: &str, challenge: &str) -> Scene<Binary> {
    let acme = format!("challenge: [{challenge}], {}", pebble.acme());
    let tls = format!("tls: {{ names: [{NAME}], certificate: acme, acme: {{ {acme} }} }}");
    let lines = [ADMIN, cluster, &tls, "log: { level: debug }"];
    scene_listening(r#"https: ["127.0.0.1:0"], http: ["127.0.0.1:0"]"#, &lines).await
}

/// Several that know each other.
async fn replicas(pebble: &Pebble, cluster: &str, count: usize, challenge: &str) -> Vec<Scene<Binary>> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(replica(pebble, cluster, challenge).await);
    }
    for scene in &all {
        until(scene, "the other members", |cluster| cluster["members"].as_array().map(Vec::len) == Some(count)).await;
    }
    all
}

/// What stands at the ports where the authority looks: each of its connections goes to the next replica.
struct Balancer {
    asked: Arc<Vec<AtomicUsize>>,
    /// Connections wait until this is true.
    open: watch::Sender<bool>,
    connections: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Balancer {
    async fn before(pebble: &Pebble, replicas: &[Scene<Binary>], is_open: bool) -> Self {
        let looks = pebble.looks();
        let asked: Arc<Vec<AtomicUsize>> = Arc::new(replicas.iter().map(|_| AtomicUsize::new(0)).collect());
        let (open, opened) = watch::channel(is_open);
        let (count, connections) = watch::channel(0);
        let count = Arc::new(count);
        let mut tasks = JoinSet::new();
        let doors = |of: fn(&Scene<Binary>) -> Option<SocketAddr>| replicas.iter().filter_map(of).collect::<Vec<_>>();
        for (port, doors) in [(looks.tls, doors(|one| one.proxy.https)), (looks.http, doors(|one| one.proxy.http))] {
            let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
            let (asked, opened, count) = (Arc::clone(&asked), opened.clone(), Arc::clone(&count));
            tasks.spawn(async move {
                let mut all = JoinSet::new();
                for turn in 0.. {
                    let Ok((client, _)) = listener.accept().await else { return };
                    count.send_modify(|count| *count += 1);
                    let (asked, mut opened, doors) = (Arc::clone(&asked), opened.clone(), doors.clone());
                    all.spawn(async move {
                        let _ = opened.wait_for(|open| *open).await;
                        for next in 0..doors.len() {
                            let which = (turn + next) % doors.len();
                            // One that is gone is passed over.
                            if let Ok(replica) = connect(doors[which]).await {
                                asked[which].fetch_add(1, Ordering::Relaxed);
                                let ((mut from, mut to), (mut back, mut on)) =
                                    (client.into_split(), replica.into_split());
                                tokio::select! {
                                    _ = copy(&mut from, &mut on) => {}
                                    _ = copy(&mut back, &mut to) => {}
                                }
                                return;
                            }
                        }
                    });
                }
            });
        }
        Self { asked, open, connections, _tasks: tasks }
    }

    fn asked(&self) -> Vec<usize> {
        self.asked.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

/// The serial number of the certificate that all of them show, which is none of those `before`.
async fn certified(all: &[Scene<Binary>], root: &CertificateDer<'static>, before: &[String]) -> String {
    let same = async {
        loop {
            let shown = join_all(all.iter().map(|one| serial(one.proxy.https.unwrap(), NAME, root))).await;
            if let Ok(shown) = shown.into_iter().collect::<Result<BTreeSet<String>, String>>()
                && let [one] = &shown.into_iter().collect::<Vec<_>>()[..]
                && !before.contains(one)
            {
                return one.clone();
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, same).await.expect("one certificate at all replicas")
}

/// A counter of theirs, summed up.
async fn sum(all: &[Scene<Binary>], counter: &str) -> u64 {
    let mut sum = 0;
    for one in all {
        let metrics = ask(one, "GET", "/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(counter)).expect("the counter");
        sum += line.trim().parse::<u64>().unwrap();
    }
    sum
}

/// How many orders there were, of those that are alive; each makes one line. With them the certificates that were shown.
async fn orders_and_certificates(all: &mut [Scene<Binary>]) -> (usize, usize) {
    let (mut orders, mut shown) = (0, BTreeSet::new());
    for one in all {
        one.proxy.terminate().await;
        for line in &one.proxy.printed {
            let line: Value = serde_json::from_str(line).unwrap();
            match line["message"].as_str() {
                Some("ordering a public certificate") => orders += 1,
                Some("public certificate") => {
                    shown.insert(line["sha256"].as_str().unwrap().to_owned());
                }
                _ => {}
            }
        }
    }
    (orders, shown.len())
}

#[tokio::test]
async fn of_three_replicas_one_orders_each_answers_and_all_show_and_renew() {
    for (challenge, renews) in [("tls-alpn-01", false), ("http-01", true)] {
        let (Some(redis), Some(mut pebble)) = (Redis::start().await, Pebble::new()) else { return };
        if renews {
            pebble = pebble.config("certificateValidityPeriod", json!(60));
        }
        let mut all = replicas(&pebble, &redis.line(), 3, challenge).await;
        let balancer = Balancer::before(&pebble, &all, true).await;
        pebble.start().await;
        let root = pebble.root().await;
        let mut seen = vec![certified(&all, &root, &[]).await];
        // Pebble looks from three places at once.
        assert!(balancer.asked().iter().all(|count| *count > 0), "{:?}", balancer.asked());
        nothing_can_be_read(&redis);
        if renews {
            seen.push(certified(&all, &root, &seen).await);
        } else {
            assert_eq!(sum(&all, "frontgate_acme_orders_total{outcome=\"obtained\"}").await, 1);
        }
        assert_eq!(sum(&all, "frontgate_acme_orders_total{outcome=\"failed\"}").await, 0);
        let accounts = |one: &Scene<Binary>| one.proxy.printed().matches("opened an account").count();
        let (orders, certificates) = orders_and_certificates(&mut all).await;
        assert!(orders == certificates && orders >= seen.len(), "{orders} orders, {certificates} certificates");
        assert_eq!(all.iter().map(accounts).sum::<usize>(), 1, "{challenge}");
    }
}

fn nothing_can_be_read(redis: &Redis) {
    let keys = redis.ask(&["KEYS", "*"]);
    assert!(keys.lines().filter(|key| key.starts_with("frontgate:test:acme:")).count() >= 3, "{keys}");
    for key in keys.lines() {
        assert!(key.starts_with("frontgate:test:") && !key.contains(NAME), "{key}");
        // One that has ended meanwhile has -2, one without an end -1.
        assert_ne!(redis.ask(&["TTL", key]).trim(), "-1", "{key}");
        let dump = redis.ask(&["--no-raw", "DUMP", key]);
        for secret in [NAME, "BEGIN", "PRIVATE", "directory", "obtained", "credentials", "127.0.0.1"] {
            assert!(!dump.contains(secret), "{key}: {dump}");
        }
    }
}

#[tokio::test]
async fn when_the_replica_that_orders_dies_another_one_does() {
    let (Some(redis), Some(mut pebble)) = (Redis::start().await, Pebble::new()) else { return };
    let mut all = replicas(&pebble, &redis.line(), 3, "tls-alpn-01").await;
    let mut balancer = Balancer::before(&pebble, &all, false).await;
    pebble.start().await;
    let orders = |line: &Value| line["message"] == "ordering a public certificate";
    // In the middle: the authority looks, and gets no answer.
    let ordering = async {
        let lines = all.iter_mut().map(|one| Box::pin(one.proxy.line(orders)));
        let (_, which, _) = select_all(lines).await;
        balancer.connections.wait_for(|count| *count > 0).await.unwrap();
        which
    };
    let which = timeout(PATIENCE, ordering).await.expect("an order");
    let dead = all.remove(which);
    dead.proxy.signal(Signal::KILL);
    drop(dead);
    balancer.open.send_replace(true);
    certified(&all, &pebble.root().await, &[]).await;
    assert_eq!(orders_and_certificates(&mut all).await, (1, 1));
}

/// Nothing is ordered, and all serve.
async fn wait(all: &mut [Scene<Binary>], root: &CertificateDer<'static>) {
    for one in all {
        let waits = |line: &Value| {
            line["message"].as_str().is_some_and(|said| said.starts_with("no public certificate is ordered while"))
        };
        one.proxy.line(waits).await;
        assert!(serial(one.proxy.https.unwrap(), NAME, root).await.is_err());
        assert!(ask(one, "GET", "/readyz").await.starts_with("HTTP/1.1 200 "));
    }
}

/// While Redis is away nothing is ordered, and when it is back there is one order.
async fn orders_wait_while(fault: RedisFault) {
    let (Some(mut redis), Some(mut pebble)) = (Redis::start().await, Pebble::new()) else { return };
    let mut all = replicas(&pebble, &redis.line(), 2, "tls-alpn-01").await;
    let _balancer = Balancer::before(&pebble, &all, true).await;
    fault.begin(&mut redis);
    for one in &all {
        is_up(one, false).await;
    }
    pebble.start().await;
    let root = pebble.root().await;
    wait(&mut all, &root).await;
    assert!(sum(&all, "frontgate_acme_failures_total{reason=\"cluster\"}").await >= 2, "{fault:?}");
    let redis = fault.end(redis).await;
    let shown = certified(&all, &root, &[]).await;
    // A Redis that has lost all gets it back, and so does a replica that has nothing.
    let redis = redis.restart().await;
    for one in &all {
        is_up(one, true).await;
    }
    all.push(replica(&pebble, &redis.line(), "tls-alpn-01").await);
    assert_eq!(certified(&all, &root, &[]).await, shown, "{fault:?}");
    assert_eq!(orders_and_certificates(&mut all).await, (1, 1), "{fault:?}");
}

#[tokio::test]
async fn nothing_is_ordered_while_redis_is_killed() {
    orders_wait_while(RedisFault::Killed).await;
}

#[tokio::test]
async fn nothing_is_ordered_while_redis_is_stopped() {
    orders_wait_while(RedisFault::Stopped).await;
}

#[tokio::test]
async fn nothing_is_ordered_while_redis_is_slow() {
    let (Some(redis), Some(mut pebble)) = (Redis::start().await, Pebble::new()) else { return };
    let (line, way) = redis.slow_line().await;
    pebble.start().await;
    let root = pebble.root().await;
    let mut all = vec![replica(&pebble, &line, "http-01").await, replica(&pebble, &line, "http-01").await];
    let _balancer = Balancer::before(&pebble, &all, true).await;
    wait(&mut all, &root).await;
    way.becomes_fast();
    certified(&all, &root, &[]).await;
    assert_eq!(orders_and_certificates(&mut all).await, (1, 1));
}

#[tokio::test]
async fn nothing_is_ordered_while_redis_is_full() {
    orders_wait_while(RedisFault::Full).await;
}

#[tokio::test]
async fn nothing_is_ordered_while_redis_is_read_only() {
    orders_wait_while(RedisFault::ReadOnly).await;
}

/// A lock of 15 s, a minute's pause after an order that was not finished, and a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);
