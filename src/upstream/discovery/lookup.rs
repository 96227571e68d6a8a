//! [`NameLookup`]: finds the gateways of a name as the system would.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::{Instant, sleep_until};

use super::dns_client::DnsClient;
use super::dns_message::{LookupFailure, ServiceRecord};
use super::found::{FoundHost, MOST, NameAnswer, UnknownFamilies, first_of_host, is_in_domain};
use super::hosts_file::addresses_in;
use super::search_list::names_to_ask;
use super::system_files::SystemFilesReader;
use crate::config::{GatewayName, NameRecords};

/// Finds the gateways of a name: by the servers of the configuration, or as the system would, with its hosts file, its servers and
/// its search domains.
pub(crate) struct NameLookup {
    servers: Vec<SocketAddr>,
    files: SystemFilesReader,
    /// The client that the last lookup asked with, and the resolv.conf that it was made of.
    made: Option<(Vec<u8>, DnsClient)>,
}

/// The addresses of one host.
struct HostAddresses {
    /// The first of them.
    all: Vec<IpAddr>,
    left_out: usize,
    unknown: UnknownFamilies,
    ttl: Duration,
}

impl NameLookup {
    /// One that asks these servers, or the system's if there are none.
    pub(crate) fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, files: SystemFilesReader::default(), made: None }
    }

    /// The gateways of `name`.
    ///
    /// # Errors
    /// Why none is known. A lookup may take long: give it a time.
    pub(crate) async fn find(&mut self, name: &GatewayName) -> Result<NameAnswer, LookupFailure> {
        let mut hosts_file = String::new();
        let mut resolv_conf = Vec::new();
        if self.servers.is_empty() {
            let unread = |error| LookupFailure::Failed(format!("the system's resolver settings: {error}"));
            let files = self.files.read().await.map_err(unread)?;
            (hosts_file, resolv_conf) = (files.hosts, files.resolv_conf);
        }
        let client = self.client(resolv_conf);
        let names = names_to_ask(&name.host, &client.search, client.ndots);
        match name.records {
            NameRecords::Addresses { port } => {
                let found = addresses(client, &hosts_file, &name.host, &names).await?;
                let HostAddresses { all: addresses, left_out, unknown, ttl } = found;
                let (target, is_in_domain, priority, weight) = (None, true, 0, 0);
                let host = FoundHost { target, is_in_domain, priority, weight, port, addresses, left_out, unknown };
                Ok(NameAnswer { hosts: vec![host], ttl })
            }
            NameRecords::Services => services(client, &hosts_file, &names).await,
        }
    }

    fn client(&mut self, resolv_conf: Vec<u8>) -> &DnsClient {
        let made = self.made.take().filter(|(of, _)| *of == resolv_conf);
        let (_, client) = self.made.insert(made.unwrap_or_else(|| {
            let client = match &self.servers[..] {
                [] => DnsClient::of_system(&resolv_conf),
                servers => DnsClient::asking(servers),
            };
            (resolv_conf, client)
        }));
        client
    }
}

/// The hosts of the first of `names` that has SRV records.
async fn services(client: &DnsClient, hosts_file: &str, names: &[String]) -> Result<NameAnswer, LookupFailure> {
    let (found_at, (mut records, ttl)) =
        first_of(names, |name| async move { Ok((name, client.services(name).await?)) }).await?;
    // RFC 2782: the target "." says that there is no such service.
    records.retain(|record| !record.target.is_empty() && record.port > 0);
    records.sort_unstable();
    records.dedup_by(|one, other| (&one.target, one.port) == (&other.target, other.port));
    records.truncate(MOST);
    let looks = records.into_iter().map(|ServiceRecord { priority, target, port, weight }| async move {
        let found = addresses(client, hosts_file, &target, &[format!("{target}.")]).await;
        let (found, failure) = match found {
            Ok(found) => (found, None),
            Err(failure) => {
                let is_unknown = matches!(failure, LookupFailure::Failed(_));
                let unknown = UnknownFamilies { v4: is_unknown, v6: is_unknown };
                // Of a host that is not known nothing may be kept, and the others say how long they may.
                (HostAddresses { all: Vec::new(), left_out: 0, unknown, ttl: Duration::MAX }, Some(failure))
            }
        };
        let HostAddresses { all: addresses, left_out, unknown, ttl } = found;
        let is_in_domain = is_in_domain(&target, found_at);
        let target = Some(Arc::from(target));
        (FoundHost { target, is_in_domain, priority, weight, port, addresses, left_out, unknown }, ttl, failure)
    });
    let looked: Vec<_> = stream::iter(looks).buffered(TOGETHER).collect().await;
    if looked.iter().all(|(host, ..)| host.addresses.is_empty()) {
        let worst = looked.into_iter().filter_map(|(.., failure)| failure).max();
        return Err(worst.unwrap_or(LookupFailure::NoRecords).max(LookupFailure::NoRecords));
    }
    let ttl = looked.iter().map(|(_, ttl, _)| *ttl).min().unwrap_or(ttl).min(ttl);
    Ok(NameAnswer { hosts: looked.into_iter().map(|(host, ..)| host).collect(), ttl })
}

