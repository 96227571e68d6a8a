//! Questions to a DNS server and what its answers say: pure.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, ParsedName, Rtype};
use domain::rdata::{A, Aaaa, Cname, Srv};

/// A question for the records of one kind that a name has.
#[derive(Debug)]
pub struct DnsQuestion {
    kind: RecordKind,
    /// As it is sent.
    pub bytes: Vec<u8>,
}

/// A kind of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Hosts and ports of a service (RFC 2782).
    Srv,
}

/// What a name's records say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// What each says; never none.
    pub all: Vec<RecordData>,
    /// How long they may be kept: the least of their TTLs, and of those of the aliases that led to them.
    pub ttl: Duration,
}

/// What one record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordData {
    /// Of a host.
    Address(IpAddr),
    /// Of a service.
    Service(ServiceRecord),
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceRecord {
    /// Those with the lowest are to be asked first.
    pub priority: u16,
    /// Whole, without a dot at its end, in lower case; empty where there is no such service.
    pub target: String,
    /// Where the host listens.
    pub port: u16,
    /// Its share among those of one priority.
    pub weight: u16,
}

/// What a message from a server is.
#[derive(Debug, PartialEq, Eq)]
pub enum DnsAnswer {
    /// Not the answer to the question: another one's, or a forged one.
    NotIts,
    /// Only a part of the answer, which has no room in a datagram.
    Truncated,
    /// The answer.
    Whole(Result<Records, LookupFailure>),
}

/// Why there are no records, from the least to the most that it leaves open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum LookupFailure {
    /// NXDOMAIN.
    #[error("the DNS has no such name")]
    NoName,
    /// The name has records of other kinds, or the service has no host.
    #[error("the DNS has no address for it")]
    NoRecords,
    /// No answer, or one that says nothing.
    #[error("{0}")]
    Failed(String),
}

impl DnsQuestion {
    /// The question for the records of this kind that the whole `name` has; `id` must be hard to guess. `None` if there cannot be
    /// such a name.
    pub fn new(name: &str, kind: RecordKind, id: u16) -> Option<Self> {
        let name = Name::<Vec<u8>>::from_str(name).ok()?;
        let mut message = MessageBuilder::new_vec();
        message.header_mut().set_id(id);
        message.header_mut().set_rd(true);
        let mut message = message.question();
        message.push((&name, kind.rtype())).ok()?;
        let mut message = message.additional();
        message
            .opt(|options| {
                options.set_udp_payload_size(LARGEST_DATAGRAM);
                Ok(())
            })
            .ok()?;
        Some(Self { kind, bytes: message.finish() })
    }

    /// What `bytes` answer to it.
    pub fn answer(&self, bytes: &[u8]) -> DnsAnswer {
        let (Ok(asked), Ok(message)) = (Message::from_slice(&self.bytes), Message::from_octets(bytes)) else {
            return DnsAnswer::NotIts;
        };
        if !message.is_answer(asked) {
            return DnsAnswer::NotIts;
        }
        if message.header().tc() {
            return DnsAnswer::Truncated;
        }
        DnsAnswer::Whole(match message.header().rcode() {
            Rcode::NOERROR => self.records(&message),
            Rcode::NXDOMAIN => Err(LookupFailure::NoName),
            code => Err(LookupFailure::Failed(format!("the DNS server says {code}"))),
        })
    }

    fn records(&self, message: &Message<&[u8]>) -> Result<Records, LookupFailure> {
        let broken = || LookupFailure::Failed("the DNS server's answer is damaged".to_owned());
        let name = message.canonical_name().ok_or_else(broken)?;
        let (mut all, mut ttl) = (Vec::new(), u32::MAX);
        for record in message.answer().map_err(|_| broken())? {
            let record = record.map_err(|_| broken())?;
            let is_alias = record.rtype() == Rtype::CNAME && record.to_record::<Cname<_>>().is_ok();
            let is_wanted = record.rtype() == self.kind.rtype() && record.owner() == name;
            if is_alias || is_wanted {
                ttl = ttl.min(record.ttl().as_secs());
            }
            if !is_wanted {
                continue;
            }
            let data = match self.kind {
                RecordKind::A => record.to_record::<A>().ok().flatten().map(|record| address(record.data().addr())),
                RecordKind::Aaaa => {
                    record.to_record::<Aaaa>().ok().flatten().map(|record| address(record.data().addr()))
                }
                RecordKind::Srv => {
                    record.to_record::<Srv<ParsedName<&[u8]>>>().ok().flatten().map(|record| service(record.data()))
                }
            };
            all.push(data.ok_or_else(broken)?);
        }
        if all.is_empty() {
            return Err(LookupFailure::NoRecords);
        }
        Ok(Records { all, ttl: Duration::from_secs(ttl.into()) })
    }
}

impl RecordKind {
    fn rtype(self) -> Rtype {
        match self {
            Self::A => Rtype::A,
            Self::Aaaa => Rtype::AAAA,
            Self::Srv => Rtype::SRV,
        }
    }
}

fn address(ip: impl Into<IpAddr>) -> RecordData {
    RecordData::Address(ip.into())
}

fn service(record: &Srv<ParsedName<&[u8]>>) -> RecordData {
    RecordData::Service(ServiceRecord {
        priority: record.priority(),
        target: record.target().to_string().trim_end_matches('.').to_ascii_lowercase(),
        port: record.port(),
        weight: record.weight(),
    })
}

