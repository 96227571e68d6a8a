//! A frontgate that runs, as it tells its operator.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::exchange::{ProbeFields, get};
use crate::config::{Admin, Config, printed};
use crate::upstream::{ConnectError, Connector};

/// What is known of a frontgate that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum RunningFrontgate {
    /// Its admin listener is off, so it cannot be asked.
    Unknown,
    /// No program listens where its admin listener would be.
    No,
    /// A program listens there, and does not answer as a frontgate or does not let doctor ask; the reason, in words.
    Other(String),
    /// A frontgate answered with its status.
    Yes(FrontgateStatus),
}

/// What a frontgate that runs says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::doctor) struct FrontgateStatus {
    pub(in crate::doctor) pid: Option<u32>,
    pub(in crate::doctor) version: String,
    pub(in crate::doctor) ready: bool,
    pub(in crate::doctor) draining: bool,
    /// The config file that it runs on.
    pub(in crate::doctor) config: Option<String>,
    /// The configuration that it runs on: the file, its environment and its command line together. `None`: it did not
    /// say, or this version does not understand it.
    pub(in crate::doctor) settings: Option<Box<Config>>,
    /// Purpose and address of each listener.
    pub(in crate::doctor) listeners: Vec<(String, String)>,
    /// Why it kept its configuration when it was last told to read it again.
    pub(in crate::doctor) refused: Option<String>,
}

/// Asks the frontgate behind `admin`.
pub(in crate::doctor) async fn look(admin: &Admin) -> RunningFrontgate {
    let Some(upstream) = admin.to_dial() else { return RunningFrontgate::Unknown };
    let made = Connector::new(&upstream, Some(CONNECT), |_| Err("the admin listener speaks no TLS".into()));
    let connector: Result<_, Box<dyn std::error::Error>> = made;
    let connector = match connector {
        Err(error) => return RunningFrontgate::Other(error.to_string()),
        Ok(connector) => connector,
    };
    let stream = match connector.connect().await {
        Ok(stream) => stream,
        Err(ConnectError::Refused) => return RunningFrontgate::No,
        Err(error) => return RunningFrontgate::Other(error.to_string()),
    };
    let token = admin.token.as_ref().and_then(|token| token.read().ok());
    let shown = token.and_then(|token| HeaderValue::from_bytes(&[b"Bearer ", token.expose()].concat()).ok());
    let fields: ProbeFields = shown.map(|shown| (AUTHORIZATION, shown)).into_iter().collect();
    let answer = get(stream, HOST, "/status", &fields, LONGEST_TOLD).await;
    let Some(mut status) = answer.ok().and_then(|answer| status(&answer.text)) else {
        return RunningFrontgate::Other("it does not answer as a frontgate does".to_owned());
    };
    if let Ok(stream) = connector.connect().await
        && let Ok(answer) = get(stream, HOST, "/config", &fields, LONGEST_TOLD).await
        && answer.status == StatusCode::OK
    {
        status.settings = printed(&answer.text).map(Box::new);
    }
    RunningFrontgate::Yes(status)
}

fn status(text: &str) -> Option<FrontgateStatus> {
    let told: Value = serde_json::from_str(text).ok()?;
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let listeners = told["listeners"].as_array()?.iter();
    Some(FrontgateStatus {
        pid: told["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()),
        version: word(&told["version"])?,
        ready: told["ready"].as_bool()?,
        draining: told["draining"].as_bool()?,
        config: word(&told["config"]),
        settings: None,
        listeners: listeners.filter_map(|one| Some((word(&one["purpose"])?, word(&one["address"])?))).collect(),
        refused: word(&told["reloads"]["last"]["error"]),
    })
}

const HOST: &str = "localhost";
/// Bytes: as large as a file of the configuration may be; a status lists all of its gateways.
const LONGEST_TOLD: usize = 1 << 20;
const CONNECT: Duration = Duration::from_millis(1500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_and_anything_else_is_not_one() {
        let text = r#"{"version":"0.1.0","pid":7,"ready":true,"draining":false,"config":"/f.yaml",
            "listeners":[{"address":"[::]:8443","purpose":"https"}],
            "reloads":{"done":1,"refused":1,"last":{"ok":false,"error":"line 3"}}}"#;
        let expected = FrontgateStatus {
            pid: Some(7),
            version: "0.1.0".to_owned(),
            ready: true,
            draining: false,
            config: Some("/f.yaml".to_owned()),
            settings: None,
            listeners: vec![("https".to_owned(), "[::]:8443".to_owned())],
            refused: Some("line 3".to_owned()),
        };
        assert_eq!(status(text), Some(expected));
        for other in ["", "{}", "<html>", r#"{"version":1}"#] {
            assert_eq!(status(other), None, "{other}");
        }
    }
}
