//! First messages that no handshake can begin with, and the alert that each gets.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::timeout;

use super::*;
use crate::config::Tls;
use crate::tls::{Certificates, CheckedCert, TicketKeys, server_config};

/// Alerts (RFC 8446 §6).
const UNEXPECTED_MESSAGE: u8 = 10;
const HANDSHAKE_FAILURE: u8 = 40;
const ILLEGAL_PARAMETER: u8 = 47;
const DECODE_ERROR: u8 = 50;
const PROTOCOL_VERSION: u8 = 70;
const NO_APPLICATION_PROTOCOL: u8 = 120;

const HANDSHAKE: u8 = 22;

/// A record of this type.
fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &u16::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat()
}

/// A handshake message of this type.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind][..], &length[1..], body].concat()
}

/// A message in records of at most 4 KiB.
fn records(message: &[u8]) -> Vec<u8> {
    message.chunks(4096).flat_map(|piece| record(HANDSHAKE, piece)).collect()
}

/// The parts of a `ClientHello` that rows change; the rest is that of a TLS 1.2 client.
struct Hello {
    suites: &'static [u8],
    compressions: &'static [u8],
    more_extensions: Vec<u8>,
}

const HELLO: Hello = Hello { suites: b"\xC0\x2B", compressions: b"\0", more_extensions: Vec::new() };

impl Hello {
    fn body(&self) -> Vec<u8> {
        // X25519, ECDSA with SHA-256, points, the extended master secret (RFC 8422 §5.1, RFC 5246 §7.4.1.4.1, RFC 7627).
        let groups = b"\0\x0A\0\x04\0\x02\0\x1D".as_slice();
        let extensions =
            [groups, b"\0\x0D\0\x04\0\x02\x04\x03", b"\0\x0B\0\x02\x01\0", b"\0\x17\0\0", &self.more_extensions]
                .concat();
        let length = |of: &[u8]| u16::try_from(of.len()).unwrap().to_be_bytes();
        let compressions = [u8::try_from(self.compressions.len()).unwrap()];
        [
            &[3, 3][..],
            &[7; 32],
            &[0],
            &length(self.suites),
            self.suites,
            &compressions,
            self.compressions,
            &length(&extensions),
            &extensions,
        ]
        .concat()
    }

    fn records(&self) -> Vec<u8> {
        records(&message(1, &self.body()))
    }
}

/// An extension of this type.
fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &u16::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
}

