//! [`takes_gzip()`]: whether a client takes gzip, and takes it as gladly as the plain answer. Pure.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use crate::http::pages::accept::thousandths;

/// Whether `Accept-Encoding` has gzip with a weight that is not zero and not below that of `identity` (RFC 9110 §12.5.3).
pub(super) fn takes_gzip(request: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    let lines = request.get_all(ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    for coding in lines.flat_map(|line| line.split(',')).take(MOST_CODINGS) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
            // A weight that is none asks for nothing.
            .map_or(1000, |(_, weight)| thousandths(weight.trim()).unwrap_or(0));
        match name.as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "*" => any = Some(weight),
            "identity" => identity = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && identity.is_none_or(|identity| gzip >= identity)
}

/// How many codings of an `Accept-Encoding` are looked at.
const MOST_CODINGS: usize = 32;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_gets_gzip_where_it_wants_it_as_much_as_the_plain_answer() {
        let rows: [(&[&str], bool); 20] = [
            (&[], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZIP"], true),
            (&["x-gzip"], true),
            (&["gzip, deflate, br, zstd"], true),
            (&["br", "gzip"], true),
            (&["br;q=1, gzip;q=0.1"], true),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["br, *;q=0.5"], true),
            (&["*, gzip;q=0"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0.000"], false),
            (&["gzip; Q = 0.5"], true),
            (&["gzip;q=much"], false),
            (&["identity, gzip;q=0.5"], false),
            (&["identity;q=0.5, gzip;q=0.5"], true),
            (&["identity;q=0, br"], false),
            (&["gzipped, br"], false),
        ];
        for (lines, expected) in rows {
            let mut request = HeaderMap::new();
            for line in lines {
                request.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
            }
            assert_eq!(takes_gzip(&request), expected, "{lines:?}");
        }
    }
}
