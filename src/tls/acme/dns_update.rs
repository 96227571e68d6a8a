//! [`update()`]: one signed update of a zone (RFC 2136, RFC 8945), over TCP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dns_key::TsigKey;

/// A TXT record of the zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextRecord<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// What happens to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordChange {
    Add,
    Remove,
}

/// Why the zone was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DnsUpdateError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it did not answer within {0:?}")]
    Silent(Duration),
    #[error("`{0}` is no name of the DNS")]
    Name(String),
    #[error("its answer is no answer to the update")]
    Nonsense,
    #[error("it refuses the update: {}", code_words(*.0))]
    Refused(u8),
}

/// Changes the record in the zone at the server.
pub(super) async fn update(
    server: SocketAddr,
    zone: &str,
    record: TextRecord<'_>,
    change: RecordChange,
    key: &TsigKey,
) -> Result<(), DnsUpdateError> {
    let id = fastrand::u16(..);
    let now = OffsetDateTime::now_utc().unix_timestamp().cast_unsigned();
    let message = signed(unsigned(id, zone, record, change)?, id, key, now)?;
    let asked = timeout(PATIENCE, ask(server, &message)).await;
    let answer = asked.map_err(|_| DnsUpdateError::Silent(PATIENCE))??;
    match answer.get(..4) {
        // An answer (QR) to an update (opcode 5).
        Some([high, low, flags, code]) if [*high, *low] == id.to_be_bytes() && flags & 0xf8 == 0xa8 => {
            match code & 15 {
                0 => Ok(()),
                code => Err(DnsUpdateError::Refused(code)),
            }
        }
        _ => Err(DnsUpdateError::Nonsense),
    }
}

/// Sends the message and reads the answer, each behind its length (RFC 1035 §4.2.2).
async fn ask(server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "the ACME client asks the zone's name server, too")]
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// The update without its signature (RFC 2136 §2).
fn unsigned(id: u16, zone: &str, record: TextRecord<'_>, change: RecordChange) -> Result<Vec<u8>, DnsUpdateError> {
    let mut message = Vec::new();
    // Opcode 5; one zone, no prerequisite, one change, nothing more.
    for word in [id, 5 << 11, 1, 0, 1, 0] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message.extend(wire_name(zone)?);
    put(&mut message, &[SOA, IN]);
    message.extend(wire_name(record.name)?);
    let (class, ttl) = match change {
        RecordChange::Add => (IN, TTL),
        RecordChange::Remove => (NONE, 0),
    };
    put(&mut message, &[TXT, class]);
    message.extend_from_slice(&ttl.to_be_bytes());
    let text = record.value.as_bytes();
    let length = u8::try_from(text.len()).map_err(|_| DnsUpdateError::Name(record.value.to_owned()))?;
    put(&mut message, &[u16::from(length) + 1]);
    message.push(length);
    message.extend_from_slice(text);
    Ok(message)
}

/// The message with its signature behind it (RFC 8945 §4.2, §4.3).
fn signed(mut message: Vec<u8>, id: u16, key: &TsigKey, now: u64) -> Result<Vec<u8>, DnsUpdateError> {
    let (name, algorithm) = (wire_name(&key.name)?, wire_name(key.algorithm)?);
    let mut times = now.to_be_bytes()[2..].to_vec();
    put(&mut times, &[FUDGE]);
    let mut digested = [&message[..], &name].concat();
    put(&mut digested, &[ANY, 0, 0]);
    digested.extend_from_slice(&algorithm);
    digested.extend_from_slice(&times);
    // No error, and nothing else to say.
    put(&mut digested, &[0, 0]);
    let signature = hmac::sign(&key.key, &digested);
    let signature = signature.as_ref();

    let mut data = [&algorithm[..], &times].concat();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    put(&mut data, &[length(signature)]);
    data.extend_from_slice(signature);
    put(&mut data, &[id, 0, 0]);
    message.extend_from_slice(&name);
    put(&mut message, &[TSIG, ANY, 0, 0, length(&data)]);
    message.extend_from_slice(&data);
    // One record more.
    message[11] = 1;
    Ok(message)
}

