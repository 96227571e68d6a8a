//! Reloads together with handovers, the service manager, and requests that wait for the gateway.

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixDatagram;

use super::{
    ADMIN, ASK, LISTEN, answering, free_address, overlaid, post, reload, reloaded, replace, status, text, with,
};
use crate::harness::{Binary, Reserved, Wire, binary, dial, gateway, within};
use crate::websocket::scene::connect;

#[tokio::test]
async fn a_successor_goes_on_with_the_listeners_of_the_last_reload() {
    let gateway = answering("ok").await;
    let mut binary = binary().upstream(&gateway).config(LISTEN).config(ADMIN).start().await;
    let (plain, free) = (binary.plain.unwrap(), free_address());
    let listen = format!("listen: {{ https: [\"127.0.0.1:0\"], plain: [\"{free}\"] }}");
    reload(&mut binary, &with(&gateway, &[&listen])).await;
    let listeners = status(&binary).await["listeners"].clone();
    let (mut serving, mut successors) = (binary.pid(), Killed(Vec::new()));
    for _ in 0..2 {
        signal(serving, Signal::USR2);
        let line = binary.line(|line| !line["successor"].is_null() || line["level"] == "ERROR").await;
        serving = line["successor"].as_u64().unwrap_or_else(|| panic!("{line}")).try_into().unwrap();
        successors.0.push(serving);
        binary.line(|line| line["message"] == "stopped").await;

        let told = status(&binary).await;
        assert_eq!((&told["pid"], &told["listeners"]), (&serving.into(), &listeners));
        assert!(connect(plain).await.is_err(), "it was closed before");
        for mut client in [Wire::new(dial(free).await), Wire::new(dial(free).await)] {
            client.send(ASK).await;
            assert_eq!(client.response().await.status(), 200);
        }
        let mut client = binary.client().await;
        client.send(ASK).await;
        assert_eq!(client.response().await.status(), 200);

        // The successor keeps the listeners that it was given.
        signal(serving, Signal::HUP);
        reloaded(&mut binary, "SIGHUP").await;
        assert_eq!(status(&binary).await["listeners"], listeners);
    }
    signal(serving, Signal::TERM);
    binary.line(|line| line["message"] == "stopped").await;
}

#[tokio::test]
async fn a_socket_of_systemd_stands_for_all_of_its_key_through_reloads() {
    let gateway = answering("ok").await;
    let [first, second] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [https, plain] = [&first, &second].map(|socket| socket.local_addr().unwrap());
    let listen = format!("listen: {{ https: [\"127.0.0.1:0\"], plain: [\"{plain}\"] }}");
    let builder = binary().upstream(&gateway).config(&listen).config(ADMIN);
    let mut binary = builder.sockets("https:frontgate.socket", [first.into(), second.into()]).start().await;
    // systemd decides which addresses the key has.
    let more = format!("listen: {{ https: [\"127.0.0.1:0\", \"127.0.0.1:0\"], plain: [\"{plain}\"] }}");
    reload(&mut binary, &with(&gateway, &[&more])).await;
    let listeners = status(&binary).await["listeners"].clone();
    let told: Vec<_> = listeners.as_array().unwrap().iter().map(|listener| listener["address"].clone()).collect();
    assert_eq!(told[..2], [https.to_string(), plain.to_string()]);
    assert_eq!((told.len(), &listeners[2]["purpose"]), (3, &"admin".into()));

    signal(binary.pid(), Signal::USR2);
    let line = binary.line(|line| !line["successor"].is_null() || line["level"] == "ERROR").await;
    let serving = line["successor"].as_u64().unwrap_or_else(|| panic!("{line}")).try_into().unwrap();
    let _successor = Killed(vec![serving]);
    binary.line(|line| line["message"] == "stopped").await;
    assert_eq!(status(&binary).await["listeners"], listeners);
    // A key without an address is off, and its socket closed.
    let off = format!("listen: {{ https: [], plain: [\"{plain}\"] }}");
    reload(&mut binary, &with(&gateway, &[&off])).await;
    assert!(connect(https).await.is_err());
    let mut client = binary.plain_client().await;
    client.send(ASK).await;
    assert_eq!(client.response().await.status(), 200);
}

#[tokio::test]
async fn the_manager_hears_of_each_reload_and_of_a_drain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let gateway = answering("ok").await;
    let builder = binary().upstream(&gateway).config(LISTEN).config(ADMIN);
    let mut binary = builder.environment("NOTIFY_SOCKET", path.to_str().unwrap()).start().await;
    let next = async || {
        let mut datagram = [0; 256];
        let length = within("a notification", manager.recv(&mut datagram)).await.unwrap();
        String::from_utf8_lossy(&datagram[..length]).into_owned()
    };
    assert_eq!(next().await, "READY=1\n");
    // A reload that is refused ends as well, or the manager would wait for it.
    for (line, accepted) in [("timeouts: { connect: 3s }", 200), ("nonsense: 1", 400)] {
        replace(&binary, &with(&gateway, &[line]));
        assert_eq!(post(&binary, "/reload").await.0, accepted);
        let reloading = next().await;
        assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
        assert_eq!(next().await, "READY=1\n");
    }
    assert_eq!(post(&binary, "/drain").await.0, 202);
    let line = binary.line(|line| line["message"] == "stopping; a second signal stops at once").await;
    assert_eq!((line["signal"].as_str(), next().await.as_str()), (Some("drain"), "STOPPING=1\n"));
    assert_eq!(binary.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_request_that_waits_for_the_gateway_waits_through_reloads() {
    let reserved = Reserved::new();
    let upstream = format!("upstream: http://{}", reserved.address);
    let mut binary = binary().config(LISTEN).config(ADMIN).config(&upstream).start().await;
    let first_text = text(&binary);
    let mut first = arrives(&binary, "/first").await;
    reload(&mut binary, &overlaid(&first_text, "timeouts: { connect: 3s }")).await;
    // In the same hold queue, though by another pool.
    let mut second = arrives(&binary, "/second").await;
    reload(&mut binary, &overlaid(&first_text, "hold: off")).await;
    let mut third = arrives(&binary, "/third").await;
    assert_eq!(third.response().await.status(), 502);

    let mut gateway = gateway().at(reserved).answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    // The hold queue decides in which order they come.
    let mut targets = Vec::new();
    for _ in 0..2 {
        targets.push(String::from_utf8_lossy(gateway.request().await.target()).into_owned());
    }
    targets.sort();
    assert_eq!(targets, ["/first", "/second"]);
    for client in [&mut first, &mut second] {
        assert_eq!(client.response().await.status(), 200);
    }
    assert_eq!(binary.terminate().await.code(), Some(0));
    let news = binary.printed.iter().filter(|line| line.contains("the gateway is down; requests wait for it"));
    assert_eq!(news.count(), 1, "there is one gate, and one outage");
}

/// Processes that are killed at the end of the test; those that have ended by then are gone.
struct Killed(Vec<u32>);

impl Drop for Killed {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Sends a request, and comes back when the proxy has read it: another one was answered behind it.
async fn arrives(binary: &Binary, target: &str) -> Wire {
    let mut client = binary.plain_client().await;
    client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    let mut other = binary.plain_client().await;
    other.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(other.response().await.status(), 400);
    client
}
