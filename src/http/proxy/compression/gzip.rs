//! [`GzipEncoder`]: a body on its way through gzip (RFC 1952), piece by piece.

use std::io::Write as _;
use std::mem::take;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;

/// Compresses one body. It holds what belongs together in the compressed form, and no more.
pub(in crate::http::proxy) struct GzipEncoder {
    encoder: GzEncoder<Vec<u8>>,
    /// Whether bytes went in of which the client has not all.
    holds: bool,
    /// Whether the client gets all that there is each time that nothing more is there yet.
    is_slow: bool,
    stage: EncodingStage,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum EncodingStage {
    Body,
    /// The compressed bytes are all out; these fields follow.
    Trailers(Option<HeaderMap>),
}

impl GzipEncoder {
    /// An encoder for one body, in one of the places that there are for encoders. A body that `is_slow` is never held back.
    pub(super) fn new(place: OwnedSemaphorePermit, is_slow: bool) -> Self {
        let encoder = GzEncoder::new(Vec::new(), Level::new(LEVEL));
        Self { encoder, holds: false, is_slow, stage: EncodingStage::Body, _place: place }
    }

    /// Whether all is out.
    pub(in crate::http::proxy) fn is_over(&self) -> bool {
        matches!(self.stage, EncodingStage::Trailers(None))
    }

    /// The next piece of the compressed body; `poll_plain` brings those of the plain one.
    pub(in crate::http::proxy) fn poll_frame<E>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll_plain: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        if let EncodingStage::Trailers(trailers) = &mut self.stage {
            return Poll::Ready(trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        loop {
            let out = match poll_plain(cx) {
                Poll::Pending if self.is_slow && self.holds => self.flush(),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => {
                    self.stage = EncodingStage::Trailers(None);
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => self.finish(None),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.push(&data),
                    Err(frame) => self.finish(frame.into_trailers().ok()),
                },
            };
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out))));
            }
        }
    }

    fn push(&mut self, data: &[u8]) -> Bytes {
        self.encoder.write_all(data).expect(MEMORY);
        self.holds = true;
        self.out()
    }

    fn flush(&mut self) -> Bytes {
        self.encoder.flush().expect(MEMORY);
        self.holds = false;
        self.out()
    }

    fn finish(&mut self, trailers: Option<HeaderMap>) -> Bytes {
        self.encoder.try_finish().expect(MEMORY);
        self.stage = EncodingStage::Trailers(trailers);
        self.out()
    }

    fn out(&mut self) -> Bytes {
        take(self.encoder.get_mut()).into()
    }
}

impl std::fmt::Debug for GzipEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GzipEncoder").field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// A good part of what higher levels save, in a third of their time: the thread that compresses serves others, too.
const LEVEL: u32 = 4;
const MEMORY: &str = "memory takes what is written to it";

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::Read as _;
    use std::sync::Arc;
    use std::task::Waker;

    use flate2::read::GzDecoder;
    use tokio::sync::Semaphore;

    use super::*;

    type Plain = VecDeque<Option<Result<Frame<Bytes>, &'static str>>>;

    /// Runs the encoder over what comes; `None` stands for a moment in which nothing is there.
    fn encoded(mut plain: Plain, is_slow: bool) -> (Vec<Vec<u8>>, Option<HeaderMap>, Option<&'static str>) {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let mut encoder = GzipEncoder::new(place, is_slow);
        let mut cx = Context::from_waker(Waker::noop());
        let (mut pieces, mut trailers, mut broke) = (Vec::new(), None, None);
        loop {
            match encoder.poll_frame(&mut cx, |_| match plain.pop_front() {
                Some(Some(frame)) => Poll::Ready(Some(frame)),
                Some(None) => Poll::Pending,
                None => Poll::Ready(None),
            }) {
                Poll::Pending => pieces.push(Vec::new()),
                Poll::Ready(None) => return (pieces, trailers, broke),
                Poll::Ready(Some(Err(error))) => broke = Some(error),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => pieces.push(data.to_vec()),
                    Err(frame) => trailers = frame.into_trailers().ok(),
                },
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands among moments in which nothing is there")]
    fn data(bytes: &'static [u8]) -> Option<Result<Frame<Bytes>, &'static str>> {
        Some(Ok(Frame::data(Bytes::from_static(bytes))))
    }

    fn plain(compressed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        GzDecoder::new(compressed).read_to_end(&mut plain).unwrap();
        plain
    }

    #[test]
    fn what_comes_in_pieces_is_one_file_of_gzip() {
        let (pieces, ..) = encoded([data(b"abc"), None, data(b""), data(b"def")].into(), false);
        assert_eq!(plain(&pieces.concat()), b"abcdef");
        let (pieces, ..) = encoded(Plain::new(), false);
        assert_eq!(plain(&pieces.concat()), b"");
    }

    #[test]
    fn a_slow_body_is_not_held_back() {
        let (pieces, ..) = encoded([data(b"first"), None, None, data(b"second")].into(), true);
        let mut begun = vec![0; 5];
        GzDecoder::new(&pieces[..pieces.len() - 1].concat()[..]).read_exact(&mut begun).unwrap();
        assert_eq!(begun, b"first");
        assert_eq!(plain(&pieces.concat()), b"firstsecond");
    }

    #[test]
    fn trailers_follow_and_errors_end_it() {
        let mut fields = HeaderMap::new();
        fields.insert("x-sum", "1".parse().unwrap());
        let (pieces, trailers, _) = encoded([data(b"abc"), Some(Ok(Frame::trailers(fields.clone())))].into(), false);
        assert_eq!((plain(&pieces.concat()), trailers), (b"abc".to_vec(), Some(fields)));
        let (_, _, broke) = encoded([data(b"abc"), Some(Err("gone"))].into(), false);
        assert_eq!(broke, Some("gone"));
    }
}
