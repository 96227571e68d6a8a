//! [`DnsClient`]: asks DNS servers for the records of one name at a time.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use resolv_conf::ScopedIp;
use tokio::time::timeout;

use super::dns_message::{DnsQuestion, LookupFailure, RecordData, RecordKind, Records, ServiceRecord};
use super::dns_socket::exchange;

/// Asks DNS servers for the records of one name at a time.
#[derive(Debug)]
pub(super) struct DnsClient {
    /// In the order in which they are asked, beginning with the one that answered last.
    servers: Vec<SocketAddr>,
    /// Its place in the list: a silent one before it costs each lookup its time.
    answered: AtomicUsize,
    /// How often all of them are asked.
    attempts: u32,
    /// How long each is waited for.
    patience: Duration,
    /// The domains in which a name is looked up.
    pub(super) search: Vec<String>,
    /// How many dots a name has that is first asked for as it is written.
    pub(super) ndots: usize,
}

impl DnsClient {
    /// One that asks these servers.
    pub(super) fn asking(servers: &[SocketAddr]) -> Self {
        let (answered, search) = (AtomicUsize::default(), Vec::new());
        Self { servers: servers.into(), answered, attempts: 2, patience: ONE_TRY, search, ndots: 1 }
    }

    /// One that asks as this resolv.conf(5) says; what it says wrong is left out. Without a server in it this machine's is asked.
    pub(super) fn of_system(resolv_conf: &[u8]) -> Self {
        let (parsed, _) = resolv_conf::Config::parse_with_errors(resolv_conf);
        let mut servers: Vec<SocketAddr> = parsed.nameservers.iter().map(server).take(MOST_SERVERS).collect();
        if servers.is_empty() {
            servers.push(([127, 0, 0, 1], PORT).into());
        }
        Self {
            servers,
            answered: AtomicUsize::default(),
            attempts: parsed.attempts.clamp(1, 3),
            patience: Duration::from_secs(parsed.timeout.into()).clamp(SHORTEST_TRY, ONE_TRY),
            search: parsed.get_last_search_or_domain().map(ToString::to_string).collect(),
            ndots: usize::try_from(parsed.ndots).unwrap_or(1),
        }
    }

    /// The addresses of a whole name, those of IPv6 or of IPv4, and how long they may be kept.
    pub(super) async fn addresses(&self, name: &str, v6: bool) -> Result<(Vec<IpAddr>, Duration), LookupFailure> {
        let Records { all, ttl } = self.query(name, if v6 { RecordKind::Aaaa } else { RecordKind::A }).await?;
        let address = |data| if let RecordData::Address(ip) = data { Some(ip) } else { None };
        Ok((all.into_iter().filter_map(address).collect(), ttl))
    }

    /// The SRV records of a whole name, and how long they may be kept.
    pub(super) async fn services(&self, name: &str) -> Result<(Vec<ServiceRecord>, Duration), LookupFailure> {
        let Records { all, ttl } = self.query(name, RecordKind::Srv).await?;
        let service = |data| if let RecordData::Service(record) = data { Some(record) } else { None };
        Ok((all.into_iter().filter_map(service).collect(), ttl))
    }

    /// Asks each server in turn, first the one that answered last, until one has an answer that says something.
    async fn query(&self, name: &str, kind: RecordKind) -> Result<Records, LookupFailure> {
        let mut failure = LookupFailure::Failed("there is no DNS server to ask".to_owned());
        let (first, count) = (self.answered.load(Ordering::Relaxed), self.servers.len());
        for turn in (0..self.attempts).flat_map(|_| 0..count) {
            let at = (first + turn) % count;
            let server = &self.servers[at];
            let mut id = [0; 2];
            aws_lc_rs::rand::fill(&mut id).map_err(|_| LookupFailure::Failed("no random number".to_owned()))?;
            let question = DnsQuestion::new(name, kind, u16::from_ne_bytes(id)).ok_or(LookupFailure::NoName)?;
            failure = match timeout(self.patience, exchange(*server, &question)).await {
                Ok(Ok(Err(failure @ LookupFailure::Failed(_)))) => failure,
                Ok(Ok(answer)) => {
                    self.answered.store(at, Ordering::Relaxed);
                    return answer;
                }
                Ok(Err(error)) => LookupFailure::Failed(format!("the DNS server {server}: {error}")),
                Err(_) => LookupFailure::Failed(format!("the DNS server {server} does not answer")),
            };
        }
        Err(failure)
    }
}

