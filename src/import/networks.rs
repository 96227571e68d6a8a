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
    let list = if rest { &mut allowed } else { &mut denied };
    list.extend(&left);
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

/// The networks of the addresses of IPv4 in which a regular expression is found, if it is as simple as `^10\.` or
/// `^(127\.0\.0\.1|192\.168\.1\.)`.
pub(super) fn matching(regex: &str) -> Option<Vec<IpNet>> {
    let body = regex.strip_prefix('^')?;
    let group = body.strip_prefix("(?:").or_else(|| body.strip_prefix('('));
    let (inner, end) = match group.and_then(|rest| rest.split_once(')')) {
        Some((inner, end)) => (inner, end),
        None => (body, ""),
    };
    if inner.contains(['(', ')']) || (group.is_none() && inner.contains('|')) {
        return None;
    }
    let mut nets = Vec::new();
    for one in inner.split('|') {
        nets.extend(beginning(&format!("{one}{end}"))?);
    }
    Some(IpNet::aggregate(&nets))
}

/// The networks of the addresses that begin with this text, in which dots are escaped; `$` ends the address.
fn beginning(text: &str) -> Option<Vec<IpNet>> {
    let (text, whole) = text.strip_suffix('$').map_or((text, false), |text| (text, true));
    let text = text.strip_suffix(".*").unwrap_or(text).replace("\\.", " ");
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ') {
        return None;
    }
    let mut parts: Vec<&str> = text.split(' ').collect();
    let last = parts.pop()?;
    let octets: Vec<u8> = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if octets.len() > 3 || (whole && (octets.len() != 3 || last.is_empty())) {
        return None;
    }
    let mut bytes = [0; 4];
    bytes[..octets.len()].copy_from_slice(&octets);
    let net =
        |bytes: [u8; 4], octets: usize| Ipv4Net::new(bytes.into(), u8::try_from(octets * 8).ok()?).ok().map(IpNet::V4);
    if last.is_empty() {
        return Some(vec![net(bytes, octets.len())?]);
    }
    let fits = |value: &u8| if whole { value.to_string() == last } else { value.to_string().starts_with(last) };
    (0..=255)
        .filter(fits)
        .map(|value| {
            bytes[octets.len()] = value;
            net(bytes, octets.len() + 1)
        })
        .collect()
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

    #[test]
    fn simple_expressions_are_networks() {
        for (regex, expected) in [
            (r"^10\.", Some(nets(&["10.0.0.0/8"]))),
            (r"^192\.168\.", Some(nets(&["192.168.0.0/16"]))),
            (r"^(127\.0\.0\.1|10\.1\.)$", None),
            (r"^127\.0\.0\.1$", Some(nets(&["127.0.0.1/32"]))),
            (r"^(10\.|192\.168\.)", Some(nets(&["10.0.0.0/8", "192.168.0.0/16"]))),
            (r"^25", Some(nets(&["25.0.0.0/8", "250.0.0.0/7", "252.0.0.0/6"]))),
            (r"^10\.|^192\.", None),
            ("10", None),
            ("^1.", None),
        ] {
            assert_eq!(matching(regex), expected, "{regex}");
        }
    }
}
