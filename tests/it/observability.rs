//! The dashboard and the rules of `deploy/observability` speak of metrics that there are, and Prometheus's own tool takes the
//! scrape and the rules.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a skip is said")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use frontgate::config::{Certificate, Config, Directory, Name};

use crate::harness::{Proxy, Wire, dial, proxy, within};

#[tokio::test]
async fn every_metric_of_the_dashboard_and_the_rules_is_in_the_first_scrape() {
    let scrape = scrape().await;
    let samples: BTreeSet<&str> =
        scrape.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next()).collect();
    assert!(samples.len() > 80, "{samples:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/observability");
    for (file, least) in [("dashboard.json", 40), ("rules.yaml", 15), ("rules.test.yaml", 15)] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let named = metrics(&text);
        assert!(named.len() >= least, "{file} names {named:?}");
        // Only where names of the DNS stand for gateways.
        let of_dns = |name: &str| name.starts_with("frontgate_upstream_dns_");
        let missing: Vec<_> = named.iter().filter(|name| !samples.contains(*name) && !of_dns(name)).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}");
    }
}

#[tokio::test]
async fn no_family_is_without_a_series_in_the_first_scrape() {
    let scrape = scrape().await;
    let kind = |line: &str| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned);
    let (mut families, mut empty) = (Vec::new(), BTreeSet::new());
    for line in scrape.lines() {
        match (kind(line), families.last()) {
            (Some(name), _) => {
                empty.insert(name.clone());
                families.push(name);
            }
            (None, Some(name)) if !line.starts_with('#') => drop(empty.remove(name)),
            _ => {}
        }
    }
    assert!(families.len() > 80 && empty.is_empty(), "{} families; empty: {empty:?}", families.len());
}

#[tokio::test]
async fn promtool_has_nothing_to_say_about_a_scrape() {
    let scrape = older_format(&scrape().await);
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else {
        return eprintln!("skipped: promtool is not installed");
    };
    promtool.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
}

#[test]
fn promtool_runs_the_tests_of_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/observability");
    let Ok(said) = Command::new("promtool").args(["test", "rules", "rules.test.yaml"]).current_dir(folder).output()
    else {
        return eprintln!("skipped: promtool is not installed");
    };
    assert!(said.status.success(), "{said:?}");
}

#[tokio::test]
async fn an_authority_that_does_not_answer_is_counted_and_asked_again_later() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let acme = |config: &mut Config| {
        config.tls.names = vec![Name::Dns("gw.example.com".into())];
        config.tls.certificate = Certificate::Acme;
        config.tls.acme.directory = Directory::Url(format!("https://{nowhere}/dir"));
    };
    let proxy = proxy().admin().config(acme).start().await;
    let value = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("frontgate_acme_{name} ")));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).parse::<u64>().unwrap()
    };
    let counted = within("the first try", async {
        loop {
            let text = scrape_of(&proxy).await;
            if value(&text, "failures_total{reason=\"unanswered\"}") > 0
                && value(&text, "next_order_timestamp_seconds") > 0
            {
                return text;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(value(&counted, "next_order_timestamp_seconds") >= now);
    for name in
        ["orders_total{outcome=\"obtained\"}", "orders_total{outcome=\"failed\"}", "last_success_timestamp_seconds"]
    {
        assert_eq!(value(&counted, name), 0, "{name}");
    }
}

async fn scrape() -> String {
    scrape_of(&proxy().admin().start().await).await
}

async fn scrape_of(proxy: &Proxy) -> String {
    let mut client = Wire::new(dial(proxy.admin()).await);
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    String::from_utf8(client.response().await.body.clone()).unwrap()
}

/// A scrape in the text format that was before `OpenMetrics`: promtool checks nothing else. There a counter and an info have
/// their suffixes in the names of their families, and no family has a unit.
fn older_format(scrape: &str) -> String {
    let kind = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind.to_owned()))
    };
    let kinds: BTreeMap<String, String> = scrape.lines().filter_map(kind).collect();
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let ("#", word, Some(name), Some(rest)) =
            (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next(), words.next())
        else {
            return if line == "# EOF" { String::new() } else { format!("{line}\n") };
        };
        let (suffix, rest) = match (word, kinds[name].as_str()) {
            ("UNIT", _) => return String::new(),
            (_, "counter") => ("_total", rest),
            ("TYPE", "info") => ("_info", "gauge"),
            (_, "info") => ("_info", rest),
            _ => ("", rest),
        };
        format!("# {word} {name}{suffix} {rest}\n")
    };
    scrape.lines().map(line).collect()
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("frontgate_") || word.starts_with("process_")).collect()
}
