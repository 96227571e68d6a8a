//! [`Histogram`]: how often a value fell into each bucket, counted without a lock.

use std::fmt;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// How often a value fell into each bucket. Recording is two atomic additions; a scrape sums up. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Histogram(Arc<HistogramCounts>);

#[derive(Debug)]
struct HistogramCounts {
    scale: HistogramScale,
    /// One count for each of the scale's bounds, and one for the values above them all.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// The count of each bucket, and the sum.
pub(crate) type BucketCounts = (Vec<u64>, u64);

/// The buckets of a [`Histogram`], and the unit that they are shown in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistogramScale {
    /// The highest value of each bucket but the last, rising.
    bounds: &'static [u64],
    /// How many recorded units make one that is shown.
    shown: f64,
}

impl HistogramScale {
    /// Seconds, by bounds in microseconds.
    pub(crate) const fn seconds(bounds: &'static [u64]) -> Self {
        Self { bounds, shown: 1e6 }
    }

    /// Bytes, by bounds in bytes.
    const fn bytes(bounds: &'static [u64]) -> Self {
        Self { bounds, shown: 1.0 }
    }

    /// Encodes a histogram with these counts, one for each bound and one for the values above them all.
    #[expect(clippy::cast_precision_loss, reason = "the text format has floating-point numbers only")]
    pub(super) fn encode(&self, counts: &[u64], sum: u64, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.shown).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied().chain(iter::repeat(0))).collect();
        let count = counts.iter().sum();
        encoder.encode_histogram::<NoLabelSet>(sum as f64 / self.shown, count, &buckets, None)
    }
}

impl Histogram {
    /// An empty histogram.
    pub(crate) fn new(scale: HistogramScale) -> Self {
        let buckets = (0..=scale.bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(HistogramCounts { scale, buckets, sum: AtomicU64::new(0) }))
    }

    /// Records a time.
    pub(crate) fn time(&self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Records a value in the scale's own unit: microseconds.
    pub(crate) fn record(&self, value: u64) {
        let counts = &self.0;
        let bucket = counts.scale.bounds.partition_point(|bound| *bound < value);
        counts.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        counts.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// The count of each bucket, and the sum.
    pub(crate) fn counts(&self) -> BucketCounts {
        let mut totals = (Vec::new(), 0);
        self.add_to(&mut totals);
        totals
    }

    /// Adds the counts and the sum to others of the same scale.
    pub(super) fn add_to(&self, (counts, sum): &mut (Vec<u64>, u64)) {
        counts.resize(self.0.buckets.len(), 0);
        for (total, bucket) in counts.iter_mut().zip(&self.0.buckets) {
            *total += bucket.load(Ordering::Relaxed);
        }
        *sum += self.0.sum.load(Ordering::Relaxed);
    }

    /// Forgets all values: for a distribution that is looked up anew at each scrape.
    pub(crate) fn clear(&self) {
        for bucket in &self.0.buckets {
            bucket.store(0, Ordering::Relaxed);
        }
        self.0.sum.store(0, Ordering::Relaxed);
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let (counts, sum) = self.counts();
        self.0.scale.encode(&counts, sum, encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// From a fast answer to the longest that a request may wait for one.
pub(crate) const REQUEST_TIMES: HistogramScale = HistogramScale::seconds(&[
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
]);
/// A round trip on one machine to one that is nearly given up: 1 ms to 30 s.
pub(crate) const PING_TIMES: HistogramScale = HistogramScale::seconds(&[
    1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
    10_000_000, 30_000_000,
]);
/// One second to seven days.
pub(crate) const SESSION_TIMES: HistogramScale = HistogramScale::seconds(&[
    1_000_000,
    10_000_000,
    60_000_000,
    300_000_000,
    900_000_000,
    3_600_000_000,
    14_400_000_000,
    28_800_000_000,
    86_400_000_000,
    259_200_000_000,
    604_800_000_000,
]);
/// How long no byte came: a tenth of a second to a day.
pub(crate) const IDLE_TIMES: HistogramScale = HistogramScale::seconds(&[
    100_000,
    1_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    40_000_000,
    60_000_000,
    300_000_000,
    3_600_000_000,
    86_400_000_000,
]);
/// What a relay adds between a read and its write: 10 µs to a second.
pub(crate) const RELAY_TIMES: HistogramScale = HistogramScale::seconds(&[
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
]);
/// 64 B to 64 MiB.
pub(crate) const MESSAGE_SIZES: HistogramScale = HistogramScale::bytes(&[
    1 << 6,
    1 << 8,
    1 << 10,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
]);
/// The number of buckets of [`MESSAGE_SIZES`].
pub(crate) const SIZE_BUCKETS: usize = 12;

/// The bucket of [`MESSAGE_SIZES`] for a size, by its highest bit alone: each bound is four times the one before.
#[inline]
pub(crate) fn size_bucket(len: u64) -> usize {
    let bits = 64 - (len.saturating_sub(1) | 63).leading_zeros() as usize;
    ((bits - 5) / 2).min(SIZE_BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_value_counts_in_the_first_bucket_that_holds_it() {
        const SCALE: HistogramScale = HistogramScale::seconds(&[1_000, 2_000_000]);
        let (mut registry, histogram) = (Registry::default(), Histogram::new(SCALE));
        registry.register("t_seconds", "A time", histogram.clone());
        for micros in [0, 1_000, 1_001, 2_000_000, 2_000_001] {
            histogram.time(Duration::from_micros(micros));
        }
        let shown = |registry: &Registry| {
            let mut text = String::new();
            encode(&mut text, registry).unwrap();
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&registry),
            [
                "t_seconds_sum 4.002002",
                "t_seconds_count 5",
                "t_seconds_bucket{le=\"0.001\"} 2",
                "t_seconds_bucket{le=\"2.0\"} 4",
                "t_seconds_bucket{le=\"+Inf\"} 5",
            ]
        );
        histogram.clear();
        assert_eq!(shown(&registry)[..2], ["t_seconds_sum 0.0", "t_seconds_count 0"]);
    }

    #[test]
    fn bounds_rise() {
        for scale in [REQUEST_TIMES, PING_TIMES, SESSION_TIMES, IDLE_TIMES, RELAY_TIMES, MESSAGE_SIZES] {
            assert!(scale.bounds.is_sorted_by(|low, high| low < high), "{scale:?}");
        }
    }

    #[test]
    fn a_size_falls_into_the_bucket_that_its_bounds_say() {
        assert_eq!(SIZE_BUCKETS, MESSAGE_SIZES.bounds.len() + 1);
        let around = MESSAGE_SIZES.bounds.iter().flat_map(|bound| [bound - 1, *bound, bound + 1]);
        for len in around.chain([0, 1, u64::MAX]) {
            let bucket = MESSAGE_SIZES.bounds.partition_point(|bound| *bound < len);
            assert_eq!(size_bucket(len), bucket, "{len}");
        }
    }
}