/// The addresses of `host` in the hosts file, else of the first of `names` that has any.
async fn addresses(
    client: &DnsClient,
    hosts_file: &str,
    host: &str,
    names: &[String],
) -> Result<HostAddresses, LookupFailure> {
    let listed = addresses_in(hosts_file, host);
    if !listed.is_empty() {
        let (all, left_out) = first_of_host(listed);
        let host = HostAddresses { all, left_out, unknown: UnknownFamilies::default(), ttl: HOSTS_FILE_TTL };
        return if host.all.is_empty() { Err(LookupFailure::NoRecords) } else { Ok(host) };
    }
    first_of(names, |name| both_families(client, name)).await
}

/// What the first of `names` has; else why there is nothing, where a lookup that failed counts more than a name that does not exist.
async fn first_of<'a, T, F>(names: &'a [String], ask: impl Fn(&'a str) -> F) -> Result<T, LookupFailure>
where
    F: Future<Output = Result<T, LookupFailure>>,
{
    let mut worst = LookupFailure::NoName;
    for name in names {
        match ask(name).await {
            Ok(found) => return Ok(found),
            Err(failure) => worst = worst.max(failure),
        }
    }
    Err(worst)
}

/// Asks for both families at once. Once one has addresses, the other gets a moment only: some servers drop questions for IPv6.
async fn both_families(client: &DnsClient, name: &str) -> Result<HostAddresses, LookupFailure> {
    let (mut v4, mut v6) = (pin!(client.addresses(name, false)), pin!(client.addresses(name, true)));
    let (mut of_v4, mut of_v6) = (None, None);
    let mut patience: Option<Instant> = None;
    while of_v4.is_none() || of_v6.is_none() {
        let found = tokio::select! {
            found = &mut v4, if of_v4.is_none() => of_v4.insert(found),
            found = &mut v6, if of_v6.is_none() => of_v6.insert(found),
            () = sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => break,
        };
        if found.is_ok() {
            patience = Some(Instant::now() + GRACE);
        }
    }
    joined(of_v4, of_v6)
}

/// What the answers for both families say together; `None` where there was none in time.
fn joined(v4: Option<FamilyAnswer>, v6: Option<FamilyAnswer>) -> Result<HostAddresses, LookupFailure> {
    let is_unknown = |answer: &Option<FamilyAnswer>| matches!(answer, None | Some(Err(LookupFailure::Failed(_))));
    let unknown = UnknownFamilies { v4: is_unknown(&v4), v6: is_unknown(&v6) };
    let (mut all, mut ttl, mut worst) = (Vec::new(), Duration::MAX, LookupFailure::NoName);
    for answer in [v4, v6].into_iter().flatten() {
        match answer {
            Ok((addresses, of_family)) => {
                ttl = ttl.min(of_family);
                all.extend(addresses);
                // There are records, even if none of them can be dialled.
                worst = worst.max(LookupFailure::NoRecords);
            }
            Err(failure) => worst = worst.max(failure),
        }
    }
    let (all, left_out) = first_of_host(all);
    if all.is_empty() { Err(worst) } else { Ok(HostAddresses { all, left_out, unknown, ttl }) }
}

type FamilyAnswer = Result<(Vec<IpAddr>, Duration), LookupFailure>;

/// A hosts file has no TTL; containers get theirs rewritten.
const HOSTS_FILE_TTL: Duration = Duration::from_secs(5);
/// What the slower family gets once the other has addresses.
const GRACE: Duration = Duration::from_secs(1);
/// Hosts of SRV records that are looked up at once.
const TOGETHER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_family_is_enough_and_a_failure_counts_more_than_an_absence() {
        let found = |ip: &str, ttl| Some(Ok((vec![ip.parse::<IpAddr>().unwrap()], Duration::from_secs(ttl))));
        let failed = || LookupFailure::Failed("SERVFAIL".to_owned());
        let no = |failure: LookupFailure| Some(Err(failure));
        for (v4, v6, expected) in [
            (found("10.0.0.4", 30), found("fd00::4", 20), Ok((2, 20, false, false))),
            (found("10.0.0.4", 30), no(LookupFailure::NoRecords), Ok((1, 30, false, false))),
            (found("10.0.0.4", 30), no(failed()), Ok((1, 30, false, true))),
            (None, found("fd00::4", 20), Ok((1, 20, true, false))),
            (found("0.0.0.0", 30), no(LookupFailure::NoName), Err(LookupFailure::NoRecords)),
            (no(LookupFailure::NoName), no(LookupFailure::NoName), Err(LookupFailure::NoName)),
            (no(LookupFailure::NoRecords), no(LookupFailure::NoName), Err(LookupFailure::NoRecords)),
            (no(LookupFailure::NoRecords), no(failed()), Err(failed())),
        ] {
            let said = format!("{v4:?} {v6:?}");
            let joined = joined(v4, v6);
            let seen = joined.map(|host| (host.all.len(), host.ttl.as_secs(), host.unknown.v4, host.unknown.v6));
            assert_eq!(seen, expected, "{said}");
        }
        let many = (0..4000u32).map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes())).collect();
        let host = joined(Some(Ok((many, HOSTS_FILE_TTL))), None).unwrap();
        assert_eq!((host.all.len(), host.left_out), (MOST, 4000 - MOST));
    }
}
