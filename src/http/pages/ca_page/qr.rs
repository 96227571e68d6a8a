//! A QR code as a picture in a page.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The QR code for `text`; `None` when that is too long for a code that a phone reads off a screen.
pub(super) fn svg(text: &str) -> Option<String> {
    let code = (text.len() <= LONGEST).then(|| QrCode::encode_text(text, QrCodeEcc::Medium).ok())??;
    let size = code.size();
    let whole = size + 2 * QUIET;
    // White whatever the page's colours are: not every phone reads an inverted code.
    let mut out = format!(
        "<svg viewBox=\"0 0 {whole} {whole}\" role=\"img\" aria-label=\"QR code of this page's address\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{whole}v{whole}H0z\"/><path fill=\"#000\" d=\""
    );
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            let _ = write!(out, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    out.push_str("\"/></svg>");
    Some(out)
}

/// The quiet zone that a code needs, in modules (ISO/IEC 18004 §5.3.8).
const QUIET: i32 = 4;
/// In bytes, which makes 53 by 53 modules; longer ones have details too small for a screen.
const LONGEST: usize = 200;
