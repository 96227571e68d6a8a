//! [`Link`]: one connection to a Redis, from the look-up of its name to its log-in.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::resp::{self, NotRedis, Reply};
use crate::config::{RedisPlace, RedisUrl};
use crate::listener::NameResolver;

/// Where Redis is, and how it is asked.
#[derive(Clone)]
pub(crate) struct RedisTarget {
    /// What the configuration says; more than one for the nodes of a Redis Cluster.
    pub(crate) urls: Vec<RedisUrl>,
    /// How a Redis that speaks TLS is verified, and the name that its certificate must have where that is not the host.
    pub(crate) tls: Option<(Arc<ClientConfig>, Option<ServerName<'static>>)>,
    /// Looks the names of hosts up.
    pub(crate) names: NameResolver,
}

/// Why a Redis gives no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{host}:{port}: {source}")]
    Connect { host: String, port: u16, source: io::Error },
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    NotRedis(#[from] NotRedis),
    #[error("it refuses: {0}")]
    Refused(String),
    #[error("no Sentinel knows a master of that name")]
    NoMaster,
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

trait LinkStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> LinkStream for S {}

/// One connection to a Redis.
pub(super) struct Link {
    stream: Box<dyn LinkStream>,
    unread: Vec<u8>,
}

impl Link {
    /// Connects to the Redis of `target`; with `moved`, to that node of its cluster.
    pub(super) async fn open(target: &RedisTarget, moved: Option<&(String, u16)>) -> Result<Self, LinkError> {
        let mut last = LinkError::NoMaster;
        for url in &target.urls {
            let opened = match &url.place {
                RedisPlace::Sentinel { master } => Self::through_sentinels(target, url, master).await,
                RedisPlace::Server { database } => {
                    let host = moved.or_else(|| url.hosts.first());
                    let Some((host, port)) = host else { continue };
                    Self::proved(target, url, (host, *port), *database).await
                }
            };
            match opened {
                Ok(link) => return Ok(link),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn through_sentinels(target: &RedisTarget, url: &RedisUrl, master: &str) -> Result<Self, LinkError> {
        let mut last = LinkError::NoMaster;
        for (host, port) in &url.hosts {
            match Self::master_of(target, url, (host, *port), master).await {
                Ok((host, port)) => return Self::proved(target, url, (&host, port), 0).await,
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where the master is, as the Sentinel at `at` knows.
    async fn master_of(
        target: &RedisTarget,
        url: &RedisUrl,
        at: (&str, u16),
        master: &str,
    ) -> Result<(String, u16), LinkError> {
        let mut link = Self::dial(target, url, at).await?;
        let found = link.call(&[b"SENTINEL", b"get-master-addr-by-name", master.as_bytes()]).await?.items();
        let [host, port] = &found[..] else { return Err(LinkError::NoMaster) };
        let port = port.text().and_then(|port| port.parse().ok());
        host.text().map(str::to_owned).zip(port).ok_or(LinkError::NoMaster)
    }

    /// A connection to a server that knows who asks.
    async fn proved(target: &RedisTarget, url: &RedisUrl, at: (&str, u16), database: u32) -> Result<Self, LinkError> {
        let mut link = Self::dial(target, url, at).await?;
        if let Some(password) = &url.password {
            match &url.user {
                Some(user) => link.call(&[b"AUTH", user.as_bytes(), password.expose()]).await?,
                None => link.call(&[b"AUTH", password.expose()]).await?,
            };
        }
        if database != 0 {
            link.call(&[b"SELECT", database.to_string().as_bytes()]).await?;
        }
        link.call(&[b"PING"]).await?;
        Ok(link)
    }

    async fn dial(target: &RedisTarget, url: &RedisUrl, (host, port): (&str, u16)) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Connect { host: host.to_owned(), port, source };
        let late = |_| failed(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
        let open = async {
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in target.names.find(host).await?.iter() {
                #[expect(clippy::disallowed_methods, reason = "the one Redis client")]
                let connected = timeout(DIAL / 2, TcpStream::connect((*address, port))).await;
                match connected {
                    Ok(Ok(stream)) => return Self::over(target, url, host, stream).await,
                    Ok(Err(error)) => last = error,
                    Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no answer"),
                }
            }
            Err(last)
        };
        let stream = timeout(DIAL, open).await.map_err(late)?.map_err(failed)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    async fn over(
        target: &RedisTarget,
        url: &RedisUrl,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<Box<dyn LinkStream>> {
        stream.set_nodelay(true)?;
        if !url.tls {
            return Ok(Box::new(stream));
        }
        let (config, name) = target.tls.as_ref().ok_or_else(|| io::Error::other("no settings for TLS"))?;
        let name = match name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(io::Error::other)?,
        };
        Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?))
    }

    /// Sends a command and waits for its reply. For a connection on which nothing else is under way.
    pub(super) async fn call(&mut self, parts: &[&[u8]]) -> Result<Reply, LinkError> {
        self.send(&resp::command(parts)).await?;
        match timeout(PATIENCE, self.receive()).await {
            Ok(Ok(Reply::Error(why))) => Err(LinkError::Refused(why)),
            Ok(reply) => reply,
            Err(_) => Err(LinkError::Silent(PATIENCE)),
        }
    }

    /// Sends commands.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        Ok(timeout(PATIENCE, written).await.map_err(|_| LinkError::Silent(PATIENCE))??)
    }

    /// The next reply. Nothing is lost where this is dropped before it is done.
    pub(super) async fn receive(&mut self) -> Result<Reply, LinkError> {
        loop {
            if let Some((reply, length)) = resp::reply(&self.unread)? {
                self.unread.drain(..length);
                return Ok(reply);
            }
            self.unread.reserve(READ);
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(LinkError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

/// Bytes that are read at once.
const READ: usize = 16 * 1024;
/// For a name, a connection and a TLS handshake.
const DIAL: Duration = Duration::from_secs(3);
/// Redis answers in less than a millisecond, unless it is stopped.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
