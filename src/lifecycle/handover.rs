//! The channel of a handover: a unix stream that a successor finds as its standard input. First come the listening sockets,
//! then each side says one word: the successor `ready` and its process id, the predecessor `go`.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

use crate::listener::Inherited;

/// In a successor's environment: where its channel is. Standard input is the one descriptor that a child can be given without
/// unsafe code.
pub(super) const VARIABLE: (&str, &str) = ("LISTEN_HANDOVER", "stdin");

/// The predecessor lets go.
pub(super) const GO: &str = "go\n";

/// The successor serves.
pub(super) fn ready(pid: u32) -> String {
    format!("ready {pid}\n")
}

/// The process id of a successor that says this; `None` if it says something else.
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

/// Receives what [`send_sockets`] sends.
pub(super) fn receive_sockets(channel: &UnixStream) -> io::Result<Inherited> {
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
    let mut inherited = Inherited::default();
    for (label, fd) in labels.into_iter().zip(fds) {
        inherited.add_labelled(label, fd)?;
    }
    Ok(inherited)
}

/// What one message can carry (`SCM_MAX_FD` of unix(7)).
const MOST: usize = 253;
const SPACE: usize = rustix::cmsg_space!(ScmRights(MOST));
/// A unix socket's path has at most 108 bytes.
const LONGEST: usize = MOST * 120;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BindAddr;
    use crate::listener::Purpose;

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
        let mut take = |purpose, wanted: &[BindAddr]| {
            let taken = got.take(purpose, wanted).unwrap();
            taken.iter().map(|(_, listener)| listener.address().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(take(Purpose::Plain, &[BindAddr::Tcp(addresses[1])]), [addresses[1]]);
        assert_eq!(take(Purpose::Https, &[]), [addresses[0]]);
        assert_eq!(take(Purpose::Admin, &[]), [addresses[2]]);
    }

    #[test]
    fn what_is_cut_short_or_does_not_fit_is_refused() {
        for text in ["https\n", "https\n\n", "", "\u{ff}\n\n"] {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(text.as_bytes()).unwrap();
            drop(here);
            assert!(receive_sockets(&there).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_successor_says_who_it_is() {
        assert_eq!(read_ready(&ready(4711)), Some(4711));
        for text in ["", "ready", "ready 1", "ready x\n", "go\n"] {
            assert_eq!(read_ready(text), None, "{text:?}");
        }
    }
}