fn server(ip: &ScopedIp) -> SocketAddr {
    match ip {
        ScopedIp::V4(ip) => (*ip, PORT).into(),
        ScopedIp::V6(ip, scope) => {
            let scope = scope.as_deref().map(|link| link.parse().unwrap_or_else(|_| index_of(link)));
            SocketAddrV6::new(*ip, PORT, 0, scope.unwrap_or_default()).into()
        }
    }
}

/// The number of a link; 0 of one that is not there.
fn index_of(link: &str) -> u32 {
    let links = if_addrs::get_if_addrs().unwrap_or_default();
    links.into_iter().find(|one| one.name == link).and_then(|one| one.index).unwrap_or_default()
}

/// RFC 1035 §4.2.
const PORT: u16 = 53;
/// As many as a resolver of the C library asks.
const MOST_SERVERS: usize = 3;
/// Of all servers that are asked for one name, one that is silent must leave time for the others.
const ONE_TRY: Duration = Duration::from_secs(2);
const SHORTEST_TRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::net::UdpSocket;

    use super::*;

    #[test]
    fn the_system_is_asked_as_its_settings_say() {
        let of = |text: &str| DnsClient::of_system(text.as_bytes());
        let settings = |text: &str| {
            let DnsClient { servers, attempts, patience, search, ndots, .. } = of(text);
            (servers, attempts, patience, search, ndots)
        };
        let usual = (vec!["127.0.0.1:53".parse().unwrap()], 2, ONE_TRY, Vec::new(), 1);
        assert_eq!(settings(""), usual);
        assert_eq!(settings("nonsense\noptions rotate what-is-this\n"), usual);
        let kubernetes = "search team.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5 timeout:1 attempts:9\n";
        let search = ["team.svc.cluster.local", "svc.cluster.local"].map(ToOwned::to_owned).into();
        let servers = vec!["10.96.0.10:53".parse().unwrap()];
        assert_eq!(settings(kubernetes), (servers, 3, SHORTEST_TRY, search, 5));
        let four =
            of("nameserver 10.0.0.1\nnameserver fd00::1\nnameserver 10.0.0.3\nnameserver 10.0.0.4\ndomain lan\n");
        assert_eq!(four.servers, ["10.0.0.1:53", "[fd00::1]:53", "10.0.0.3:53"].map(|text| text.parse().unwrap()));
        assert_eq!(four.search, ["lan"]);
        let link = of("nameserver fe80::1%7\n");
        assert_eq!(link.servers, [SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0, 7).into()]);
    }

    /// A server that answers everything with this code, and how often it was asked.
    #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
    async fn server(code: u8) -> (SocketAddr, Arc<AtomicUsize>) {
        let (socket, asked) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), Arc::<AtomicUsize>::default());
        let (address, count) = (socket.local_addr().unwrap(), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut bytes = [0; 512];
            while let Ok((size, from)) = socket.recv_from(&mut bytes).await {
                count.fetch_add(1, Ordering::Relaxed);
                bytes[2] |= 0x80;
                bytes[3] |= code;
                socket.send_to(&bytes[..size], from).await.unwrap();
            }
        });
        (address, asked)
    }

    #[tokio::test]
    async fn the_server_that_answered_last_is_asked_first() {
        const SERVFAIL: u8 = 2;
        const NXDOMAIN: u8 = 3;
        let ((broken, of_broken), (well, of_well)) = (server(SERVFAIL).await, server(NXDOMAIN).await);
        let client = DnsClient::asking(&[broken, well]);
        for lookups in 1..4 {
            assert_eq!(client.addresses("gw.", false).await, Err(LookupFailure::NoName));
            assert_eq!((of_broken.load(Ordering::Relaxed), of_well.load(Ordering::Relaxed)), (1, lookups));
        }
        let none = DnsClient::asking(&[]).addresses("gw.", false).await;
        assert_eq!(none, Err(LookupFailure::Failed("there is no DNS server to ask".to_owned())));
    }
}
