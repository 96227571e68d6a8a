//! A chunked body is the same wherever it is cut into pieces, and never larger than what came.

#![no_main]

use bytes::Bytes;
use frontgate::upstream::chunks::ChunkDecoder;
use libfuzzer_sys::fuzz_target;

/// The data and how many trailers followed it, what was not used, and whether it is over; `None` if it is no chunked
/// body.
fn read<'a>(
    mut chunks: ChunkDecoder,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Option<(Vec<u8>, usize, Vec<u8>, bool)> {
    let (mut data, mut trailers, mut rest) = (Vec::new(), 0, Vec::new());
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(frame) = chunks.next(&mut input).ok()? {
            match frame.into_data() {
                Ok(bytes) => data.extend_from_slice(&bytes),
                Err(frame) => trailers += frame.into_trailers().map_or(0, |trailers| trailers.len()),
            }
        }
        assert!(chunks.is_over() || input.is_empty());
        rest.extend_from_slice(&input);
    }
    Some((data, trailers, rest, chunks.is_over()))
}

fuzz_target!(|bytes: &[u8]| {
    let [cut, bytes @ ..] = bytes else { return };
    let (size, at) = (usize::from(*cut) + 1, usize::from(*cut).min(bytes.len()));
    let mut readings = Vec::new();
    for grammar in [ChunkDecoder::default, ChunkDecoder::strict] {
        let whole = read(grammar(), std::iter::once(bytes));
        assert_eq!(whole, read(grammar(), bytes.chunks(size)));
        assert_eq!(whole, read(grammar(), [&bytes[..at], &bytes[at..]].into_iter()));
        if let Some((data, _, rest, _)) = &whole {
            assert!(data.len() + rest.len() <= bytes.len());
            assert!(bytes.ends_with(rest));
        }
        readings.push(whole);
    }
    // What a client may send is read like what a gateway may.
    assert!(readings[1].is_none() || readings[0] == readings[1]);
});
