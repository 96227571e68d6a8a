//! [`Wire`]: one end of a connection, and the bytes that came over it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::message::{Message, Part};
use super::within;

/// One end of a connection: a client's or a gateway's.
pub(crate) struct Wire {
    io: Box<dyn Io>,
    /// What was read and not yet taken.
    ahead: Vec<u8>,
    end: Option<End>,
}

/// How the other side ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With a FIN, and with TLS's `close_notify` where there is TLS.
    Clean,
    /// Cut: a reset, or TLS without `close_notify`.
    Cut,
}

/// What a wire runs over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Wire {
    pub(crate) fn new(io: impl Io + 'static) -> Self {
        Self { io: Box::new(io), ahead: Vec::new(), end: None }
    }

    /// Sends these bytes.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    /// Sends these bytes to a peer that may not take them all.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("bytes to be taken", async {
            self.io.write_all(bytes.as_ref()).await?;
            self.io.flush().await
        })
        .await
    }

    /// Ends this side only.
    pub(crate) async fn finish(&mut self) {
        within("the end to be sent", self.io.shutdown()).await.unwrap();
    }

    /// The next answer; 1xx answers count as one each.
    pub(crate) async fn response(&mut self) -> Message {
        self.next_response().await.expect("an answer, not the end")
    }

    /// The next answer; `None` if the connection ended before it.
    pub(crate) async fn next_response(&mut self) -> Option<Message> {
        self.message(&Part::Response { to_head: false }).await
    }

    /// The next answer, to a HEAD.
    pub(crate) async fn response_to_head(&mut self) -> Message {
        self.message(&Part::Response { to_head: true }).await.expect("an answer, not the end")
    }

    /// The next request; `None` if the connection ended before it.
    pub(crate) async fn next_request(&mut self) -> Option<Message> {
        self.message(&Part::Request).await
    }

    /// The next head, up to and with its empty line.
    pub(crate) async fn head(&mut self) -> String {
        String::from_utf8_lossy(&self.until(b"\r\n\r\n").await).into_owned()
    }

    /// Everything up to and with `mark`.
    pub(crate) async fn until(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.ahead.windows(mark.len()).position(|window| window == mark) {
                return self.take(at + mark.len());
            }
            assert!(self.more().await, "ended before {:?}: {:?}", lossy(mark), lossy(&self.ahead));
        }
    }

    /// Exactly this many bytes.
    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count {
            assert!(self.more().await, "ended {} bytes early", count - self.ahead.len());
        }
        self.take(count)
    }

    /// Exactly this many bytes; `None` if the connection ends before.
    pub(crate) async fn try_exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < count {
            if !self.more().await {
                return None;
            }
        }
        Some(self.take(count))
    }

    /// Whether something came, or the end, without waiting for it.
    pub(crate) async fn has_more(&mut self) -> bool {
        if self.ahead.is_empty() && self.end.is_none() {
            // One poll is enough to ask the kernel.
            let asked = tokio::time::timeout(std::time::Duration::ZERO, self.more());
            return asked.await.is_ok();
        }
        true
    }

    /// What came until the other side ended the connection, and how it did.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, End) {
        while self.more().await {}
        (std::mem::take(&mut self.ahead), self.end.expect("there is no more"))
    }

    /// Waits for the other side to end the connection, without another byte.
    pub(crate) async fn closed(&mut self) -> End {
        let (rest, end) = self.rest().await;
        assert!(rest.is_empty(), "expected the end, got {:?}", lossy(&rest));
        end
    }

    async fn message(&mut self, part: &Part) -> Option<Message> {
        loop {
            if let Some((message, used)) = Message::read(&self.ahead, part, self.end.is_some()) {
                self.take(used);
                return Some(message);
            }
            if !self.more().await && self.ahead.is_empty() {
                return None;
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.ahead.split_off(count);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Reads on; `false` at the end.
    async fn more(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        match within("bytes", self.io.read_buf(&mut self.ahead)).await {
            Ok(0) => self.end = Some(End::Clean),
            Ok(_) => return true,
            Err(_) => self.end = Some(End::Cut),
        }
        false
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
