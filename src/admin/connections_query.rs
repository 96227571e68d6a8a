//! [`ConnectionsQuery`]: which of the open WebSockets an operator asks for, and in which order.

use std::fmt;
use std::net::IpAddr;

use super::form::decoded;

/// Which of the open WebSockets are meant, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionsQuery {
    /// What each of these fields must be.
    pub(crate) filters: Vec<(ConnectionField, String)>,
    /// A text that one of the fields must contain, in letters of either case.
    pub(crate) search: Option<String>,
    /// By what they are sorted.
    pub(crate) sort: ConnectionOrder,
    /// Whether the order is turned round.
    pub(crate) descending: bool,
    /// How many are left out at the beginning.
    pub(crate) offset: usize,
    /// The most that are listed.
    pub(crate) limit: usize,
    /// Whether those of all replicas are meant.
    pub(crate) cluster: bool,
}

/// A field of a WebSocket that it can be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionField {
    Id,
    Client,
    User,
    Route,
    Endpoint,
    Host,
    Path,
    Protocol,
    State,
}

/// By what WebSockets are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionOrder {
    /// By their age; the newest first.
    Age,
    /// By the time since their last byte.
    Idle,
    /// By the bytes of both directions.
    Bytes,
    /// By the messages of both directions.
    Messages,
    /// By the slower of the last pings.
    Ping,
    /// By a field.
    By(ConnectionField),
}

impl Default for ConnectionsQuery {
    fn default() -> Self {
        Self {
            filters: Vec::new(),
            search: None,
            sort: ConnectionOrder::Age,
            descending: false,
            offset: 0,
            limit: USUAL_LIMIT,
            cluster: false,
        }
    }
}

impl ConnectionsQuery {
    /// Reads the query of a target.
    ///
    /// # Errors
    /// What is wrong with it, in words. A filter that is not known must not list, or end, more than was meant.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or("the query is not UTF-8 in percent-encoding\n")?;
            let number = || value.parse::<usize>().map_err(|_| format!("{name} is a number\n"));
            match name {
                "cluster" => parsed.cluster = value == "on",
                "search" => parsed.search = Some(value).filter(|text| !text.is_empty()),
                "offset" => parsed.offset = number()?,
                "limit" => parsed.limit = number()?.clamp(1, MOST),
                "sort" => {
                    let key = value.strip_prefix('-');
                    parsed.descending = key.is_some();
                    parsed.sort = ConnectionOrder::parse(key.unwrap_or(&value))
                        .ok_or_else(|| format!("sort is one of {}, with a - in front for the other way\n", orders()))?;
                }
                _ => {
                    let field = ConnectionField::parse(name).ok_or_else(|| {
                        format!("the query knows search, offset, limit, sort, cluster, {}\n", fields())
                    })?;
                    if field == ConnectionField::Client && !is_client(&value) {
                        return Err(format!(
                            "client is an address such as 203.0.113.5, or unix, and {} is none\n",
                            value.escape_debug()
                        ));
                    }
                    parsed.filters.push((field, value));
                }
            }
        }
        Ok(parsed)
    }
}

/// As [`ConnectionsQuery::parse`] reads it, for another replica to answer.
impl fmt::Display for ConnectionsQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset={}&limit={}&sort=", self.offset, self.limit)?;
        f.write_str(if self.descending { "-" } else { "" })?;
        let own = ORDERS.into_iter().find(|(_, order)| *order == self.sort).map(|(name, _)| name);
        let by = |(name, field): &(&'static str, ConnectionField)| {
            (ConnectionOrder::By(*field) == self.sort).then_some(*name)
        };
        f.write_str(own.or_else(|| FIELDS.iter().find_map(by)).unwrap_or("age"))?;
        if let Some(text) = &self.search {
            write!(f, "&search={}", encoded(text))?;
        }
        for (field, value) in &self.filters {
            let name = FIELDS.iter().find(|(_, known)| known == field).map_or("id", |(name, _)| name);
            write!(f, "&{name}={}", encoded(value))?;
        }
        Ok(())
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

impl ConnectionField {
    fn parse(name: &str) -> Option<Self> {
        FIELDS.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }
}

impl ConnectionOrder {
    fn parse(name: &str) -> Option<Self> {
        let own = ORDERS.into_iter().find(|(known, _)| *known == name).map(|(_, order)| order);
        own.or_else(|| ConnectionField::parse(name).map(Self::By))
    }
}

/// Whether the text can be the client of a WebSocket; any other would find none.
fn is_client(text: &str) -> bool {
    text == "unix" || text.parse::<IpAddr>().is_ok()
}

fn fields() -> String {
    FIELDS.map(|(name, _)| name).join(", ")
}

fn orders() -> String {
    format!("{}, {}", ORDERS.map(|(name, _)| name).join(", "), fields())
}

const FIELDS: [(&str, ConnectionField); 9] = [
    ("id", ConnectionField::Id),
    ("client", ConnectionField::Client),
    ("user", ConnectionField::User),
    ("route", ConnectionField::Route),
    ("endpoint", ConnectionField::Endpoint),
    ("host", ConnectionField::Host),
    ("path", ConnectionField::Path),
    ("protocol", ConnectionField::Protocol),
    ("state", ConnectionField::State),
];
const ORDERS: [(&str, ConnectionOrder); 5] = [
    ("age", ConnectionOrder::Age),
    ("idle", ConnectionOrder::Idle),
    ("bytes", ConnectionOrder::Bytes),
    ("messages", ConnectionOrder::Messages),
    ("ping", ConnectionOrder::Ping),
];
/// WebSockets of a page where none is said.
const USUAL_LIMIT: usize = 1000;
/// The most of one page, some 800 bytes each.
const MOST: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_refused() {
        let plain = ConnectionsQuery::default;
        let user = |name: &str| vec![(ConnectionField::User, name.to_owned())];
        for (query, expected) in [
            ("", Some(plain())),
            ("user=ann%40example.com", Some(ConnectionsQuery { filters: user("ann@example.com"), ..plain() })),
            ("limit=5&offset=10", Some(ConnectionsQuery { limit: 5, offset: 10, ..plain() })),
            ("limit=0", Some(ConnectionsQuery { limit: 1, ..plain() })),
            ("limit=99999999", Some(ConnectionsQuery { limit: MOST, ..plain() })),
            ("sort=-bytes", Some(ConnectionsQuery { sort: ConnectionOrder::Bytes, descending: true, ..plain() })),
            ("sort=user", Some(ConnectionsQuery { sort: ConnectionOrder::By(ConnectionField::User), ..plain() })),
            ("search=", Some(plain())),
            ("usr=ann", None),
            ("sort=", None),
            ("sort=size", None),
            ("limit=x", None),
            ("offset=-1", None),
            ("user=%ff", None),
            ("client=999", None),
            ("client=", None),
            (
                "client=::1",
                Some(ConnectionsQuery { filters: vec![(ConnectionField::Client, "::1".to_owned())], ..plain() }),
            ),
            (
                "client=unix",
                Some(ConnectionsQuery { filters: vec![(ConnectionField::Client, "unix".to_owned())], ..plain() }),
            ),
        ] {
            let read = ConnectionsQuery::parse(query).ok();
            assert_eq!(read, expected, "{query}");
            if let Some(read) = read {
                assert_eq!(ConnectionsQuery::parse(&read.to_string()), Ok(read), "{query}");
            }
        }
    }
}
