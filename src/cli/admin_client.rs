//! [`AdminClient`]: asks a running frontgate through its admin listener.

use std::future::poll_fn;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use tokio::time::timeout;

use super::failure::CommandFailure;
use super::loaded;
use crate::config::admin::AdminToken;
use crate::config::{Admin, BindAddr, Secret, TokenError};
use crate::upstream::{ConnectError, Connector, H1Connection, RequestBody};

/// Which frontgate is asked.
#[derive(Debug, clap::Args)]
pub(super) struct AdminTarget {
    /// The config that it runs on, for the address of its admin listener [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of its admin listener, if it is not the config's, such as 127.0.0.1:9180
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
}

/// Asks a running frontgate through its admin listener.
pub(super) struct AdminClient {
    door: Option<AdminDoor>,
    /// Where the frontgate that runs says that it is asked, if that is elsewhere: the config may have changed since it started.
    noted: Option<AdminDoor>,
    /// The token for its requests, or why it cannot be read; `None` when none is configured.
    token: Option<Result<Secret, TokenError>>,
}

/// An address at which an admin listener may be.
struct AdminDoor {
    connector: Connector,
    address: String,
}

/// The answer of the admin listener.
pub(super) struct AdminAnswer {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

/// An answer of the admin listener that goes on.
pub(super) struct AdminStream {
    status: StatusCode,
    link: H1Connection,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminUnanswered {
    /// No process listens at the address.
    #[error("frontgate is not running: no process listens at {0}")]
    NotRunning(String),
    /// A process listens, but the exchange failed.
    #[error("no answer from {0}")]
    Lost(String, #[source] anyhow::Error),
}

impl AdminClient {
    pub(super) fn new(target: AdminTarget) -> Result<Self, CommandFailure> {
        let noted = if target.admin.is_none() { loaded::noted(target.config.clone()) } else { None };
        let admin = loaded::admin(target.config, target.admin)?;
        let client = Self::at(&admin, noted.as_deref())?;
        if client.door.is_none() && client.noted.is_none() {
            let message = "the admin listener is off, so no frontgate answers there; see `admin` in the config";
            return Err(anyhow!(message).into());
        }
        Ok(client)
    }

    /// Asks the listener `admin`, or where none answers there the one that is `noted`.
    pub(super) fn at(admin: &Admin, noted: Option<&str>) -> anyhow::Result<Self> {
        let noted = noted.filter(|noted| *noted != admin.to_string()).and_then(bind_addr).map(Admin::at);
        Ok(Self {
            door: AdminDoor::of(admin)?,
            noted: noted.and_then(|noted| AdminDoor::of(&noted).ok()?),
            token: admin.token.as_ref().map(AdminToken::read),
        })
    }

    /// Sends a request, and waits for the answer.
    pub(super) async fn ask(&self, method: Method, path: &str) -> Result<AdminAnswer, AdminUnanswered> {
        let (door, answer) = self.follow(method, path).await?;
        self.whole(door, answer).await
    }

    /// Sends a request, and waits for the beginning of an answer that goes on.
    pub(super) async fn open(&self, method: Method, path: &str) -> Result<AdminStream, CommandFailure> {
        let (door, answer) = self.follow(method, path).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        match self.whole(door, answer).await?.done() {
            Err(failure) => Err(failure),
            Ok(_) => unreachable!("its status says that it is not done"),
        }
    }

    /// The beginning of an answer, and the door that it came by.
    async fn follow(&self, method: Method, path: &str) -> Result<(&AdminDoor, AdminStream), AdminUnanswered> {
        let doors = self.door.iter().chain(&self.noted);
        let mut unanswered = AdminUnanswered::NotRunning("any address".to_owned());
        for (index, door) in doors.enumerate() {
            match self.follow_at(door, method.clone(), path).await {
                // What the config says is what the user expects to read about.
                Err(error @ AdminUnanswered::NotRunning(_)) if index == 0 => unanswered = error,
                Err(AdminUnanswered::NotRunning(_)) => {}
                answered => return answered.map(|answer| (door, answer)),
            }
        }
        Err(unanswered)
    }

    async fn follow_at(&self, door: &AdminDoor, method: Method, path: &str) -> Result<AdminStream, AdminUnanswered> {
        let stream = door.connector.connect().await.map_err(|error| match error {
            ConnectError::Refused => AdminUnanswered::NotRunning(door.address.clone()),
            error => door.lost(error.into()),
        })?;
        let token = self.token.as_ref().and_then(|token| token.as_ref().ok());
        match timeout(LONGEST_WAIT, exchange(stream, method, path, token)).await {
            Ok(answer) => answer.map_err(|error| door.lost(error)),
            Err(_) => Err(door.late()),
        }
    }

    /// The rest of an answer that ends soon.
    async fn whole(&self, door: &AdminDoor, answer: AdminStream) -> Result<AdminAnswer, AdminUnanswered> {
        let AdminStream { status, mut link } = answer;
        match timeout(LONGEST_WAIT, link.body(LONGEST_ANSWER)).await {
            Ok(Ok(bytes)) => {
                Ok(self.explained(AdminAnswer { status, text: String::from_utf8_lossy(&bytes).into_owned() }))
            }
            Ok(Err(error)) => Err(door.lost(error.into())),
            Err(_) => Err(door.late()),
        }
    }

    /// Replaces the answer's text by the reason that the token is missing, if that reason is known here.
    fn explained(&self, mut answer: AdminAnswer) -> AdminAnswer {
        if let (StatusCode::UNAUTHORIZED, Some(Err(error))) = (answer.status, &self.token) {
            answer.text = format!("frontgate wants its admin token: {error}");
        }
        answer
    }
}

impl AdminDoor {
    /// The address of `admin`, unless it is off.
    fn of(admin: &Admin) -> anyhow::Result<Option<Self>> {
        let Some(upstream) = admin.to_dial() else { return Ok(None) };
        let never = |_: &str| Err(anyhow!("the admin listener speaks no TLS"));
        let connector = Connector::new(&upstream, Some(CONNECT), never)?;
        Ok(Some(Self { connector, address: admin.to_string() }))
    }

    fn lost(&self, error: anyhow::Error) -> AdminUnanswered {
        AdminUnanswered::Lost(self.address.clone(), error)
    }

    fn late(&self) -> AdminUnanswered {
        self.lost(anyhow!("it took longer than {LONGEST_WAIT:?}"))
    }
}

/// The address that a note has.
fn bind_addr(text: &str) -> Option<BindAddr> {
    match text.strip_prefix("unix:") {
        Some(path) => Some(BindAddr::Unix(path.into())),
        None => text.parse().ok().map(BindAddr::Tcp),
    }
}

impl AdminAnswer {
    /// The answer's text, if its status says that the operation is done.
    pub(super) fn done(self) -> Result<String, CommandFailure> {
        if self.status.is_success() { Ok(self.text) } else { Err(anyhow!(self.text.trim_end().to_owned()).into()) }
    }
}

impl AdminStream {
    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        loop {
            let Some(frame) = timeout(LONGEST_SILENCE, poll_fn(|cx| self.link.poll_frame(cx))).await? else {
                return Ok(None);
            };
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

impl From<AdminUnanswered> for CommandFailure {
    fn from(error: AdminUnanswered) -> Self {
        anyhow::Error::new(error).into()
    }
}

async fn exchange(
    stream: crate::tls::ByteStream,
    method: Method,
    path: &str,
    token: Option<&Secret>,
) -> anyhow::Result<AdminStream> {
    let mut request = Request::new(RequestBody::Empty);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().context("the path")?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    if let Some(token) = token {
        let mut shown = HeaderValue::from_bytes(&[b"Bearer ", token.expose()].concat()).context("the token")?;
        shown.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, shown);
    }
    let mut link = H1Connection::open(stream, LONGEST_HEAD);
    let response = link.exchange(request).await.map_err(|failed| failed.error)?;
    Ok(AdminStream { status: response.status(), link })
}

const CONNECT: Duration = Duration::from_secs(5);
/// Long enough for a reload that makes keys on a small machine.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// For the next piece of an answer that goes on: frontgate gives signs of life.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);
const LONGEST_HEAD: usize = 16 * 1024;
/// Bytes: two thousand WebSockets at some 900 bytes each, with room to spare.
const LONGEST_ANSWER: usize = 4 << 20;
