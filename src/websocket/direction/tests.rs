use tokio::time::Instant;

use super::*;

#[test]
fn whole_frames_pass_in_one_call() {
    let mut direction = Direction::new(Side::Gateway, Rules::default());
    let chunk = [0x81, 2, b'h', b'i', 0x89, 0, 0x82, 1, 7];
    let accepted = direction.accept(&chunk, Stop::Never, Instant::now()).unwrap();
    assert_eq!((accepted.pass, accepted.take), (chunk.len(), chunk.len()));
    assert_eq!(direction.counters(), Counters { frames: 3, messages: 2, bytes: 9 });
}

#[test]
fn a_direction_is_small() {
    // There are two of them for every idle socket.
    assert!(size_of::<Direction>() <= 96, "{}", size_of::<Direction>());
}
