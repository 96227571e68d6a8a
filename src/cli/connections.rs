//! `frontgate connections`: the WebSockets that are open.

use http::Method;
use serde_json::{Value, json};

use super::admin_client::{AdminClient, AdminTarget};
use super::connections_table::table;
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;
use super::watch;
use crate::observe::percent_encoding::encoded;

/// Which frontgate to ask, which WebSockets to show, and the format of the output.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate connections --user ann@example.com --sort -bytes\n  frontgate connections --watch\n  frontgate connections --json | jq '.websockets[] | select(.idle > 3600) | .id'"
)]
pub(super) struct ConnectionsArgs {
    #[command(flatten)]
    target: AdminTarget,
    #[command(flatten)]
    meant: ConnectionsMeant,
    /// As JSON, with all there is to say
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Keep looking, until q is pressed
    #[arg(long)]
    watch: bool,
}

/// Which WebSockets to show, and in which order.
#[derive(Debug, clap::Args)]
struct ConnectionsMeant {
    /// Only those of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only those of this client, an address
    #[arg(long, value_name = "ADDR")]
    client: Option<String>,
    /// Only those of this route, as the log names it
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// Only those at this gateway
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Only those that have this text somewhere
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// age, idle, bytes, messages, ping, or a field such as user; with a - in front the other way round [default: age]
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Those of all replicas, one replica after the other (see `cluster` in the configuration)
    #[arg(long)]
    cluster: bool,
}

pub(super) fn run(args: ConnectionsArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    if args.watch {
        return watch::connections(&client, args.meant.query());
    }
    let answer = runtime()?.block_on(all(&client, &args.meant.query()))?;
    print(if args.json { format!("{answer:#}\n") } else { table(&answer) })
}

impl ConnectionsMeant {
    /// The query for the admin listener.
    fn query(&self) -> String {
        let given = [
            ("user", &self.user),
            ("client", &self.client),
            ("route", &self.route),
            ("endpoint", &self.endpoint),
            ("search", &self.search),
            ("sort", &self.sort),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let given = given.map(|(name, value)| format!("{name}={}", encoded(value)));
        given.chain(self.cluster.then(|| "cluster=on".to_owned())).collect::<Vec<_>>().join("&")
    }
}

/// All pages as one. While they are asked for one after the other, a WebSocket that opens or ends may move another to a page
/// that was there already: it is shown once.
async fn all(client: &AdminClient, query: &str) -> Result<Value, CommandFailure> {
    let (mut websockets, mut total, mut offset) = (Vec::<Value>::new(), Value::Null, 0);
    let mut silent = Value::Null;
    let mut shown = std::collections::HashSet::new();
    loop {
        let said =
            client.ask(Method::GET, &format!("/connections?offset={offset}&limit={PAGE}&{query}")).await?.done()?;
        let mut page: Value = serde_json::from_str(&said).map_err(anyhow::Error::new)?;
        if total.is_null() {
            total = page["total"].take();
            silent = page["silent"].take();
        }
        let rows = page["websockets"].as_array_mut().map(std::mem::take).unwrap_or_default();
        websockets.extend(rows.into_iter().filter(|row| shown.insert(row["id"].to_string())));
        match page["next"].as_u64() {
            Some(next) if next > offset => offset = next,
            _ => return Ok(json!({ "total": total, "websockets": websockets, "silent": silent })),
        }
    }
}

/// WebSockets that are asked for at once.
const PAGE: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_asked_for() {
        let meant = ConnectionsMeant {
            user: Some("ann@example.com".to_owned()),
            client: None,
            route: Some("/a b".to_owned()),
            endpoint: None,
            search: None,
            sort: Some("-bytes".to_owned()),
            cluster: false,
        };
        assert_eq!(meant.query(), "user=ann%40example.com&route=%2Fa%20b&sort=-bytes");
        let all = ConnectionsMeant { cluster: true, ..meant };
        assert_eq!(all.query(), "user=ann%40example.com&route=%2Fa%20b&sort=-bytes&cluster=on");
    }
}
