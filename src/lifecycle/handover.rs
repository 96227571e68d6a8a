//! The channel of a handover: a unix stream that a successor finds as its standard input. First come the listening
//! sockets, then each side says one word: the successor `ready` and its process id, the predecessor `go`. Before that a
//! successor asks for the configuration that is in use, if the predecessor is a version that can answer.

use std::io::{self, BufRead as _, BufReader, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

use super::InUse;
use crate::listener::InheritedSockets;

/// In a successor's environment: where its channel is. Standard input is the one descriptor that a child can be given
/// without unsafe code.
pub(super) const VARIABLE: (&str, &str) = ("LISTEN_HANDOVER", "stdin");

/// In a successor's environment: the process id of a predecessor that tells its configuration. The variable may be left
/// over from an earlier handover, with another process id.
pub(super) const TELLS: &str = "LISTEN_HANDOVER_CONFIG";

/// The successor's question for the configuration.
pub(super) const ASK: &str = "config\n";

/// The answer to [`ASK`]: a line with the length in bytes, and the text.
pub(super) fn told(in_use: Option<&InUse>) -> Vec<u8> {
    let text = in_use.map_or("", |InUse(text)| text);
    format!("config {}\n{text}", text.len()).into_bytes()
}

/// Receives the answer that [`told`] makes.
pub(super) fn receive_told(channel: impl Read) -> io::Result<InUse> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut channel = BufReader::new(channel);
    let mut line = String::new();
    channel.by_ref().take(32).read_line(&mut line)?;
    let length =
        line.strip_prefix("config ").and_then(|line| line.strip_suffix('\n')).and_then(|line| line.parse().ok());
    let length: usize = length.filter(|length| *length <= LONGEST_TEXT).ok_or_else(invalid)?;
    let mut text = vec![0; length];
    channel.read_exact(&mut text)?;
    String::from_utf8(text).map(InUse).map_err(|_| invalid())
}

/// The predecessor's word when it stops accepting clients.
pub(super) const GO: &str = "go\n";

/// The successor's word when it serves.
pub(super) fn ready(pid: u32) -> String {
    format!("ready {pid}\n")
}

/// The process id in a successor's `ready`; `None` if the text is something else.
pub(super) fn read_ready(text: &str) -> Option<u32> {
    text.strip_prefix("ready ")?.strip_suffix('\n')?.parse().ok()
}

/// Sends the sockets, each with its label: a line for each, and an empty one. All descriptors go with the first byte.
pub(super) fn send_sockets(mut channel: &UnixStream, sockets: &[(String, OwnedFd)]) -> io::Result<()> {
    let labels = sockets.iter().map(|(label, _)| label.as_str());
    let text = labels.chain(["\n"]).collect::<Vec<_>>().join("\n");
    let fds: Vec<BorrowedFd<'_>> = sockets.iter().map(|(_, fd)| fd.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if fds.len() > MOST || !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("more than {MOST} listeners")));
    }
    let sent = sendmsg(channel, &[IoSlice::new(text.as_bytes())], &mut ancillary, SendFlags::NOSIGNAL)?;
    channel.write_all(&text.as_bytes()[sent..])
}

/// Receives the sockets that [`send_sockets`] sends.
pub(super) fn receive_sockets(channel: &UnixStream) -> io::Result<InheritedSockets> {
    let (mut text, mut fds) = (Vec::new(), Vec::new());
    while !(text == b"\n" || text.ends_with(b"\n\n")) {
        let (mut chunk, mut space) = ([0; 4096], [MaybeUninit::uninit(); SPACE]);
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = recvmsg(channel, &mut [IoSliceMut::new(&mut chunk)], &mut ancillary, flags)?.bytes;
        if got == 0 || text.len() > LONGEST {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(&chunk[..got]);
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = message {
                fds.extend(sockets);
            }
        }
    }
    let text = String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData)?;
    let labels: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    if labels.len() != fds.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not one label for each socket"));
    }
    let mut inherited = InheritedSockets::default();
    for (label, fd) in labels.into_iter().zip(fds) {
        inherited.add_labelled(label, fd)?;
    }
    Ok(inherited)
}

/// The most descriptors of one message (`SCM_MAX_FD` of unix(7)).
const MOST: usize = 253;
const SPACE: usize = rustix::cmsg_space!(ScmRights(MOST));
/// Bytes; as large as a configuration file may be.
const LONGEST_TEXT: usize = 1 << 20;
/// Bytes of all labels. A unix socket's path has at most 108 bytes.
const LONGEST: usize = MOST * 120;

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::config::{BindAddr, ListenAt};
    use crate::listener::ListenerPurpose;

    #[tokio::test]
    async fn sockets_arrive_with_their_labels() {
        let (here, there) = UnixStream::pair().unwrap();
        let sockets: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses: Vec<_> = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
        let labels = ["https".to_owned(), addresses[1].to_string(), "admin".to_owned()];
        let sent: Vec<_> = labels.into_iter().zip(sockets.into_iter().map(OwnedFd::from)).collect();
        send_sockets(&here, &sent).unwrap();
        drop(sent);
        let mut got = receive_sockets(&there).unwrap();
        let mut take = |purpose, wanted: &[ListenAt]| {
            let taken = got.take(purpose, wanted).unwrap();
            taken.iter().map(|(_, listener)| listener.address().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(take(ListenerPurpose::Plain, &[BindAddr::Tcp(addresses[1]).into()]), [addresses[1]]);
        assert_eq!(take(ListenerPurpose::Https, &[]), [addresses[0]]);
        assert_eq!(take(ListenerPurpose::Admin, &[]), [addresses[2]]);
    }

    #[test]
    fn what_is_cut_short_or_does_not_fit_is_refused() {
        for (text, kind) in [
            ("https\n", ErrorKind::UnexpectedEof),
            ("https\n\n", ErrorKind::InvalidData),
            ("", ErrorKind::UnexpectedEof),
            ("\u{ff}\n\n", ErrorKind::InvalidData),
        ] {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(text.as_bytes()).unwrap();
            drop(here);
            assert_eq!(receive_sockets(&there).err().map(|error| error.kind()), Some(kind), "{text:?}");
        }
    }

    #[test]
    fn the_configuration_in_use_arrives_whole_or_not_at_all() {
        for text in ["", "upstream: http://127.0.0.1:1\n", "# ä\n\nconfig 3\n"] {
            let sent = told(Some(&InUse(text.to_owned())));
            assert_eq!(receive_told(&sent[..]).unwrap(), InUse(text.to_owned()));
            let cut = receive_told(&sent[..sent.len() - 1]).map_err(|error| error.kind());
            assert!(text.is_empty() || cut.err() == Some(ErrorKind::UnexpectedEof));
        }
        assert_eq!(receive_told(&told(None)[..]).unwrap(), InUse(String::new()));
        for wrong in ["", "config", "config 1", "config x\n", "config 1048577\n", "go\n", "config 1\n\u{e4}"] {
            let kind = receive_told(wrong.as_bytes()).map_err(|error| error.kind()).err();
            assert_eq!(kind, Some(ErrorKind::InvalidData), "{wrong:?}");
        }
    }

    #[test]
    fn a_successor_says_its_process_id() {
        assert_eq!(read_ready(&ready(4711)), Some(4711));
        for text in ["", "ready", "ready 1", "ready x\n", "go\n"] {
            assert_eq!(read_ready(text), None, "{text:?}");
        }
    }
}
