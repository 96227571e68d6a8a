//! A session, and a client of rustls's buffered interface at the other end.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::task::Waker;

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::Tls;
use crate::tls::session::hello::PendingHello;
use crate::tls::session::tls_session::*;
use crate::tls::{Certificates, CheckedCert, TicketKeys, provider, server_config};

type Client = TlsStream<DuplexStream>;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// The server's end of the wire, which counts the writes.
struct Counted {
    io: DuplexStream,
    writes: Arc<AtomicUsize>,
}

/// A client and a session that have shaken hands over a wire that takes `room` bytes ahead.
async fn open(
    version: &'static SupportedProtocolVersion,
    room: usize,
) -> (Client, Box<TlsSession<Counted>>, Arc<BufferPool>, Arc<AtomicUsize>) {
    let source = CheckedCert::open(&Tls::default(), None, OffsetDateTime::now_utc()).unwrap();
    let server =
        server_config(&Tls::default(), Arc::new(Certificates::of(&source)), TicketKeys::fresh().unwrap(), None);
    let mut client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    client.dangerous().set_certificate_verifier(crate::tls::tests::blind());
    let (near, far) = duplex(room);
    let (buffers, writes) = (Arc::new(BufferPool::new()), Arc::new(AtomicUsize::new(0)));
    let near = Counted { io: near, writes: Arc::clone(&writes) };
    let serve = async {
        let hello = PendingHello::read(near, Arc::clone(&buffers)).await.unwrap();
        let mut session = hello.answer(server).await.unwrap();
        // The client waits for the last word of TLS 1.2, and reads that of TLS 1.3 only later.
        if version == &TLS12 {
            session.flush().await.unwrap();
        }
        session
    };
    let name = ServerName::try_from("localhost").unwrap();
    let (session, client) = tokio::join!(serve, TlsConnector::from(Arc::new(client)).connect(name, far));
    (client.unwrap(), session, buffers, writes)
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn text_passes_both_ways_whatever_the_sizes() {
    for version in VERSIONS {
        // The wire, the text, and what its reader asks for at once.
        for (room, length, at_once) in
            [(1 << 20, 3, 1), (1 << 20, 300_000, 70_000), (1 << 20, 300_000, 1000), (700, 50_000, 20_000), (1, 400, 7)]
        {
            let (client, session, buffers, _) = open(version, room).await;
            let text = text(length);
            let send = async |io: &mut (dyn AsyncWrite + Unpin)| {
                io.write_all(&text).await.unwrap();
                io.shutdown().await.unwrap();
            };
            let receive = async |io: &mut (dyn AsyncRead + Unpin)| {
                let (mut got, mut piece) = (Vec::new(), vec![0; at_once]);
                while let read @ 1.. = io.read(&mut piece).await.unwrap() {
                    got.extend_from_slice(&piece[..read]);
                }
                got
            };
            let (mut client_reads, mut client_writes) = tokio::io::split(client);
            let (mut reads, mut writes) = tokio::io::split(session);
            let ((), up, (), down) = tokio::join!(
                send(&mut client_writes),
                receive(&mut reads),
                send(&mut writes),
                receive(&mut client_reads)
            );
            assert!(up == text && down == text, "{version:?}: {length} bytes, {at_once} at once, over {room}");
            assert!(buffers.kept() <= 4, "{} buffers for one session", buffers.kept());
        }
    }
}

#[tokio::test]
async fn an_idle_session_holds_no_buffer() {
    let (mut client, mut session, buffers, _) = open(&TLS13, 1 << 20).await;
    let mut piece = vec![0; TEXT];
    for length in [10, 16_384, TEXT] {
        client.write_all(&text(length)).await.unwrap();
        client.flush().await.unwrap();
        session.read_exact(&mut piece[..length]).await.unwrap();
        session.write_all(&piece[..length]).await.unwrap();
        session.flush().await.unwrap();
        client.read_exact(&mut piece[..length]).await.unwrap();
    }
    client.write_all(b"and nothing after it").await.unwrap();
    client.flush().await.unwrap();
    session.read_exact(&mut piece[..20]).await.unwrap();
    assert!(futures_util::poll!(std::pin::pin!(session.read(&mut piece))).is_pending());
    assert!([&session.incoming, &session.outgoing, &session.text].iter().all(|chunk| chunk.holds() == 0));
    assert!(buffers.kept() > 0);
}

#[tokio::test]
async fn half_a_record_costs_what_it_has() {
    let (mut client, mut session, _, _) = open(&TLS13, 1000).await;
    let mut piece = vec![0; TEXT];
    // One record, of which the wire takes this much.
    client.write_all(&text(16_000)).await.unwrap();
    assert!(futures_util::poll!(std::pin::pin!(session.read(&mut piece))).is_pending());
    assert_eq!(session.incoming.holds(), 1000);
}

/// The reader has enough for now, like one with a blocked other side.
#[tokio::test]
async fn what_waits_behind_what_was_read_costs_what_it_has_once_it_is_settled() {
    for version in VERSIONS {
        let (mut client, mut session, _, _) = open(version, 1 << 20).await;
        // Five full records: three fit into a buffer, and a part of the fourth.
        client.write_all(&text(5 * 16 * 1024)).await.unwrap();
        client.flush().await.unwrap();
        let mut read = vec![0; TEXT];
        let mut length = 0;
        while length < TEXT {
            length += session.read(&mut read[length..]).await.unwrap();
        }
        assert_eq!(read, text(5 * 16 * 1024)[..TEXT]);
        let waiting = session.incoming.bytes().len() + session.text.bytes().len();
        session.settle();
        assert_eq!(session.incoming.holds() + session.text.holds(), waiting, "{version:?}");
        let mut rest = vec![0; 2 * 16 * 1024];
        session.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, text(5 * 16 * 1024)[TEXT..]);
    }
}

