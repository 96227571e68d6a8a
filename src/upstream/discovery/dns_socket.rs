//! [`exchange`]: one question to one DNS server and its answer, in a datagram, or over TCP where that has no room.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use super::super::connect::open;
use super::dns_message::{DnsAnswer, DnsQuestion, LookupFailure, Records};

/// What `server` answers. Datagrams that answer nothing that was asked are left alone. It may take for ever: give it a time.
///
/// # Errors
/// The server cannot be reached.
pub(super) async fn exchange(server: SocketAddr, question: &DnsQuestion) -> io::Result<Result<Records, LookupFailure>> {
    // A port of its own for each question: with the number in it a forged answer has 32 bits to guess.
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(&question.bytes).await?;
    let mut bytes = vec![0; LARGEST];
    loop {
        let size = socket.recv(&mut bytes).await?;
        match question.answer(&bytes[..size]) {
            DnsAnswer::NotIts => {}
            DnsAnswer::Whole(answer) => return Ok(answer),
            DnsAnswer::Truncated => return over_tcp(server, question).await,
        }
    }
}

/// RFC 7766: each message follows its length.
async fn over_tcp(server: SocketAddr, question: &DnsQuestion) -> io::Result<Result<Records, LookupFailure>> {
    let mut stream = open(server).await?;
    let length = u16::try_from(question.bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], &question.bytes].concat()).await?;
    let mut bytes = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut bytes).await?;
    match question.answer(&bytes) {
        DnsAnswer::Whole(answer) => Ok(answer),
        DnsAnswer::NotIts | DnsAnswer::Truncated => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "it is no answer to the question"))
        }
    }
}

/// Bytes. A server may send more than it was told to.
const LARGEST: usize = 4096;
