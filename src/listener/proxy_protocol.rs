//! The PROXY protocol's header (versions 1 and 2, the HAProxy specification `proxy-protocol.txt`), read from the first
//! bytes of a connection and not one byte further.

use std::io;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::ClientPeer;

/// Why a connection that must begin with a PROXY header does not.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ProxyHeaderError {
    #[error("the peer is in listen.proxy_protocol_from but sent no PROXY header")]
    Missing,
    #[error("the PROXY header is not valid")]
    Invalid,
    #[error("the PROXY header is longer than {MAX_V2} bytes")]
    TooLong,
    #[error("the connection ended within the PROXY header")]
    Io(#[from] io::Error),
}

/// Reads the header. `None`: the header names no address (`UNKNOWN`, `LOCAL`, `UNSPEC`, a unix socket). The connection
/// may be the proxy's own (a health check) or that of any client.
///
/// # Errors
/// If there is no header, or it is not one that we understand.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<ClientPeer>, ProxyHeaderError> {
    // Shorter than the shortest header of either version, so that nothing behind it is read.
    let mut header = vec![0; SHORTEST];
    stream.read_exact(&mut header).await?;
    if header == V2_SIGNATURE {
        read_v2(stream, &mut header).await?;
    } else if header.starts_with(b"PROXY ") {
        read_v1(stream, &mut header).await?;
    } else {
        return Err(ProxyHeaderError::Missing);
    }
    let (parsed, used) = ProxyHeader::parse(&header, ParseConfig::default()).map_err(|_| ProxyHeaderError::Invalid)?;
    if used != header.len() {
        return Err(ProxyHeaderError::Invalid);
    }
    Ok(parsed.proxied_address().map(|address| ClientPeer::tcp(address.source)))
}

async fn read_v2<S: AsyncRead + Unpin>(stream: &mut S, header: &mut Vec<u8>) -> Result<(), ProxyHeaderError> {
    let mut rest = [0; 4];
    stream.read_exact(&mut rest).await?;
    header.extend_from_slice(&rest);
    let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
    if header.len() + length > MAX_V2 {
        return Err(ProxyHeaderError::TooLong);
    }
    let start = header.len();
    header.resize(start + length, 0);
    stream.read_exact(&mut header[start..]).await?;
    Ok(())
}

async fn read_v1<S: AsyncRead + Unpin>(stream: &mut S, header: &mut Vec<u8>) -> Result<(), ProxyHeaderError> {
    while !header.ends_with(b"\r\n") {
        if header.len() == MAX_V1 {
            return Err(ProxyHeaderError::Invalid);
        }
        // Byte by byte: the line has no length, and the next byte may be the client's.
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

const SHORTEST: usize = 12;
const V2_SIGNATURE: [u8; SHORTEST] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included (section 2.1).
const MAX_V1: usize = 107;
/// Addresses and a few TLVs; a larger header is refused.
const MAX_V2: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_header_names_the_client_and_leaves_what_follows() {
        let v2 = |command: u8, family: u8, body: &[u8]| {
            let mut bytes = V2_SIGNATURE.to_vec();
            bytes.extend([0x20 | command, family]);
            bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
            bytes.extend(body);
            bytes
        };
        let ipv4 = [203, 0, 113, 7, 127, 0, 0, 1, 0x9c, 0x40, 0x20, 0xfb];
        let with_tlv = [&ipv4[..], &[0x04, 0, 2, 0, 0]].concat();
        let rows: &[(&str, Vec<u8>, Option<&str>)] = &[
            ("v1 IPv4", b"PROXY TCP4 203.0.113.7 127.0.0.1 40000 8443\r\n".to_vec(), Some("203.0.113.7:40000")),
            ("v1 IPv6", b"PROXY TCP6 2001:db8::7 ::1 40000 8443\r\n".to_vec(), Some("[2001:db8::7]:40000")),
            ("v1 unknown", b"PROXY UNKNOWN\r\n".to_vec(), None),
            ("v1 unknown with addresses", b"PROXY UNKNOWN 127.0.0.1 127.0.0.1 1 2\r\n".to_vec(), None),
            ("v2 IPv4", v2(1, 0x11, &ipv4), Some("203.0.113.7:40000")),
            ("v2 with a TLV", v2(1, 0x11, &with_tlv), Some("203.0.113.7:40000")),
            ("v2 local", v2(0, 0x00, &[]), None),
            ("v2 local with addresses", v2(0, 0x11, &ipv4), None),
            ("v2 unspecified", v2(1, 0x00, &[]), None),
            ("v2 unspecified with bytes", v2(1, 0x00, &ipv4), None),
            ("v2 unix", v2(1, 0x31, &[b'/'; 216]), None),
            ("v2 unix datagrams", v2(1, 0x32, &[0; 216]), None),
        ];
        for (name, header, expected) in rows {
            let wire = [header.as_slice(), b"GET /"].concat();
            let mut stream = wire.as_slice();
            let peer = read(&mut stream).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(peer, expected.map(|text| ClientPeer::tcp(text.parse().unwrap())), "{name}");
            assert_eq!(stream, b"GET /", "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let long_v1 = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200], b"\r\n"].concat();
        let long_v2 = [&V2_SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat();
        let rows: &[(&[u8], &str)] = &[
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "sent no PROXY header"),
            (b"PROXY TCP4 nonsense\r\n", "is not valid"),
            (b"PROXY TCP4 1.2.3.4", "ended within"),
            (&long_v1, "is not valid"),
            (&long_v2, "longer than"),
            (&[&V2_SIGNATURE[..], &[0x21, 0x41, 0, 0]].concat(), "is not valid"),
            (&[&V2_SIGNATURE[..], &[0x21, 0x11, 0, 4], &[127, 0, 0, 1]].concat(), "is not valid"),
            (&[&V2_SIGNATURE[..], &[0x21, 0x31, 0, 0]].concat(), "is not valid"),
            (&[&V2_SIGNATURE[..], &[0x22, 0x11, 0, 0]].concat(), "is not valid"),
            (&[&V2_SIGNATURE[..], &[0x11, 0x00, 0, 0]].concat(), "is not valid"),
            (b"", "ended within"),
        ];
        for (bytes, expected) in rows {
            let mut stream = *bytes;
            let error = read(&mut stream).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{:?}: {error}", String::from_utf8_lossy(bytes));
        }
    }
}
