//! [`SpanQueue`] of a build without OTLP: there is none.

use super::access::AccessLine;
use super::redact::Redactor;
use super::tunnel::TunnelLine;

/// Where spans go; in this build nowhere, so that none exists.
#[derive(Debug, Clone)]
pub(crate) enum SpanQueue {}

impl SpanQueue {
    pub(in crate::observe) fn request(&self, _line: &AccessLine, _redactor: &Redactor) {
        match *self {}
    }

    pub(in crate::observe) fn websocket(&self, _line: &TunnelLine, _redactor: &Redactor) {
        match *self {}
    }
}
