//! [`AddressRules`]: an ordered list of networks that may pass and may not, as one list without an order.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What an ordered list of networks comes to, where the first that has a client decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AddressRules {
    /// Every client may pass.
    All,
    /// No client may pass.
    Nothing,
    /// Only clients of these networks may pass.
    Only(Vec<IpNet>),
    /// Clients of these networks may not pass.
    Except(Vec<IpNet>),
}

/// All addresses of both families.
pub(super) fn everywhere() -> [IpNet; 2] {
    let v4 = Ipv4Net::new(Ipv4Addr::UNSPECIFIED, 0).expect("0 is a length");
    [v4.into(), Ipv6Net::new(Ipv6Addr::UNSPECIFIED, 0).expect("0 is a length").into()]
}

/// What the list comes to: whether each network may pass, in order; a client of none may pass if `rest` says so.
pub(super) fn decided(list: &[(bool, IpNet)], rest: bool) -> AddressRules {
    let (mut left, mut allowed, mut denied): (Vec<IpNet>, Vec<IpNet>, Vec<IpNet>) =
        (everywhere().to_vec(), Vec::new(), Vec::new());
    for (passes, net) in list {
        let list = if *passes { &mut allowed } else { &mut denied };
        list.extend(left.iter().filter_map(|one| common(one, net)));
        left = left.into_iter().flat_map(|one| without(one, net)).collect();
    }
    if rest {
        allowed.extend(&left)
    } else {
        denied.extend(&left)
    };
    let (allowed, denied) = (IpNet::aggregate(&allowed), IpNet::aggregate(&denied));
    // Each is all that the other is not: the shorter list is the one to read.
    match (allowed.len(), denied.len()) {
        (_, 0) => AddressRules::All,
        (0, _) => AddressRules::Nothing,
        (most, few) if few < most => AddressRules::Except(denied),
        _ => AddressRules::Only(allowed),
    }
}

/// The network that is in both.
fn common(one: &IpNet, other: &IpNet) -> Option<IpNet> {
    if one.contains(other) { Some(*other) } else { other.contains(one).then_some(*one) }
}

/// What is left of `net` without `hole`.
fn without(net: IpNet, hole: &IpNet) -> Vec<IpNet> {
    if hole.contains(&net) {
        return Vec::new();
    }
    if !net.contains(hole) {
        return vec![net];
    }
    // The hole is smaller: each half is looked at, as long as one has it.
    let halves = net.subnets(net.prefix_len() + 1).into_iter().flatten();
    halves.flat_map(|half| without(half, hole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(list: &[&str]) -> Vec<IpNet> {
        list.iter().map(|net| net.parse().unwrap()).collect()
    }

    fn rules(list: &str, rest: bool) -> AddressRules {
        let rule = |word: &str| match word {
            "+*" | "-*" => everywhere().iter().map(|net| (word.starts_with('+'), *net)).collect(),
            word => vec![(word.starts_with('+'), word[1..].parse().unwrap())],
        };
        decided(&list.split_whitespace().flat_map(rule).collect::<Vec<_>>(), rest)
    }

    #[test]
    fn the_first_network_that_has_a_client_decides() {
        for (list, rest, expected) in [
            ("", true, AddressRules::All),
            ("", false, AddressRules::Nothing),
            ("-*", true, AddressRules::Nothing),
            ("+* -10.0.0.0/8", false, AddressRules::All),
            ("+10.0.0.0/8 -*", true, AddressRules::Only(nets(&["10.0.0.0/8"]))),
            ("-10.0.0.0/8", true, AddressRules::Except(nets(&["10.0.0.0/8"]))),
            ("-127.0.0.2/32 +*", true, AddressRules::Except(nets(&["127.0.0.2/32"]))),
            ("+10.0.0.0/9 -10.0.0.0/8", true, AddressRules::Except(nets(&["10.128.0.0/9"]))),
            ("-10.0.0.0/9 +10.0.0.0/8 -*", true, AddressRules::Only(nets(&["10.128.0.0/9"]))),
            ("+10.0.0.0/8 -10.1.0.0/16 -*", true, AddressRules::Only(nets(&["10.0.0.0/8"]))),
        ] {
            assert_eq!(rules(list, rest), expected, "{list}");
        }
    }
}