/// Bytes. A datagram that is not split on its way (DNS flag day 2020).
const LARGEST_DATAGRAM: u16 = 1232;

#[cfg(test)]
mod tests {
    use domain::base::Ttl;
    use domain::base::iana::Class;
    use domain::base::message_builder::AnswerBuilder;

    use super::*;

    fn name(text: &str) -> Name<Vec<u8>> {
        text.parse().unwrap()
    }

    fn answer(question: &DnsQuestion, code: Rcode, fill: impl FnOnce(&mut AnswerBuilder<Vec<u8>>)) -> Vec<u8> {
        let asked = Message::from_slice(&question.bytes).unwrap();
        let mut answer = MessageBuilder::new_vec().start_answer(asked, code).unwrap();
        fill(&mut answer);
        answer.finish()
    }

    type Entry<D> = (Name<Vec<u8>>, Class, Ttl, D);

    fn a(owner: &str, ttl: u32, last: u8) -> Entry<A> {
        (name(owner), Class::IN, Ttl::from_secs(ttl), A::from_octets(10, 0, 0, last))
    }

    fn alias(owner: &str, ttl: u32, to: &str) -> Entry<Cname<Name<Vec<u8>>>> {
        (name(owner), Class::IN, Ttl::from_secs(ttl), Cname::new(name(to)))
    }

    #[test]
    fn records_are_read_behind_aliases_with_the_least_ttl() {
        let question = DnsQuestion::new("GW.internal.", RecordKind::A, 7).unwrap();
        let bytes = answer(&question, Rcode::NOERROR, |answer| {
            answer.push(alias("gw.internal.", 20, "pods.internal.")).unwrap();
            answer.push(a("pods.internal.", 60, 4)).unwrap();
            answer.push(a("other.internal.", 1, 9)).unwrap();
            answer.push(a("Pods.internal.", 30, 5)).unwrap();
        });
        let expected = Records {
            all: [4, 5].map(|last| RecordData::Address([10, 0, 0, last].into())).into(),
            ttl: Duration::from_secs(20),
        };
        assert_eq!(question.answer(&bytes), DnsAnswer::Whole(Ok(expected)));
    }

    #[test]
    fn services_are_read() {
        let question = DnsQuestion::new("_gw._tcp.internal.", RecordKind::Srv, 7).unwrap();
        let bytes = answer(&question, Rcode::NOERROR, |answer| {
            let srv = Srv::new(10, 5, 18789, name("Gw1.Internal."));
            answer.push((name("_gw._tcp.internal."), Class::IN, Ttl::from_secs(9), srv)).unwrap();
        });
        let record = ServiceRecord { priority: 10, target: "gw1.internal".into(), port: 18789, weight: 5 };
        let expected = Records { all: vec![RecordData::Service(record)], ttl: Duration::from_secs(9) };
        assert_eq!(question.answer(&bytes), DnsAnswer::Whole(Ok(expected)));
    }

    #[test]
    fn what_says_nothing_is_told_from_what_is_not() {
        let question = DnsQuestion::new("gw.internal.", RecordKind::A, 7).unwrap();
        let failed = |text: &str| LookupFailure::Failed(text.to_owned());
        for (code, expected) in [
            (Rcode::NOERROR, LookupFailure::NoRecords),
            (Rcode::NXDOMAIN, LookupFailure::NoName),
            (Rcode::SERVFAIL, failed("the DNS server says SERVFAIL")),
            (Rcode::REFUSED, failed("the DNS server says REFUSED")),
        ] {
            assert_eq!(question.answer(&answer(&question, code, |_| {})), DnsAnswer::Whole(Err(expected)));
        }
        let mut truncated = answer(&question, Rcode::NOERROR, |answer| answer.push(a("gw.internal.", 1, 4)).unwrap());
        truncated[2] |= 2;
        assert_eq!(question.answer(&truncated), DnsAnswer::Truncated);
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let question = DnsQuestion::new("gw.internal.", RecordKind::A, 7).unwrap();
        let none = |bytes: &[u8]| assert_eq!(question.answer(bytes), DnsAnswer::NotIts);
        for (other, kind, id) in [
            ("gw.internal.", RecordKind::A, 8),
            ("gw.internal.", RecordKind::Aaaa, 7),
            ("gx.internal.", RecordKind::A, 7),
        ] {
            let other = DnsQuestion::new(other, kind, id).unwrap();
            none(&answer(&other, Rcode::NOERROR, |_| {}));
        }
        none(&question.bytes);
        none(&[]);
        none(&[0; 12]);
        assert!(DnsQuestion::new("a..b.", RecordKind::A, 7).is_none());
        assert!(DnsQuestion::new(&format!("{}.", "a".repeat(64)), RecordKind::A, 7).is_none());
    }

    #[test]
    fn damaged_answers_are_refused() {
        let question = DnsQuestion::new("gw.internal.", RecordKind::A, 7).unwrap();
        let good = answer(&question, Rcode::NOERROR, |answer| answer.push(a("gw.internal.", 1, 4)).unwrap());
        for cut in 0..good.len() {
            let answered = question.answer(&good[..cut]);
            assert!(!matches!(answered, DnsAnswer::Whole(Ok(_))), "{cut}: {answered:?}");
        }
        for place in 0..good.len() {
            for value in [0, 0xc0, 0xff] {
                let mut damaged = good.clone();
                damaged[place] = value;
                // It must end, whatever it says.
                question.answer(&damaged);
            }
        }
    }
}
