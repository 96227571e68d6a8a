//! Networks of clients, in the ways in which Apache has them written: as partial addresses, with masks, and as regular
//! expressions for the text of an address.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::import::matching::{Unsayable, expression};

/// `10`, `10.1.`, `10.1.2.3`, `10.0.0.0/8`, `10.1.0.0/255.255.0.0`, `2001:db8::/32`.
pub(super) fn network(text: &str) -> Result<IpNet, Unsayable> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(net.trunc());
    }
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Ok(addr.into());
    }
    if let Some((addr, mask)) = text.split_once('/') {
        let (addr, mask) = (addr.parse().map_err(|_| Unsayable)?, mask.parse().map_err(|_| Unsayable)?);
        return Ipv4Net::with_netmask(addr, mask).map(|net| net.trunc().into()).map_err(|_| Unsayable);
    }
    let octets: Result<Vec<u8>, _> = text.trim_end_matches('.').split('.').map(str::parse).collect();
    let octets = octets.map_err(|_| Unsayable)?;
    if octets.is_empty() || octets.len() > 3 {
        return Err(Unsayable);
    }
    prefix(&octets, u32::try_from(octets.len() * 8).map_err(|_| Unsayable)?)
}

/// The networks whose addresses, as text, match the expression: one that begins with `^` and goes through the numbers of
/// an IPv4 address, one after the other.
pub(super) fn networks_of_text(regex: &str) -> Result<Vec<IpNet>, Unsayable> {
    let body = regex.strip_prefix('^').ok_or(Unsayable)?;
    let mut all = Vec::new();
    for text in spread(body)? {
        let (text, ends) = text.strip_suffix('$').map_or((text.as_str(), false), |text| (text, true));
        let mut numbers = vec![Vec::<u8>::new()];
        let parts = parts(text)?;
        if parts.len() > 4 || parts.is_empty() {
            return Err(Unsayable);
        }
        for (index, part) in parts.iter().enumerate() {
            let last = index + 1 == parts.len();
            if part.is_empty() && last && index > 0 {
                break;
            }
            // Behind the last part anything may follow, unless the expression says that nothing does.
            let open = last && !ends;
            let regex = expression(&format!("^(?:{part}){}", if open { "" } else { "$" }))?;
            let fits: Vec<u8> = (0..=u8::MAX).filter(|number| regex.is_match(number.to_string().as_bytes())).collect();
            // With more behind it, an address of IPv6 could begin so, too.
            if open && index == 0 || last && ends && index < 3 {
                return Err(Unsayable);
            }
            numbers = numbers
                .iter()
                .flat_map(|done| fits.iter().map(move |more| [done.as_slice(), &[*more]].concat()))
                .collect();
            if numbers.len() > MOST {
                return Err(Unsayable);
            }
        }
        for octets in numbers {
            all.push(prefix(&octets, u32::try_from(octets.len() * 8).map_err(|_| Unsayable)?)?);
        }
    }
    Ok(IpNet::aggregate(&all))
}

/// How many networks one expression may name before they are put together.
const MOST: usize = 4096;

fn prefix(octets: &[u8], length: u32) -> Result<IpNet, Unsayable> {
    let mut four = [0; 4];
    four.get_mut(..octets.len()).ok_or(Unsayable)?.copy_from_slice(octets);
    let length = u8::try_from(length).map_err(|_| Unsayable)?;
    Ipv4Net::new(Ipv4Addr::from(four), length).map(IpNet::from).map_err(|_| Unsayable)
}

/// The alternatives of groups that have dots in them, written out; other groups belong to one number.
fn spread(text: &str) -> Result<Vec<String>, Unsayable> {
    let Some(start) = text.find('(') else { return top_level(text) };
    let end = text[start..].find(')').map(|end| start + end).ok_or(Unsayable)?;
    let inner = &text[start + 1..end];
    let inner = inner.strip_prefix("?:").unwrap_or(inner);
    if inner.contains('(') || text[end + 1..].starts_with(['*', '+', '?', '{']) {
        return Err(Unsayable);
    }
    let mut all = Vec::new();
    for choice in inner.split('|') {
        all.extend(spread(&format!("{}{choice}{}", &text[..start], &text[end + 1..]))?);
    }
    if all.len() > 64 { Err(Unsayable) } else { Ok(all) }
}

/// Alternatives outside of all groups would have no anchor.
fn top_level(text: &str) -> Result<Vec<String>, Unsayable> {
    if text.contains('|') { Err(Unsayable) } else { Ok(vec![text.to_owned()]) }
}

/// The parts between dots. A dot that is no `\.` stands for any letter.
fn parts(text: &str) -> Result<Vec<String>, Unsayable> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = parts.last_mut().expect("it begins with one");
        match letter {
            '\\' => match letters.next() {
                Some('.') => parts.push(String::new()),
                Some('d') => last.push_str("[0-9]"),
                _ => return Err(Unsayable),
            },
            '[' => {
                let class: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                if class.is_empty() || !class.chars().all(|letter| letter.is_ascii_digit() || letter == '-') {
                    // `[.]` is a dot.
                    if class != "." {
                        return Err(Unsayable);
                    }
                    parts.push(String::new());
                } else {
                    last.extend(["[", &class, "]"]);
                }
            }
            '0'..='9' | '*' | '+' | '?' | '{' | '}' | ',' => last.push(letter),
            _ => return Err(Unsayable),
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: Result<Vec<IpNet>, Unsayable>) -> String {
        found.map_or("unsayable".into(), |nets| nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn networks_are_written_in_many_ways() {
        for (text, expected) in [
            ("10", "10.0.0.0/8"),
            ("172.20.", "172.20.0.0/16"),
            ("192.168.2", "192.168.2.0/24"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
            ("10.1.2.3/16", "10.1.0.0/16"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("example.com", "unsayable"),
            ("${LAN}", "unsayable"),
        ] {
            assert_eq!(shown(network(text).map(|net| vec![net])), expected, "{text}");
        }
    }

    #[test]
    fn expressions_for_addresses_are_networks() {
        for (text, expected) in [
            ("^10\\.", "10.0.0.0/8"),
            ("^192\\.168\\.", "192.168.0.0/16"),
            ("^127\\.0\\.0\\.1$", "127.0.0.1/32"),
            ("^127\\.0\\.0\\.(1|10)$", "127.0.0.1/32 127.0.0.10/32"),
            ("^(10\\.|192\\.168\\.)", "10.0.0.0/8 192.168.0.0/16"),
            ("^172\\.(1[6-9]|2[0-9]|3[01])\\.", "172.16.0.0/12"),
            ("^10\\.0\\.0\\.1", ""),
            ("^10", "unsayable"),
            ("10\\.0\\.0\\.1", "unsayable"),
            ("^10.0.0.1$", "unsayable"),
            ("^10\\.|^11\\.", "unsayable"),
        ] {
            let found = shown(networks_of_text(text));
            if text == "^10\\.0\\.0\\.1" {
                assert!(found.starts_with("10.0.0.1/32 10.0.0.10/31"), "{found}");
                continue;
            }
            assert_eq!(found, expected, "{text}");
        }
    }
}
