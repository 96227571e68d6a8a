//! The page that hands out the local CA: `/.well-known/frontgate/ca` and three downloads beside it, on plain listeners.
//!
//! A device that does not trust the CA yet cannot be asked to open a page over TLS. What comes without TLS can be
//! changed on its way, so the page says to compare the fingerprint with what the server itself prints.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response};
use rustls::pki_types::CertificateDer;

use super::template::{escape, fill};
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::host;
use crate::http::edge::redirect::HttpsLocation;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::{AccessLine, AnsweredBy};
use crate::tls::{CertDescription, mobileconfig, to_pem};

mod qr;

/// Answers for the page when there is a CA to offer; everything else goes on.
pub(crate) struct CaPage<H> {
    /// The CA that is offered; `None` when the page is off.
    pub(crate) offer: Option<Arc<CaOffer>>,
    /// Where the page is opened again once the CA is trusted.
    pub(crate) https: HttpsLocation,
    /// The handler of all other requests.
    pub(crate) inner: H,
}

/// The CA that is offered, replaceable while frontgate runs.
#[derive(Debug, Default)]
pub(crate) struct CaOffer(ArcSwapOption<OfferedCa>);

/// The CA in every form in which it is offered.
#[derive(Debug)]
struct OfferedCa {
    name: String,
    fingerprint: String,
    pem: Bytes,
    der: Bytes,
    profile: Bytes,
}

impl CaOffer {
    /// An offer of `ca`; with `None` there is no CA to offer.
    pub(crate) fn new(ca: Option<&CertificateDer<'_>>) -> Self {
        let offer = Self::default();
        offer.set(ca);
        offer
    }

    /// Offers `ca` from here on.
    pub(crate) fn set(&self, ca: Option<&CertificateDer<'_>>) {
        self.0.store(ca.and_then(OfferedCa::new).map(Arc::new));
    }
}

impl OfferedCa {
    fn new(ca: &CertificateDer<'_>) -> Option<Self> {
        let CertDescription { subject, fingerprint, .. } = CertDescription::read(ca)?;
        Some(Self {
            name: subject.strip_prefix("CN=").unwrap_or(&subject).to_owned(),
            fingerprint: fingerprint.to_string(),
            pem: to_pem(ca).into(),
            der: ca.to_vec().into(),
            profile: mobileconfig(ca)?.into(),
        })
    }
}

impl<H: RequestHandler> RequestHandler for CaPage<H> {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        let asked = matches!(exchange.head.method, Method::GET | Method::HEAD);
        let ca = self.offer.as_ref().filter(|_| asked).and_then(|offer| offer.0.load_full());
        let Some(answer) = ca.and_then(|ca| answer(&ca, self.https, exchange)) else {
            return self.inner.handle(exchange, access).await;
        };
        access.answered_by = AnsweredBy::Frontgate;
        Ok(answer)
    }
}

/// The answer for a path of this page; `None` for other paths.
fn answer(ca: &OfferedCa, https: HttpsLocation, exchange: &RequestExchange) -> Option<Response<AnswerBody>> {
    // A certificate or a profile is opened where it is downloaded, so it is named, but not as an attachment: Firefox
    // and Safari then offer to install it.
    let (content_type, file, bytes) = match exchange.target.path().strip_prefix(PATH)? {
        "" => {
            let host = exchange.host.to_str().unwrap_or_default();
            let agent = exchange.head.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
            ("text/html; charset=utf-8", None, page(ca, https, host, CaPageSystem::guess(agent)).into())
        }
        ".pem" => (CERTIFICATE, Some("frontgate-local-ca.pem"), ca.pem.clone()),
        ".der" => (CERTIFICATE, Some("frontgate-local-ca.crt"), ca.der.clone()),
        ".mobileconfig" => {
            ("application/x-apple-aspen-config", Some("frontgate-local-ca.mobileconfig"), ca.profile.clone())
        }
        _ => return None,
    };
    let mut response = Response::new(AnswerBody::empty());
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(header::CONTENT_LENGTH, bytes.len().into());
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match file {
        None => fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        Some(file) => HeaderValue::try_from(format!("inline; filename=\"{file}\""))
            .ok()
            .and_then(|value| fields.insert(header::CONTENT_DISPOSITION, value)),
    };
    Some(if exchange.head.method == Method::HEAD { response } else { response.map(|_| AnswerBody::full(bytes)) })
}

/// The systems that the page has instructions for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaPageSystem {
    Ios,
    Android,
    Mac,
    Windows,
    Linux,
}

impl CaPageSystem {
    /// The system that the browser's `User-Agent` names: only which instructions are open at first depends on it.
    fn guess(agent: Option<&str>) -> Option<Self> {
        let agent = agent?;
        let known = [
            ("iPhone", Self::Ios),
            ("iPad", Self::Ios),
            ("Android", Self::Android),
            ("Macintosh", Self::Mac),
            ("Windows", Self::Windows),
            ("Linux", Self::Linux),
        ];
        known.into_iter().find(|(word, _)| agent.contains(word)).map(|(_, system)| system)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
            Self::Mac => "mac",
            Self::Windows => "windows",
            Self::Linux => "linux",
        }
    }
}

fn page(ca: &OfferedCa, https: HttpsLocation, host: &str, system: Option<CaPageSystem>) -> String {
    let (name, _) = host::split(host);
    let open = https.origin(host) + "/";
    let here = format!("http://{host}{PATH}");
    let code = if is_loopback(name) { None } else { qr::svg(&here) };
    fill(TEMPLATE, |slot, out| match slot {
        "name" => escape(&ca.name, out),
        "fingerprint" => fingerprint(&ca.fingerprint, out),
        "open" => escape(&open, out),
        "here" => escape(&here, out),
        "qr" => match &code {
            Some(code) => out.push_str(code),
            None => out.push_str(UNREACHABLE),
        },
        slot => {
            if system.is_some_and(|system| slot.strip_prefix("open-") == Some(system.word())) {
                out.push_str(" open");
            }
        }
    })
}

/// Writes the fingerprint in groups that an eye can hold.
fn fingerprint(text: &str, out: &mut String) {
    for (index, group) in text.as_bytes().chunks(12).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str("<span>");
        escape(String::from_utf8_lossy(group).trim_end_matches(':'), out);
        out.push_str("</span>");
    }
}

/// Whether the name means the machine itself: a phone that scanned such a name would look for frontgate in itself.
fn is_loopback(name: &str) -> bool {
    let bare = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

const PATH: &str = "/.well-known/frontgate/ca";
/// The type that browsers take for a CA (RFC 2585 names only `application/pkix-cert`, which no phone offers to
/// install).
const CERTIFICATE: &str = "application/x-x509-ca-cert";
const UNREACHABLE: &str = "<p class=\"soft\">Open this page by a name or address that a phone can reach, and there is a code to \
                           scan here.</p>";
/// The page's template. Its style is inline and named by hash in [`POLICY`], and it loads nothing.
const TEMPLATE: &str = include_str!("ca_page.html");
const POLICY: &str = "default-src 'none'; style-src 'sha256-U0f/SN8qsN4X+3sLqWzfiWG3Oj9w7b1vrZFJa1gCe5E='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests;
