//! Peers that do whatever they like: the relay ends all the same, and its summary is what they saw.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Act {
    Frame(Side, u8, usize),
    Close(Side),
    /// The first bytes of a frame that may never end.
    Begin(Side, usize),
    Garbage(Side, Vec<u8>),
    /// Nothing more comes from there.
    Leave(Side),
    Wait(u64),
    Drain,
}

/// When a peer reads.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reads {
    Always,
    AtTheEnd,
}

fn act() -> impl Strategy<Value = Act> {
    let side = || prop_oneof![Just(Side::Client), Just(Side::Gateway)];
    let first = prop_oneof![Just(TEXT), Just(PING), Just(PONG), Just(0x01), Just(0x80)];
    prop_oneof![
        8 => (side(), first, 0..120_usize).prop_map(|(side, first, len)| Act::Frame(side, first, len)),
        2 => (side(), 0..3000_usize).prop_map(|(side, len)| Act::Frame(side, TEXT, len)),
        1 => side().prop_map(Act::Close),
        1 => (side(), 1..300_usize).prop_map(|(side, len)| Act::Begin(side, len)),
        1 => (side(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(side, bytes)| Act::Garbage(side, bytes)),
        1 => side().prop_map(Act::Leave),
        4 => (0..90_u64).prop_map(Act::Wait),
        1 => Just(Act::Drain),
    ]
}

/// What a peer got, in frames: the codes of the Closes, whether one was last, and whether an unfinished frame was.
#[derive(Debug, Default, PartialEq)]
struct Got {
    closes: Vec<Option<u16>>,
    close_was_last: bool,
    cut: bool,
}

fn look_at(side: Side, mut bytes: &[u8]) -> Got {
    let mut got = Got::default();
    while !bytes.is_empty() {
        let head = FrameHead::parse(bytes).expect("what comes out is RFC 6455");
        let whole = head.and_then(|head| Some((head, bytes.get(..head.size + usize::try_from(head.len).unwrap())?)));
        let Some((head, frame)) = whole else { return Got { cut: true, close_was_last: false, ..got } };
        assert_eq!(head.mask.is_some(), side == Side::Gateway);
        // Reserved bits are not frontgate's business, on a Close either.
        got.close_was_last = head.opcode == crate::websocket::frame::Opcode::Close;
        if got.close_was_last {
            let payload = unmasked(&frame[head.size..], head.mask);
            got.closes.push(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
        }
        bytes = &bytes[frame.len()..];
    }
    got
}

async fn play(room: usize, acts: &[Act], reads: [Reads; 2]) {
    let settings = |settings: &mut RelaySettings| {
        settings.read = Some(secs(300));
        settings.send = Some(secs(100));
        settings.rules.max_message = Some(2000);
    };
    let mut link = setup().room(room).with(settings).open();
    let ended = tokio_util::sync::CancellationToken::new();
    let mut readers = JoinSet::new();
    let mut left = [false; 2];
    let mut writers = Vec::new();
    for (peer, reads) in [&mut link.client, &mut link.gateway].into_iter().zip(reads) {
        let (mut from, to) = tokio::io::split(std::mem::replace(&mut peer.io, duplex(1).0));
        writers.push(to);
        let (side, ended) = (peer.side, ended.clone());
        readers.spawn(async move {
            if reads == Reads::AtTheEnd {
                ended.cancelled().await;
            }
            let mut got = Vec::new();
            from.read_to_end(&mut got).await.unwrap();
            (side, got)
        });
    }
    for act in acts {
        let (side, bytes) = match act {
            Act::Frame(side, first, len) => (*side, frame(*side, *first, &vec![0; *len])),
            Act::Close(side) => (*side, frame(*side, CLOSE, &close(4000, "enough"))),
            Act::Begin(side, len) => (*side, frame(*side, TEXT, &[0; 500])[..*len].to_vec()),
            Act::Garbage(side, bytes) => (*side, bytes.clone()),
            Act::Leave(side) => {
                left[*side as usize] = true;
                writers[*side as usize].shutdown().await.unwrap();
                continue;
            }
            Act::Wait(time) => {
                sleep(secs(*time)).await;
                continue;
            }
            Act::Drain => {
                link.drain.soften();
                continue;
            }
        };
        // Bytes that are not taken are lost; a peer that has left sends nothing.
        if !left[side as usize] {
            let _ = timeout(secs(1), writers[side as usize].write_all(&bytes)).await;
        }
    }
    ended.cancel();
    link.drain.soften();
    let summary = timeout(secs(40), link.summary()).await.expect("a drain comes to an end");
    drop((link, writers));
    let mut saw = [Got::default(), Got::default()];
    while let Some(read) = readers.join_next().await {
        let (side, bytes) = read.unwrap();
        saw[side as usize] = look_at(side, &bytes);
    }
    for (side, summary_of_it) in [(Side::Client, &summary.client), (Side::Gateway, &summary.gateway)] {
        let (saw, left) = (&saw[side as usize], left[side as usize]);
        assert!(saw.closes.len() <= 1, "{side:?} saw {saw:?}");
        if !saw.closes.is_empty() {
            assert!(saw.close_was_last, "{side:?} saw something after a Close");
        }
        if let Some(told) = summary_of_it.told {
            assert_eq!(saw.closes, [Some(told)], "{side:?}");
        }
        if summary.clean && !left {
            assert!(saw.close_was_last, "{side:?} saw {saw:?}, which is not clean: {summary:?}");
        }
        if saw.cut && !left {
            assert!(!summary.clean, "{side:?} saw {saw:?}, which is not clean: {summary:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_peers_do_the_link_ends_and_its_summary_is_true(
        room in prop_oneof![1..64_usize, 64..5000_usize, Just(65_536)],
        acts in prop::collection::vec(act(), 0..25),
        reads in prop::array::uniform2(prop_oneof![3 => Just(Reads::Always), 1 => Just(Reads::AtTheEnd)]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(room, &acts, reads));
    }
}
