//! [`FrameCount`]: where the heads of requests, and the pieces of bodies, end in what a client sends over HTTP/2.

/// Follows the frames of a connection (RFC 9113 §4.1), and finds the ends of field blocks and of DATA frames. Their content is
/// not looked at.
#[derive(Debug)]
pub(super) struct FrameCount {
    /// The bytes of the next frame's header that have come.
    head: [u8; FRAME_HEAD],
    come: usize,
    /// How many bytes of the connection's preface (§3.4), or of a frame's payload, have not come.
    left: usize,
    /// What that payload ends.
    ends: FrameEnd,
}

/// What a connection may still read before other tasks have their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadTurn {
    /// How many field blocks.
    pub(super) heads: usize,
    /// How many DATA frames.
    pub(super) data: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameEnd {
    Other,
    Block,
    Data,
}

impl ReadTurn {
    /// Whether no byte may be read any more.
    pub(super) fn is_over(self) -> bool {
        self.heads == 0 || self.data == 0
    }
}

impl FrameCount {
    /// A count at the beginning of a connection.
    pub(super) fn new() -> Self {
        Self { head: [0; FRAME_HEAD], come: 0, left: PREFACE, ends: FrameEnd::Other }
    }

    /// How many of these bytes may pass in this turn, which is counted down. No byte may pass when it is over.
    pub(super) fn pass(&mut self, bytes: &[u8], turn: &mut ReadTurn) -> usize {
        let mut at = 0;
        while !turn.is_over() && at < bytes.len() {
            if self.left > 0 {
                let part = self.left.min(bytes.len() - at);
                self.left -= part;
                at += part;
            } else {
                let part = (FRAME_HEAD - self.come).min(bytes.len() - at);
                self.head[self.come..self.come + part].copy_from_slice(&bytes[at..at + part]);
                self.come += part;
                at += part;
                if self.come < FRAME_HEAD {
                    break;
                }
                self.come = 0;
                let [a, b, c, kind, flags, ..] = self.head;
                self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.ends = match kind {
                    HEADERS | CONTINUATION if flags & END_HEADERS != 0 => FrameEnd::Block,
                    DATA => FrameEnd::Data,
                    _ => FrameEnd::Other,
                };
            }
            if self.left == 0 && self.come == 0 {
                match std::mem::replace(&mut self.ends, FrameEnd::Other) {
                    FrameEnd::Other => {}
                    FrameEnd::Block => turn.heads -= 1,
                    FrameEnd::Data => turn.data -= 1,
                }
            }
        }
        at
    }
}

const PREFACE: usize = 24;
const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame's kind, its flags, and how long its payload is.
    type Sent = (u8, u8, u8);

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.extend(vec![0xff; length.into()]);
        frame
    }

    fn connection(frames: &[Sent]) -> Vec<u8> {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        preface
            .into_iter()
            .chain(frames.iter().flat_map(|(kind, flags, length)| frame(*kind, *flags, *length)))
            .collect()
    }

    #[test]
    fn a_connection_is_cut_behind_its_heads_wherever_its_bytes_are_cut() {
        let settings = (4, 0, 12);
        let rows: [(&[Sent], usize); 6] = [
            (&[settings, (0, 1, 200), (8, 0, 4)], 0),
            (&[settings, (HEADERS, END_HEADERS, 20), (0, 1, 9)], 1),
            (&[settings, (HEADERS, END_HEADERS | 1, 0), (HEADERS, END_HEADERS, 3)], 2),
            (&[(HEADERS, 1, 20), (CONTINUATION, 0, 30), (CONTINUATION, END_HEADERS, 7)], 1),
            (&[(HEADERS, 0, 20), (CONTINUATION, END_HEADERS, 0), (HEADERS, END_HEADERS, 1)], 2),
            // The same bit in the flags of another kind of frame does not end a block.
            (&[(0, END_HEADERS, 20), (6, END_HEADERS, 8)], 0),
        ];
        for (frames, expected) in rows {
            let bytes = connection(frames);
            for size in [1, 2, 9, 10, 1000] {
                let (mut count, mut ended, mut at) = (FrameCount::new(), 0, 0);
                let mut ends = Vec::new();
                while at < bytes.len() {
                    let chunk = &bytes[at..bytes.len().min(at + size)];
                    let mut turn = ReadTurn { heads: 1, data: usize::MAX };
                    let passed = count.pass(chunk, &mut turn);
                    assert!(passed > 0);
                    at += passed;
                    if turn.is_over() {
                        ended += 1;
                        ends.push(at);
                    } else {
                        assert_eq!(passed, chunk.len());
                    }
                }
                assert_eq!(ended, expected, "{frames:?} in pieces of {size}");
                // Behind the payload of the frame that ends a block, and nowhere else.
                let mut place = PREFACE;
                let wanted: Vec<_> = frames
                    .iter()
                    .filter_map(|(kind, flags, length)| {
                        place += FRAME_HEAD + usize::from(*length);
                        (matches!(*kind, HEADERS | CONTINUATION) && flags & END_HEADERS != 0).then_some(place)
                    })
                    .collect();
                assert_eq!(ends, wanted, "{frames:?} in pieces of {size}");
            }
        }
        assert_eq!(FrameCount::new().pass(b"PRI", &mut ReadTurn { heads: 0, data: 1 }), 0);
        assert_eq!(FrameCount::new().pass(b"PRI", &mut ReadTurn { heads: 1, data: 0 }), 0);
    }

    #[test]
    fn a_turn_is_over_behind_its_last_data_frame_however_short_those_are() {
        let frames: Vec<Sent> = (0..10).map(|number| (DATA, 0, number % 3)).collect();
        let bytes = connection(&frames);
        let mut turn = ReadTurn { heads: 1, data: 4 };
        let mut count = FrameCount::new();
        let passed = count.pass(&bytes, &mut turn);
        assert_eq!((passed, turn), (PREFACE + 4 * FRAME_HEAD + 3, ReadTurn { heads: 1, data: 0 }));
        let mut turn = ReadTurn { heads: 1, data: 7 };
        assert_eq!(count.pass(&bytes[passed..], &mut turn), bytes.len() - passed);
        assert_eq!(turn.data, 1);
    }
}
