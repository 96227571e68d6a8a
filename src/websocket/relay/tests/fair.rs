//! Neither direction, and no relay, keeps the others from their turn.

use std::sync::Mutex;

use super::*;
/// What a turn moves.
const TURN: usize = 2 * crate::io::TEXT;

/// A connection that always has more bytes to read, and takes all that is written. It knows no budget of the runtime,
/// as a stream of HTTP/2 knows none.
struct Flood {
    side: Side,
    /// At most so many bytes a read.
    piece: usize,
    /// How many bytes are left to be read.
    left: usize,
    /// What was read from which side, in order.
    reads: Arc<Mutex<Vec<(Side, usize)>>>,
}

impl AsyncRead for Flood {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let length = self.piece.min(buf.remaining()).min(self.left);
        // The payload of one endless frame.
        buf.put_slice(&vec![0; length]);
        self.left -= length;
        self.reads.lock().unwrap().push((self.side, length));
        Poll::Ready(Ok(()))
    }
}

impl Readable for Flood {}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

type Reads = Arc<Mutex<Vec<(Side, usize)>>>;

/// A relay between two floods of `left` bytes, in reads of `piece` bytes.
fn floods(piece: usize, left: usize) -> (Relay<Flood, Flood>, Reads) {
    let reads = Reads::default();
    let end = |side| RelayEnd {
        io: Flood { side, piece, left, reads: Arc::clone(&reads) },
        first: head(side, BINARY, 1 << 40).into(),
    };
    (Relay::new(end(Side::Client), end(Side::Gateway), Arc::new(setup().settings)), reads)
}

/// How much was read in a row from each side, in order.
fn turns(reads: &Reads) -> Vec<(Side, usize)> {
    let mut turns: Vec<(Side, usize)> = Vec::new();
    for (side, length) in reads.lock().unwrap().drain(..) {
        match turns.last_mut() {
            Some((last, read)) if *last == side => *read += length,
            _ => turns.push((side, length)),
        }
    }
    turns
}

#[tokio::test(start_paused = true)]
async fn each_wake_moves_a_turn_of_both_directions_and_the_second_one_is_the_next_first() {
    use Side::{Client, Gateway};
    for piece in [usize::MAX, 20_000, 1000, 1] {
        let (mut relay, reads) = floods(piece, usize::MAX);
        let buffers = BufferPool::new();
        let mut cx = Context::from_waker(Waker::noop());
        let mut sides = Vec::new();
        for _ in 0..4 {
            assert!(relay.poll_flows(&mut cx, &buffers).is_pending());
            for (side, read) in turns(&reads) {
                // Not over the turn by more than a read, and not far below it, unless the reads are small.
                let least = if piece >= 20_000 { TURN } else { TURN * piece / 4096 };
                assert!((least..TURN + crate::io::SIZE).contains(&read), "{read} bytes in pieces of {piece}");
                sides.push(side);
            }
        }
        // Two turns of one side in a row are one.
        assert_eq!(sides, [Client, Gateway, Gateway, Client, Client, Gateway, Gateway, Client], "pieces of {piece}");
        assert!(buffers.kept() <= 1, "no buffer is held between two turns");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_never_has_to_wait_lets_the_other_tasks_of_its_thread_run() {
    const ALL: usize = 100 * TURN;
    let (mut relay, reads) = floods(usize::MAX, ALL);
    let mut link = JoinSet::new();
    link.spawn(async move { relay.run(&BufferPool::new(), &Drain::new()).await });
    let mut others = 0;
    while link.try_join_next().is_none() {
        tokio::task::yield_now().await;
        others += 1;
    }
    assert!(others >= ALL / (TURN + crate::io::SIZE), "{others} turns of the others");
    let read: usize = turns(&reads).into_iter().map(|(_, read)| read).sum();
    assert_eq!(read, 2 * ALL);
}

#[tokio::test(start_paused = true)]
async fn a_frame_against_a_flood_passes_within_a_turn() {
    let (mut client, client_end) = Peer::new(Side::Client, 64 * 1024);
    let reads = Reads::default();
    let flood = Flood { side: Side::Gateway, piece: usize::MAX, left: usize::MAX, reads: Arc::clone(&reads) };
    let gateway_end = RelayEnd { io: flood, first: head(Side::Gateway, BINARY, 1 << 40).into() };
    // The client reads nothing of the flood at first, then all.
    let settings = Arc::new(setup().settings);
    let mut relay = Relay::new(RelayEnd { io: client_end, first: Bytes::new() }, gateway_end, settings);
    let stats = relay.relay_stats();
    let mut link = JoinSet::new();
    link.spawn(async move { relay.run(&BufferPool::new(), &Drain::new()).await });
    let mut sink = vec![0; 1 << 20];
    for sent in 1..=20 {
        client.send(TEXT, b"ten bytes!").await;
        let before: usize = turns(&reads).into_iter().map(|(_, read)| read).sum();
        let mut taken = 0;
        while stats.client().sent.messages < sent {
            taken += client.io.read(&mut sink).await.unwrap();
            assert!(taken < 4 * TURN, "the flood takes {taken} bytes first, {before} were read before");
        }
    }
}
