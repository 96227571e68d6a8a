//! The dashboard and the rules of `deploy/observability` speak of metrics that there are.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::{Wire, dial, proxy};

#[tokio::test]
async fn every_metric_of_the_dashboard_and_the_rules_is_in_the_first_scrape() {
    let proxy = proxy().admin().start().await;
    let mut client = Wire::new(dial(proxy.admin()).await);
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let answer = client.response().await;
    let scrape = String::from_utf8(answer.body.clone()).unwrap();
    let samples: BTreeSet<&str> =
        scrape.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next()).collect();
    assert!(samples.len() > 80, "{samples:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/observability");
    for (file, least) in [("dashboard.json", 40), ("rules.yaml", 15), ("rules.test.yaml", 15)] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let named = metrics(&text);
        assert!(named.len() >= least, "{file} names {named:?}");
        let missing: Vec<_> = named.iter().filter(|name| !samples.contains(*name)).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}");
    }
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("frontgate_") || word.starts_with("process_")).collect()
}
