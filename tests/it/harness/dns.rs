//! [`Dns`]: a DNS server of a test's own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype, Ttl};
use domain::rdata::{A, Aaaa, Srv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::within;

/// A DNS server, over UDP and TCP at one port of 127.0.0.1, that answers from what a test tells it; it ends when dropped.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    /// How many questions it was asked.
    asked: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

/// What one record says.
#[derive(Debug, Clone)]
enum Entry {
    Address(IpAddr),
    /// Priority, weight, port and target.
    Service(u16, u16, u16, String),
}

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    #[default]
    Good,
    /// SERVFAIL to all questions.
    Failing,
    /// SERVFAIL to questions for IPv6 addresses.
    FailingForV6,
    /// Nothing.
    Silent,
}

#[derive(Default)]
struct Zone {
    names: BTreeMap<String, (u32, Vec<Entry>)>,
    mood: Mood,
    /// Answers have room over TCP only.
    truncates: bool,
}

/// A server that has no name yet.
pub(crate) async fn dns() -> Dns {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // The same port may be taken over TCP.
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    let zone = Arc::<Mutex<Zone>>::default();
    let (count, asked) = watch::channel(0);
    let mut tasks = JoinSet::new();
    let own = Arc::clone(&zone);
    tasks.spawn(async move {
        let mut bytes = [0; 2048];
        loop {
            let (size, from) = udp.recv_from(&mut bytes).await.unwrap();
            let answer = own.lock().unwrap().answer(&bytes[..size], true);
            if let Some(answer) = answer {
                // A client that is gone does not want it.
                let _ = udp.send_to(&answer, from).await;
            }
            count.send_modify(|count| *count += 1);
        }
    });
    let own = Arc::clone(&zone);
    tasks.spawn(async move {
        loop {
            let (mut stream, _) = tcp.accept().await.unwrap();
            let Ok(size) = stream.read_u16().await else { continue };
            let mut bytes = vec![0; size.into()];
            if stream.read_exact(&mut bytes).await.is_err() {
                continue;
            }
            let answer = own.lock().unwrap().answer(&bytes, false);
            if let Some(answer) = answer {
                let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                let _ = stream.write_all(&[&length[..], &answer].concat()).await;
            }
        }
    });
    Dns { address, zone, asked, _tasks: tasks }
}

impl Dns {
    /// `name`, whole without a dot at its end, has these addresses from here on.
    pub(crate) fn addresses(&self, name: &str, ttl: u32, addresses: &[&str]) {
        let all = addresses.iter().map(|ip| Entry::Address(ip.parse().unwrap())).collect();
        self.zone.lock().unwrap().names.insert(name.to_owned(), (ttl, all));
    }

    /// `name` has these SRV records from here on: priority, weight, port and target of each.
    pub(crate) fn services(&self, name: &str, ttl: u32, records: &[(u16, u16, u16, &str)]) {
        let all = records
            .iter()
            .map(|(priority, weight, port, target)| Entry::Service(*priority, *weight, *port, (*target).to_owned()));
        self.zone.lock().unwrap().names.insert(name.to_owned(), (ttl, all.collect()));
    }

    /// There is no such name from here on.
    pub(crate) fn forget(&self, name: &str) {
        self.zone.lock().unwrap().names.remove(name);
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.zone.lock().unwrap().mood = mood;
    }

    /// Answers have room over TCP only.
    pub(crate) fn truncates(&self) {
        self.zone.lock().unwrap().truncates = true;
    }

    /// Waits until it was asked so many questions more.
    pub(crate) async fn asked(&mut self, more: usize) {
        let until = *self.asked.borrow() + more;
        within("questions to the DNS", self.asked.wait_for(|count| *count >= until)).await.unwrap();
    }
}

impl Zone {
    fn answer(&self, question: &[u8], is_datagram: bool) -> Option<Vec<u8>> {
        let message = Message::from_slice(question).ok()?;
        let asked = message.sole_question().ok()?;
        let name = asked.qname().to_string().trim_end_matches('.').to_ascii_lowercase();
        let fails = match self.mood {
            Mood::Silent => return None,
            Mood::Good => false,
            Mood::Failing => true,
            Mood::FailingForV6 => asked.qtype() == Rtype::AAAA,
        };
        let start = |code| MessageBuilder::new_vec().start_answer(message, code).unwrap();
        if fails {
            return Some(start(Rcode::SERVFAIL).finish());
        }
        let Some((ttl, entries)) = self.names.get(&name) else { return Some(start(Rcode::NXDOMAIN).finish()) };
        let mut answer = start(Rcode::NOERROR);
        if self.truncates && is_datagram {
            answer.header_mut().set_tc(true);
            return Some(answer.finish());
        }
        let (owner, ttl) = (asked.qname(), Ttl::from_secs(*ttl));
        for entry in entries {
            match (entry, asked.qtype()) {
                (Entry::Address(IpAddr::V4(ip)), Rtype::A) => {
                    answer.push((owner, Class::IN, ttl, A::new(*ip))).unwrap();
                }
                (Entry::Address(IpAddr::V6(ip)), Rtype::AAAA) => {
                    answer.push((owner, Class::IN, ttl, Aaaa::new(*ip))).unwrap();
                }
                (Entry::Service(priority, weight, port, target), Rtype::SRV) => {
                    let target: Name<Vec<u8>> = format!("{target}.").parse().unwrap();
                    answer.push((owner, Class::IN, ttl, Srv::new(*priority, *weight, *port, target))).unwrap();
                }
                _ => {}
            }
        }
        Some(answer.finish())
    }
}
