//! [`Http2Body`]: a request's body as it comes over HTTP/2.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};

/// A request's body as it comes over HTTP/2. What is taken of it may be sent again.
#[derive(Debug)]
pub struct Http2Body {
    stream: RecvStream,
    /// How many bytes are still to come, if the request says so. The library checks that as many come.
    left: Option<u64>,
    data_is_over: bool,
}

impl Http2Body {
    /// The body of a request with these fields.
    pub(crate) fn new(stream: RecvStream, fields: &HeaderMap) -> Self {
        let left = if stream.is_end_stream() { Some(0) } else { announced(fields) };
        Self { stream, left, data_is_over: false }
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.data_is_over {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(bytes)) => {
                    // Fails only for more bytes than have come.
                    let _ = self.stream.flow_control().release_capacity(bytes.len());
                    self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Err(error)) => return Poll::Ready(cut_short(error)),
                None => self.data_is_over = true,
            }
        }
        Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => cut_short(error),
        })
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A client that ends its stream with `NO_ERROR` sends no more of the body, and does not mean that the request failed.
fn cut_short(error: h2::Error) -> Option<Result<Frame<Bytes>, h2::Error>> {
    (error.reason() != Some(Reason::NO_ERROR)).then_some(Err(error))
}

/// The length that the request announces; `None` if it announces none, or several.
fn announced(fields: &HeaderMap) -> Option<u64> {
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter().map(|value| value.to_str().ok()?.parse().ok());
    let first: u64 = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn a_length_is_believed_if_there_is_one() {
        let rows: [(&[&str], Option<u64>); 6] = [
            (&[], None),
            (&["0"], Some(0)),
            (&["12"], Some(12)),
            (&["12", "12"], Some(12)),
            (&["1", "2"], None),
            (&["x"], None),
        ];
        for (values, expected) in rows {
            let fields: HeaderMap =
                values.iter().map(|value| (header::CONTENT_LENGTH, HeaderValue::from_static(value))).collect();
            assert_eq!(announced(&fields), expected, "{values:?}");
        }
    }
}
