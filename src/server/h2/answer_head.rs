//! What an answer's head has over HTTP/2 and not over HTTP/1.1, and the other way round. Pure.

use std::time::SystemTime;

use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use httpdate::HttpDate;

/// Completes the fields of an answer: `Date` (RFC 9110 §6.6.1) if the gateway has sent none, and its length if that is known
/// and not there. Fields that belong to a connection of HTTP/1.1 must not be sent (RFC 9113 §8.2.2), whichever rule of a route
/// set them. `now` is called where the gateway has not sent a `Date`.
pub(super) fn complete(fields: &mut HeaderMap, length: Option<u64>, now: impl FnOnce() -> SystemTime) {
    for name in CONNECTION_FIELDS {
        fields.remove(name);
    }
    if let Some(length) = length {
        fields.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    if !fields.contains_key(DATE)
        && let Ok(date) = HeaderValue::try_from(HttpDate::from(now()).to_string())
    {
        fields.insert(DATE, date);
    }
}

const CONNECTION_FIELDS: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = Vec<(&'static str, &'static str)>;

    #[test]
    fn an_answer_has_a_date_and_its_length_and_nothing_of_a_connection() {
        let fields = |fields: &Fields| -> HeaderMap {
            let field = |&(name, value): &(_, _)| (HeaderName::from_static(name), HeaderValue::from_static(value));
            fields.iter().map(field).collect()
        };
        let epoch = ("date", "Thu, 01 Jan 1970 00:00:00 GMT");
        let rows: [(Fields, Option<u64>, Fields); 4] = [
            (vec![], None, vec![epoch]),
            (
                vec![("date", "yesterday"), ("etag", "x")],
                Some(5),
                vec![("date", "yesterday"), ("etag", "x"), ("content-length", "5")],
            ),
            (vec![("content-length", "7")], Some(5), vec![("content-length", "7"), epoch]),
            (
                vec![
                    ("connection", "x"),
                    ("keep-alive", "1"),
                    ("upgrade", "h"),
                    ("te", "t"),
                    ("transfer-encoding", "c"),
                ],
                None,
                vec![epoch],
            ),
        ];
        for (came, length, expected) in rows {
            let mut got = fields(&came);
            complete(&mut got, length, || SystemTime::UNIX_EPOCH);
            assert_eq!(got, fields(&expected), "{came:?}");
        }
    }
}