/// The name in labels, in lower case (RFC 1035 §3.1).
fn wire_name(name: &str) -> Result<Vec<u8>, DnsUpdateError> {
    let wrong = || DnsUpdateError::Name(name.to_owned());
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length)).ok_or_else(wrong)?;
        wire.push(length);
        wire.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    wire.push(0);
    if wire.len() > 255 { Err(wrong()) } else { Ok(wire) }
}

fn put(message: &mut Vec<u8>, words: &[u16]) {
    message.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

/// What a code of an answer means (RFC 2136 §2.2, RFC 8945 §3).
fn code_words(code: u8) -> &'static str {
    match code {
        1 => "it does not understand it (FORMERR)",
        2 => "it failed (SERVFAIL)",
        4 => "it takes no updates (NOTIMP)",
        5 => "this key may not do that (REFUSED)",
        9 => "the key or its signature is wrong, or one of both clocks, or the server is not the zone's (NOTAUTH)",
        10 => "the name is not in the zone (NOTZONE)",
        _ => "with an unusual code",
    }
}

const SOA: u16 = 6;
const TXT: u16 = 16;
const TSIG: u16 = 250;
const IN: u16 = 1;
const NONE: u16 = 254;
const ANY: u16 = 255;
/// Seconds: the record is of use for a minute.
const TTL: u32 = 60;
/// How far the clocks of both may differ, in seconds, as RFC 8945 §10 recommends.
const FUDGE: u16 = 300;
const PATIENCE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: TextRecord<'_> = TextRecord { name: "_acme-challenge.GW.example.com", value: "proof" };

    #[test]
    fn an_update_is_as_rfc_2136_says() {
        let added = unsigned(0x1234, "example.com.", RECORD, RecordChange::Add).unwrap();
        let expected = [
            &b"\x12\x34\x28\0\0\x01\0\0\0\x01\0\0"[..],
            b"\x07example\x03com\0\0\x06\0\x01",
            b"\x0f_acme-challenge\x02gw\x07example\x03com\0\0\x10\0\x01\0\0\0\x3c\0\x06\x05proof",
        ];
        assert_eq!(added, expected.concat());
        let removed = unsigned(0x1234, "example.com", RECORD, RecordChange::Remove).unwrap();
        assert!(removed.ends_with(b"\0\x10\0\xfe\0\0\0\0\0\x06\x05proof"));
        for name in ["", "a..b", &"x".repeat(64), &format!("{}com", "abcdefg.".repeat(40))] {
            assert!(wire_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_update_is_signed_over_all_that_rfc_8945_names() {
        let secret = b"0123456789abcdef0123456789abcdef";
        let key = TsigKey {
            name: "acme".to_owned(),
            algorithm: "hmac-sha256",
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        };
        let message = unsigned(7, "example.com", RECORD, RecordChange::Add).unwrap();
        let whole = signed(message.clone(), 7, &key, 1_700_000_000).unwrap();
        assert_eq!(whole[10..12], [0, 1], "one additional record");
        assert_eq!(whole[12..message.len()], message[12..]);
        let name = b"\x04acme\0";
        let algorithm = b"\x0bhmac-sha256\0";
        let times = b"\0\0\x65\x53\xf1\0\x01\x2c";
        let digested = [&message[..], name, b"\0\xff\0\0\0\0", algorithm, times, b"\0\0\0\0"].concat();
        let signature = hmac::sign(&key.key, &digested);
        let head = b"\0\xfa\0\xff\0\0\0\0\0\x3d";
        let tsig = [&name[..], head, algorithm, times, b"\0\x20", signature.as_ref(), b"\0\x07\0\0\0\0"].concat();
        assert_eq!(whole[message.len()..], tsig);
    }
}
