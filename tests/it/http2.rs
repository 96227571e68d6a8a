//! HTTP/2: what a client that reads, writes or asks strangely gets, and what it costs.

mod early;
mod heads;
mod slow;

use crate::harness::{Frame2, Raw2};

/// The fields of a request.
fn fields<'a>(method: &'a str, path: &'a str) -> Vec<(&'a [u8], &'a [u8])> {
    vec![
        (b":method", method.as_bytes()),
        (b":scheme", b"https"),
        (b":authority", b"localhost"),
        (b":path", path.as_bytes()),
    ]
}

/// What came on one stream, to its end.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    status: Option<u16>,
    bytes: u32,
    /// The code that it was reset with.
    reset: Option<u32>,
}

impl Raw2 {
    /// What comes on `stream`, to its end, however much else comes. The client reads as fast as it can.
    async fn whole(&mut self, stream: u32) -> Came {
        let mut came = Came { status: None, bytes: 0, reset: None };
        loop {
            match self.frame().await {
                Frame2::Head { stream: of, status, ends } if of == stream => {
                    came.status = Some(status);
                    if ends {
                        return came;
                    }
                }
                Frame2::Data { stream: of, length, ends } => {
                    if length > 0 {
                        self.widen(0, length).await;
                    }
                    if of == stream {
                        came.bytes += length;
                        if ends {
                            return came;
                        }
                        if length > 0 {
                            self.widen(stream, length).await;
                        }
                    }
                }
                Frame2::Reset { stream: of, code } if of == stream => {
                    came.reset = Some(code);
                    return came;
                }
                Frame2::GoAway { code } => panic!("the connection was ended: {code}"),
                _ => {}
            }
        }
    }

    /// Everything that came before the answer to a ping.
    async fn before_pong(&mut self) -> Vec<Frame2> {
        self.ping().await;
        let mut before = Vec::new();
        loop {
            match self.frame().await {
                Frame2::Pong => return before,
                frame => before.push(frame),
            }
        }
    }
}
