//! What the machine allows.

use time::OffsetDateTime;
use time::macros::datetime;

use crate::config::CountValue;
use crate::doctor::catalogue::own as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::server::file_limit;

/// Judges the clock and the limit of open `files`.
pub(in crate::doctor) fn machine(
    diagnosis: &mut Diagnosis,
    now: OffsetDateTime,
    files: Option<u64>,
    wanted: CountValue,
) {
    let plausible = now > EARLIEST && now < EARLIEST + time::Duration::days(365 * 30);
    let shows = format!("{} UTC", now.date());
    diagnosis.checked(
        "this machine's clock is plausible",
        if plausible { CheckOutcome::Good } else { CheckOutcome::Bad },
        &shows,
    );
    if !plausible {
        diagnosis.found(found::clock_wrong(&shows));
    }
    let Some(files) = files else { return };
    let carried =
        file_limit::carried(Some(files), std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let asked = match wanted {
        CountValue::Auto => None,
        CountValue::AtMost(most) => Some(most),
    };
    let enough = carried >= asked.unwrap_or(FEW);
    diagnosis.checked(
        "the limit of open files carries the clients",
        if enough { CheckOutcome::Good } else { CheckOutcome::Bad },
        format!("{carried} clients"),
    );
    if !enough {
        diagnosis.found(found::few_files(files, carried, asked));
    }
}

/// A clock that is right never shows a time before this program was written.
const EARLIEST: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
/// The devices of a family and their tabs.
const FEW: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_of_another_year_and_few_files_are_found() {
        let right = datetime!(2026-11-20 12:00 UTC);
        let rows: [(OffsetDateTime, Option<u64>, CountValue, &[&str]); 8] = [
            (right, None, CountValue::Auto, &[]),
            (right, Some(1024), CountValue::Auto, &[]),
            (right, Some(300), CountValue::Auto, &["few_files"]),
            (right, Some(1024), CountValue::AtMost(5000), &["few_files"]),
            (right, Some(524_288), CountValue::AtMost(5000), &[]),
            (datetime!(1970-01-01 01:00 UTC), None, CountValue::Auto, &["clock_wrong"]),
            (datetime!(2025-12-31 23:00 UTC), None, CountValue::Auto, &["clock_wrong"]),
            (datetime!(2099-01-01 00:00 UTC), None, CountValue::Auto, &["clock_wrong"]),
        ];
        for (now, files, wanted, expected) in rows {
            let mut diagnosis = Diagnosis::default();
            machine(&mut diagnosis, now, files, wanted);
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, expected, "{now} {files:?} {wanted:?}");
        }
    }
}
