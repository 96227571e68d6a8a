use std::collections::HashSet;

use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;

#[test]
fn what_has_run_out_is_named() {
    let errno = io::Error::from_raw_os_error;
    let rows = [
        (errno(24), "no_files"),   // EMFILE
        (errno(23), "no_files"),   // ENFILE
        (errno(99), "no_ports"),   // EADDRNOTAVAIL
        (errno(98), "no_ports"),   // EADDRINUSE
        (errno(12), "no_memory"),  // ENOMEM
        (errno(105), "no_memory"), // ENOBUFS
        (errno(111), "refused"),   // ECONNREFUSED
        (errno(2), "refused"),     // ENOENT
        (errno(113), "other"),     // EHOSTUNREACH
    ];
    for (error, expected) in rows {
        let text = error.to_string();
        let error = ConnectError::of(error);
        assert_eq!(error.as_str(), expected, "{text}");
        assert!(ConnectError::NAMES.contains(&error.as_str()));
        assert!(expected == "refused" || error.to_string().contains(&text), "{error}");
    }
    assert_eq!(ConnectError::NAMES.iter().collect::<HashSet<_>>().len(), ConnectError::NAMES.len());
}

/// An address that takes no connection: the queue of its listener is full, and the kernel drops what comes.
pub(in crate::upstream) async fn silent(ip: &str) -> (TcpListener, Vec<TcpStream>, u16) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((ip.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), open(address)).await {
        queued.push(stream);
    }
    (listener, queued, address.port())
}

#[tokio::test]
async fn connections_come_from_the_given_addresses_in_turn_and_share_ports_among_endpoints() {
    let (one, two) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let sources = ["127.0.0.2", "127.0.0.3"].map(|ip| ip.parse::<IpAddr>().unwrap());
    let to = |listener: &TcpListener| {
        Connector::at(listener.local_addr().unwrap(), None, None).coming_from(SourceAddresses::new(&sources))
    };
    let (first, second) = (to(&one), to(&two));
    let (mut held, mut seen) = (Vec::new(), HashSet::new());
    for _ in 0..4 {
        held.push(first.connect_counted().await.unwrap());
        seen.insert(one.accept().await.unwrap().1.ip());
        held.push(second.connect_counted().await.unwrap());
    }
    assert_eq!(seen, HashSet::from(sources));
    assert_eq!(first.source_counts().iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 2]);
    drop(held);
    assert_eq!(first.source_counts().iter().map(|(_, count)| *count).collect::<Vec<_>>(), [0, 0]);
    // An address that is not this machine's has no port for any endpoint.
    let foreign = Connector::at(one.local_addr().unwrap(), None, None);
    let foreign = foreign.coming_from(SourceAddresses::new(&["192.0.2.77".parse().unwrap()]));
    let error = foreign.connect().await.map(|_| ()).unwrap_err();
    assert_eq!(error.as_str(), "no_ports", "{error}");
}

#[tokio::test]
async fn a_silent_address_of_a_name_hides_no_live_one_and_costs_the_next_connection_nothing() {
    let (_full, _queued, port) = silent("127.0.0.2").await;
    let live = TcpListener::bind(("127.0.0.3", port)).await.unwrap();
    let both = NameResolver::by(|_| Ok(vec![[127, 0, 0, 2].into(), [127, 0, 0, 3].into()]));
    let limit = Duration::from_secs(20);
    let upstream = UpstreamAddress::Http { host: "gateway".to_owned(), port };
    let connector = Connector::new(&upstream, Some(limit), |_| Err(rustls::pki_types::InvalidDnsNameError));
    let connector = connector.unwrap().asking(both);
    let began = Instant::now();
    connector.connect().await.unwrap();
    assert!(began.elapsed() < limit / 2, "{:?}", began.elapsed());
    assert_eq!(*connector.reached.lock().unwrap(), Some([127, 0, 0, 3].into()));
    connector.connect().await.unwrap();
    drop(live);
    // Both of them gone: the live one refuses, and the other one is still tried.
    let short = Connector { limit: Some(Duration::from_millis(600)), ..connector };
    assert!(matches!(short.connect().await, Err(ConnectError::TimedOut(_))));
}
