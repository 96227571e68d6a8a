//! [`OwnAddresses`]: where clients come in, for what dials.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// The addresses that frontgate's own listeners are bound to, the admin listener's among them. What dials a gateway looks here whether it has reached frontgate
/// itself, which would ask itself for ever. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnAddresses(Arc<ArcSwap<Vec<SocketAddr>>>);

impl OwnAddresses {
    /// They are these from here on.
    pub(crate) fn set(&self, addresses: Vec<SocketAddr>) {
        self.0.store(Arc::new(addresses));
    }

    /// The one of them that a connection from `local` to `peer` has reached.
    pub(crate) fn reached(&self, local: SocketAddr, peer: SocketAddr) -> Option<SocketAddr> {
        let (local, ip) = (local.ip().to_canonical(), peer.ip().to_canonical());
        // A machine reaches itself from the address that it asks for, or over loopback.
        let is_here = ip == local || ip.is_loopback() || local.is_loopback();
        self.0.load().iter().copied().find(|own| {
            let bound = own.ip().to_canonical();
            own.port() == peer.port() && (bound == ip || (bound.is_unspecified() && is_here))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_known_by_every_address_that_leads_to_it() {
        let rows = [
            ("127.0.0.1:8443", "127.0.0.1:50000", "127.0.0.1:8443", true),
            ("127.0.0.1:8443", "127.0.0.1:50000", "127.0.0.1:18789", false),
            ("127.0.0.1:8443", "127.0.0.1:50000", "127.0.0.2:8443", false),
            ("0.0.0.0:8443", "127.0.0.1:50000", "127.0.0.2:8443", true),
            ("[::]:8443", "127.0.0.1:50000", "127.0.0.1:8443", true),
            ("[::]:8443", "[::1]:50000", "[::1]:8443", true),
            ("[::]:8443", "[2001:db8::1]:50000", "[2001:db8::1]:8443", true),
            ("[::]:8443", "192.0.2.1:50000", "192.0.2.1:8443", true),
            ("[::]:8443", "192.0.2.1:50000", "[::ffff:192.0.2.1]:8443", true),
            ("192.0.2.1:8443", "192.0.2.1:50000", "192.0.2.1:8443", true),
            // From a `source` of this machine alone.
            ("0.0.0.0:8443", "127.0.0.2:50000", "192.0.2.1:8443", true),
            // Another machine's, on the same port.
            ("[::]:8443", "192.0.2.1:50000", "192.0.2.2:8443", false),
        ];
        for (own, local, peer, expected) in rows {
            let addresses = OwnAddresses::default();
            addresses.set(vec![own.parse().unwrap()]);
            let reached = addresses.reached(local.parse().unwrap(), peer.parse().unwrap());
            assert_eq!(reached.is_some(), expected, "{own} from {local} to {peer}");
        }
    }
}