#[tokio::test]
async fn what_fits_into_a_buffer_is_one_write_and_many_pieces_are_one_record() {
    let (mut client, mut session, _, writes) = open(&TLS13, 1 << 20).await;
    let before = writes.load(Ordering::Relaxed);
    session.write_all(&text(TEXT)).await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed) - before, 1);
    client.read_exact(&mut vec![0; TEXT]).await.unwrap();
    let pieces = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cd")];
    assert_eq!(session.write_vectored(&pieces).await.unwrap(), 4);
    session.flush().await.unwrap();
    let mut read = [0; 100];
    assert_eq!(client.read(&mut read).await.unwrap(), 4);
    assert_eq!(&read[..4], b"abcd");
}

#[tokio::test]
async fn a_last_word_goes_out_with_the_end() {
    for version in VERSIONS {
        let (mut client, mut session, _, writes) = open(version, 1 << 20).await;
        let before = writes.load(Ordering::Relaxed);
        session.write_all(b"last ").await.unwrap();
        session.write_all(b"words").await.unwrap();
        session.shutdown().await.unwrap();
        assert_eq!(writes.load(Ordering::Relaxed) - before, 1);
        let mut said = Vec::new();
        client.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"last words");
    }
}

#[tokio::test]
async fn tickets_go_out_with_the_first_answer() {
    // Whether the client asks for something, and what was written when the session looks for more.
    for (asks, expected) in [(true, 0), (false, 1)] {
        let (mut client, mut session, _, writes) = open(&TLS13, 1 << 20).await;
        if asks {
            client.write_all(b"ask").await.unwrap();
            session.read_exact(&mut [0; 3]).await.unwrap();
        }
        let before = writes.load(Ordering::Relaxed);
        let mut rest = [0; 8];
        assert!(pin!(session.read(&mut rest)).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        session.flush().await.unwrap();
        assert_eq!(writes.load(Ordering::Relaxed) - before, expected, "asks: {asks}");
        session.write_all(b"answer").await.unwrap();
        session.flush().await.unwrap();
        assert_eq!(writes.load(Ordering::Relaxed) - before, expected + 1, "asks: {asks}");
        client.read_exact(&mut [0; 6]).await.unwrap();
        assert_eq!(client.get_ref().1.tls13_tickets_received(), 2);
    }
}

#[tokio::test]
async fn what_a_client_does_not_read_is_not_taken() {
    let (_client, mut session, _, _) = open(&TLS13, 1000).await;
    let long = text(TEXT);
    let mut taken = 0;
    while let Poll::Ready(written) = futures_util::poll!(std::pin::pin!(session.write(&long))) {
        taken += written.unwrap();
    }
    assert_eq!(taken, TEXT, "one buffer, and then no more");
}

#[tokio::test]
async fn keys_are_changed_when_the_client_asks() {
    let (mut client, mut session, _, _) = open(&TLS13, 1 << 20).await;
    let mut piece = [0; 5];
    for _ in 0..3 {
        client.get_mut().1.refresh_traffic_keys().unwrap();
        client.write_all(b"first").await.unwrap();
        client.flush().await.unwrap();
        session.read_exact(&mut piece).await.unwrap();
        session.write_all(b"other").await.unwrap();
        session.flush().await.unwrap();
        client.read_exact(&mut piece).await.unwrap();
        assert_eq!(&piece, b"other");
    }
}

#[tokio::test]
async fn an_end_that_was_not_announced_is_an_error() {
    for version in VERSIONS {
        let (mut client, mut session, _, _) = open(version, 1 << 20).await;
        client.write_all(b"last words").await.unwrap();
        client.shutdown().await.unwrap();
        let mut said = Vec::new();
        session.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"last words");
        session.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "our own end is announced");
        let written = session.write(b"more").await.unwrap_err();
        assert_eq!(written.kind(), io::ErrorKind::BrokenPipe);

        let (client, mut session, _, _) = open(version, 1 << 20).await;
        drop(client);
        assert_eq!(session.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn a_record_that_does_not_decrypt_is_answered_with_an_alert() {
    for version in VERSIONS {
        let (mut client, mut session, _, _) = open(version, 1 << 20).await;
        let forged = [&[23, 3, 3, 0, 40][..], &[0; 40]].concat();
        client.get_mut().0.write_all(&forged).await.unwrap();
        assert_eq!(session.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        let told = client.read(&mut [0]).await.unwrap_err().to_string();
        assert!(told.contains("BadRecordMac"), "{told}");
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Readable for Counted {}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