/// What the server answers to `sent`, and its error.
async fn answer(sent: &[u8], at_once: usize) -> (Vec<u8>, String) {
    let source = CheckedCert::open(&Tls::default(), None, OffsetDateTime::now_utc()).unwrap();
    let server =
        server_config(&Tls::default(), Arc::new(Certificates::of(&source)), TicketKeys::fresh().unwrap(), None);
    let (mut client, io) = duplex(1 << 20);
    let serve = async {
        let hello = PendingHello::read(io, Arc::new(BufferPool::new())).await?;
        hello.answer(server).await.map(drop)
    };
    let client = async {
        for piece in sent.chunks(at_once) {
            client.write_all(piece).await.unwrap();
            client.flush().await.unwrap();
        }
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).await.unwrap();
        seen
    };
    let (served, seen) = tokio::join!(serve, client);
    (seen, served.expect_err("no handshake can succeed").to_string())
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_cannot_go_on_ends_with_the_alert_that_says_why() {
    let with = |more_extensions| Hello { more_extensions, ..HELLO }.records();
    let server_hello = [&[3, 3][..], &[7; 32], b"\0\xC0\x2B\0"].concat();
    let server_name = |name: &[u8]| {
        let entry = [&[0][..], &u16::try_from(name.len()).unwrap().to_be_bytes(), name].concat();
        extension(0, &[&u16::try_from(entry.len()).unwrap().to_be_bytes()[..], &entry].concat())
    };
    let padded = |length| with(extension(21, &vec![0; length]));
    let rows: Vec<(&str, Vec<u8>, u8)> = vec![
        ("a HelloRequest", records(&message(0, b"")), UNEXPECTED_MESSAGE),
        ("a ServerHello", records(&message(2, &server_hello)), UNEXPECTED_MESSAGE),
        ("a ServerHello without a body", records(&message(2, b"\0\0\0\0")), DECODE_ERROR),
        ("a Certificate", records(&message(11, b"\0\0\0")), UNEXPECTED_MESSAGE),
        ("a ClientKeyExchange", records(&message(16, &[0; 33])), UNEXPECTED_MESSAGE),
        ("a Finished", records(&message(20, &[0; 12])), UNEXPECTED_MESSAGE),
        ("a KeyUpdate", records(&message(24, b"\0")), UNEXPECTED_MESSAGE),
        ("a message without a meaning", records(&message(99, b"")), UNEXPECTED_MESSAGE),
        (
            "a hello with a message behind it",
            [HELLO.records(), records(&message(20, &[0; 12]))].concat(),
            UNEXPECTED_MESSAGE,
        ),
        (
            "half a hello, then data",
            [&record(HANDSHAKE, b"\x01\0\x01")[..], &record(23, b"hello")].concat(),
            UNEXPECTED_MESSAGE,
        ),
        (
            "half a hello, then a change of ciphers",
            [&record(HANDSHAKE, b"\x01\0\x01")[..], &record(20, b"\x01")].concat(),
            UNEXPECTED_MESSAGE,
        ),
        ("an empty hello", records(&message(1, b"")), DECODE_ERROR),
        ("a hello that is cut short inside", records(&message(1, b"\x03\x03\0\0\0")), DECODE_ERROR),
        (
            "a hello with bytes behind its extensions",
            records(&message(1, &[&HELLO.body()[..], b"x"].concat())),
            DECODE_ERROR,
        ),
        ("a hello of 17 KiB", padded(17 * 1024), DECODE_ERROR),
        ("a hello of 60 KiB", padded(60 * 1024), DECODE_ERROR),
        ("a hello of more than 64 KiB", records(&message(1, &[0; 80 * 1024])), DECODE_ERROR),
        ("a record of more than 2^14 + 2048 bytes", record(HANDSHAKE, &[1; 18_433]), DECODE_ERROR),
        ("a record of an unknown version", b"\x16\x05\0\0\x04\x01\0\0\0".to_vec(), DECODE_ERROR),
        ("no cipher suite in common", Hello { suites: b"\0\x2F", ..HELLO }.records(), HANDSHAKE_FAILURE),
        ("compression only", Hello { compressions: b"\x01", ..HELLO }.records(), ILLEGAL_PARAMETER),
        ("a server name of two hosts", with(server_name(b"a b")), ILLEGAL_PARAMETER),
        ("versions that are too old", with(extension(43, b"\x02\x03\x02")), PROTOCOL_VERSION),
        ("no protocol in common", with(extension(16, b"\0\x05\x04nope")), NO_APPLICATION_PROTOCOL),
    ];
    let mut wrong = Vec::new();
    for (what, sent, alert) in rows {
        for at_once in [usize::MAX, 1000, 1] {
            if at_once == 1 && sent.len() > 20_000 {
                continue;
            }
            let answer = timeout(Duration::from_mins(1), answer(&sent, at_once));
            let (seen, error) = answer.await.expect("the connection ends");
            let end = &seen[seen.len().saturating_sub(7)..];
            if end != [21, 3, 3, 0, 2, 2, alert] {
                wrong.push(format!("{what}, {at_once} at once: expected {alert}, seen {end:02x?} ({error})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_ends_itself_gets_no_alert() {
    for sent in [&b""[..], b"\x16\x03\x01", &record(HANDSHAKE, b"\x01\0\x01")] {
        let (mut client, io) = duplex(1024);
        client.write_all(sent).await.unwrap();
        client.shutdown().await.unwrap();
        let error = PendingHello::read(io, Arc::new(BufferPool::new())).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"");
    }
}
