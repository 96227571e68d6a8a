//! [`Compression`]: sends the gateway's static answers with gzip, where their client takes it and the gateway has not compressed
//! them itself.
//!
//! Of the codings that browsers take, gzip needs the least memory for an answer under way and the least code. Which answers are
//! compressed is said in [`plan`](mod@plan): those that are files of a page's, and nothing that may hold a secret beside what a stranger
//! chose (BREACH).

mod accepted;
mod gzip;
mod plan;

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use tokio::sync::Semaphore;

pub(super) use gzip::GzipEncoder;
use plan::{HeadPlan, plan};

/// Compresses answers, so many at a time: an answer for which there is no place goes as it is.
#[derive(Debug, Clone)]
pub(crate) struct Compression {
    places: Arc<Semaphore>,
}

/// What becomes of an answer.
#[derive(Debug)]
pub(super) enum Compressed {
    /// It goes as it is, if need be with a word that another client gets another one.
    No,
    /// Its body goes through this.
    Gzip(Box<GzipEncoder>),
    /// It goes without a body: the client has it.
    NotModified,
}

impl Default for Compression {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST_AT_ONCE)) }
    }
}

impl Compression {
    /// Decides on the answer to `request`, and changes its head accordingly.
    pub(super) fn apply(&self, request: &Parts, response: &mut Response<()>) -> Compressed {
        let planned = plan(&request.method, &request.headers, response.status(), response.headers());
        let fields = response.headers_mut();
        match planned {
            HeadPlan::AsItIs => return Compressed::No,
            HeadPlan::Varies => plan::vary(fields),
            HeadPlan::Revalidated => plan::revalidated(fields),
            HeadPlan::NotModified => {
                plan::not_modified(fields);
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return Compressed::NotModified;
            }
            HeadPlan::Gzip if request.method == Method::HEAD => plan::gzip(fields),
            HeadPlan::Gzip => {
                let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                    plan::vary(fields);
                    return Compressed::No;
                };
                // A gateway that knows the length has the file; one that does not may make it slowly.
                let is_slow = !fields.contains_key(http::header::CONTENT_LENGTH);
                plan::gzip(fields);
                return Compressed::Gzip(Box::new(GzipEncoder::new(place, is_slow)));
            }
        }
        Compressed::No
    }
}

/// An encoder takes about 350 KB.
const MOST_AT_ONCE: usize = 32;
