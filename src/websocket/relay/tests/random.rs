//! Whatever comes, and however it is split: what goes out is what came in, with whole frames of ours between its
//! frames.

use proptest::prelude::*;
use tokio::io::{ReadHalf, WriteHalf, split};

use super::*;

/// Frames of one peer, and how they are sent: in pieces of these sizes, after these silences in seconds.
#[derive(Debug, Clone)]
struct Script {
    frames: Vec<(u8, usize)>,
    pieces: Vec<(usize, u64)>,
    read_size: usize,
}

fn messages() -> impl Strategy<Value = Vec<(u8, usize)>> {
    let size = || prop_oneof![0..10_usize, 100..140_usize, Just(65_536), 0..40_000_usize];
    let control = || prop_oneof![Just(PING), Just(PONG)].prop_flat_map(|first| (Just(first), 0..=125_usize));
    let single = || (prop_oneof![Just(TEXT), Just(BINARY), Just(0xC1_u8)], size()).prop_map(|frame| vec![frame]);
    let fragmented = (size(), control(), size(), size())
        .prop_map(|(a, control, b, c)| vec![(0x01, a), control, (0x00, b), (0x80, c)]);
    let message = prop_oneof![single(), control().prop_map(|frame| vec![frame]), fragmented];
    prop::collection::vec(message, 0..6).prop_map(|messages| messages.concat())
}

fn script() -> impl Strategy<Value = Script> {
    let piece = (prop_oneof![1..20_usize, 1..5000_usize, Just(100_000)], prop_oneof![4 => Just(0), 1 => 0..70_u64]);
    (messages(), prop::collection::vec(piece, 1..20), prop_oneof![1..64_usize, Just(8192)])
        .prop_map(|(frames, pieces, read_size)| Script { frames, pieces, read_size })
}

impl Script {
    fn bytes(&self, from: Side) -> Vec<u8> {
        let payload = |n: usize, len| (0..len).map(|at| u8::try_from((at * 7 + n) % 251).unwrap()).collect::<Vec<_>>();
        self.frames.iter().enumerate().flat_map(|(n, &(first, len))| frame(from, first, &payload(n, len))).collect()
    }

    async fn write(&self, from: Side, io: &mut WriteHalf<DuplexStream>) {
        let bytes = self.bytes(from);
        let mut rest = &bytes[..];
        // The first time round with silences, then without: the test need not take days.
        let without = self.pieces.iter().map(|&(size, _)| (size, 0)).cycle();
        for (size, silence) in self.pieces.iter().copied().chain(without) {
            if rest.is_empty() {
                return;
            }
            let (piece, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            io.write_all(piece).await.unwrap();
            sleep(secs(silence)).await;
        }
    }

    /// Reads all that comes until the Close that ends it.
    async fn read(&self, io: &mut ReadHalf<DuplexStream>) -> Vec<u8> {
        let mut got = Vec::new();
        let mut buffer = vec![0; self.read_size];
        loop {
            match io.read(&mut buffer).await.unwrap() {
                0 => return got,
                read => got.extend_from_slice(&buffer[..read]),
            }
        }
    }
}

/// Splits the bytes that `to` got into frames, and takes our pings out: they are whole, and stand between frames.
fn without_ours(to: Side, mut got: &[u8]) -> (Vec<u8>, u64) {
    let (mut theirs, mut pings) = (Vec::new(), 0);
    while !got.is_empty() {
        let head = FrameHead::parse(got).unwrap().expect("a whole header");
        assert_eq!(head.mask.is_some(), to == Side::Gateway);
        let size = head.size + usize::try_from(head.len).unwrap();
        // The peers' frames to the gateway all have the same mask, ours never do. Our frames to the client differ by
        // their length, which no ping of the scripts has there.
        let ours = got[0] == PING && if to == Side::Gateway { head.mask != Some(KEY) } else { head.len == 8 };
        if ours {
            pings += 1;
        } else {
            theirs.extend_from_slice(&got[..size]);
        }
        got = &got[size..];
    }
    (theirs, pings)
}

async fn play(room: usize, up: &Script, down: &Script) {
    let mut link = setup().room(room).with(|settings| settings.silence.pong_timeout = None).open();
    let (mut from_client, mut to_client) = split(std::mem::replace(&mut link.client.io, duplex(1).0));
    let (mut from_gateway, mut to_gateway) = split(std::mem::replace(&mut link.gateway.io, duplex(1).0));
    let close = |side| frame(side, CLOSE, &close(1000, "done"));
    let both = async {
        let writing = async {
            tokio::join!(up.write(Side::Client, &mut to_client), down.write(Side::Gateway, &mut to_gateway));
            to_client.write_all(&close(Side::Client)).await.unwrap();
            to_gateway.write_all(&close(Side::Gateway)).await.unwrap();
        };
        let ((), got_down, got_up) = tokio::join!(writing, down.read(&mut from_client), up.read(&mut from_gateway));
        (got_up, got_down)
    };
    let (got_up, got_down) = timeout(LONGEST_WAIT * 10, both).await.expect("it comes to an end");
    let summary = link.summary().await;
    assert!(summary.clean);
    let (up_frames, pings_up) = without_ours(Side::Gateway, &got_up);
    let (down_frames, pings_down) = without_ours(Side::Client, &got_down);
    assert!(up_frames == [up.bytes(Side::Client), close(Side::Client)].concat(), "what went up is not what came");
    assert!(down_frames == [down.bytes(Side::Gateway), close(Side::Gateway)].concat(), "nor what went down");
    assert_eq!((summary.gateway.pings.sent(), summary.client.pings.sent()), (pings_up, pings_down));
    assert_eq!(summary.client.sent.bytes, up_frames.len() as u64);
    assert_eq!(summary.gateway.sent.frames, down.frames.len() as u64 + 1);
    assert!(link.buffers.kept() <= 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_out_is_what_went_in_and_our_pings(
        room in prop_oneof![1..64_usize, 64..5000_usize, Just(65_536)],
        up in script(),
        down in script().prop_filter("a ping like ours", |down| !down.frames.contains(&(PING, 8))),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(room, &up, &down));
    }
}
