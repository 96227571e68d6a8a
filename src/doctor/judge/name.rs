//! What the DNS says of a name that stands for several gateways.

use crate::doctor::catalogue::gateway as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::probe::ProbedName;

/// Says which gateways a name stands for.
pub(in crate::doctor) fn name(diagnosis: &mut Diagnosis, probed: &ProbedName) {
    let what = format!("{} stands for gateways", probed.name);
    match &probed.found {
        Ok(found) => {
            let mut shown: Vec<String> = found.iter().take(SHOWN).map(|one| one.address.to_string()).collect();
            if found.len() > SHOWN {
                shown.push(format!("{} more", found.len() - SHOWN));
            }
            diagnosis.checked(what, CheckOutcome::Good, format!("{}: {}", found.len(), shown.join(", ")));
        }
        Err(why) => {
            diagnosis.checked(what, CheckOutcome::Bad, why);
            diagnosis.found(found::no_gateways(&probed.name, why));
        }
    }
}

/// Addresses of a name that are listed.
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EndpointUrl;
    use crate::upstream::FoundGateway;

    #[test]
    fn the_gateways_of_a_name_are_listed_and_a_name_without_any_is_a_finding() {
        let url = EndpointUrl::read("dns+http://gws.test:1").unwrap();
        let of = |found: Result<u8, &str>| {
            let gateway = |n: u8| FoundGateway {
                address: ([10, 0, 0, n], 1).into(),
                target: None,
                is_in_domain: true,
                priority: 0,
                share: 1000,
            };
            let found = found.map(|count| (0..count).map(gateway).collect()).map_err(ToOwned::to_owned);
            let mut diagnosis = Diagnosis::default();
            name(&mut diagnosis, &ProbedName { name: url.name().unwrap().clone(), found });
            diagnosis
        };
        let few = of(Ok(2));
        assert!(few.findings.is_empty() && format!("{few:?}").contains("2: 10.0.0.0:1, 10.0.0.1:1\""), "{few:?}");
        let many = of(Ok(20));
        assert!(format!("{many:?}").contains("10.0.0.7:1, 12 more"), "{many:?}");
        let none = of(Err("the DNS has no such name"));
        assert_eq!(none.findings.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["gateway_unresolved"]);
    }
}
