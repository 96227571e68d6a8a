//! The families of `/metrics` as messages of OTLP: the text is read, so that both show the same.

use std::collections::BTreeMap;
use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};

use super::attributes::{Attributes, unix_nanos};

/// The metrics in the `OpenMetrics` text of a scrape at `now`, of a process that began at `began`.
pub(super) fn read(text: &str, began: SystemTime, now: SystemTime) -> Vec<Metric> {
    let span = (unix_nanos(began), unix_nanos(now));
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# ") {
            describe(&mut families, described);
        } else if let Some(family) = families.last_mut() {
            family.samples.extend(Sample::parse(line));
        }
    }
    families.into_iter().filter_map(|family| family.metric(span)).collect()
}

/// Takes a line `HELP`, `TYPE` or `UNIT` in.
fn describe<'a>(families: &mut Vec<Family<'a>>, line: &'a str) {
    let mut words = line.splitn(3, ' ');
    let (Some(what), Some(name)) = (words.next(), words.next()) else { return };
    if families.last().is_none_or(|family| family.name != name) {
        families.push(Family { name, ..Family::default() });
    }
    let Some(family) = families.last_mut() else { return };
    let rest = words.next().unwrap_or_default();
    match what {
        "HELP" => family.help = rest,
        "TYPE" => family.kind = rest,
        _ => {}
    }
}

#[derive(Debug, Default)]
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    kind: &'a str,
    samples: Vec<Sample<'a>>,
}

/// A line `name{label="value"} number`.
#[derive(Debug)]
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, String)>,
    value: f64,
    /// The value, where it is a whole number.
    whole: Option<i64>,
}

impl Family<'_> {
    fn metric(&self, span: (u64, u64)) -> Option<Metric> {
        let data = match self.kind {
            "counter" => Data::Sum(Sum {
                data_points: self.numbers(span),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            "histogram" => Data::Histogram(Histogram {
                data_points: self.histograms(span),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
            _ => Data::Gauge(Gauge { data_points: self.numbers((0, span.1)) }),
        };
        let unit = if self.name.ends_with("_seconds") {
            "s"
        } else if self.name.ends_with("_bytes") {
            "By"
        } else {
            ""
        };
        (!self.samples.is_empty()).then(|| Metric {
            name: self.name.to_owned(),
            description: self.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    fn numbers(&self, (began, now): (u64, u64)) -> Vec<NumberDataPoint> {
        let point = |sample: &Sample<'_>| NumberDataPoint {
            attributes: sample.attributes(),
            start_time_unix_nano: began,
            time_unix_nano: now,
            value: Some(sample.whole.map_or(Value::AsDouble(sample.value), Value::AsInt)),
            ..NumberDataPoint::default()
        };
        self.samples.iter().map(point).collect()
    }

    /// A point for each set of labels but `le`, whose buckets the text has summed up.
    fn histograms(&self, (began, now): (u64, u64)) -> Vec<HistogramDataPoint> {
        let mut points: BTreeMap<Vec<(&str, &str)>, HistogramDataPoint> = BTreeMap::new();
        for sample in &self.samples {
            let labels = sample.labels.iter().filter(|(name, _)| *name != "le");
            let labels: Vec<_> = labels.map(|(name, value)| (*name, value.as_str())).collect();
            let point = points.entry(labels).or_insert_with(|| HistogramDataPoint {
                attributes: sample.attributes(),
                start_time_unix_nano: began,
                time_unix_nano: now,
                ..HistogramDataPoint::default()
            });
            let count = sample.whole.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
            match sample.name.strip_prefix(self.name) {
                Some("_sum") => point.sum = Some(sample.value),
                Some("_count") => point.count = count,
                Some("_bucket") => {
                    let before: u64 = point.bucket_counts.iter().sum();
                    point.bucket_counts.push(count.saturating_sub(before));
                    let bound = sample.labels.iter().find(|(name, _)| *name == "le");
                    let bound = bound.and_then(|(_, bound)| bound.parse::<f64>().ok());
                    point.explicit_bounds.extend(bound.filter(|bound| bound.is_finite()));
                }
                _ => {}
            }
        }
        points.into_values().collect()
    }
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        // The value of a label may hold a blank or a brace; a number holds neither.
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, parse_labels(labels)?),
            None => (series, Vec::new()),
        };
        Some(Self { name, labels, value: value.parse().ok()?, whole: value.parse().ok() })
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Attributes::default();
        for (name, value) in self.labels.iter().filter(|(name, _)| *name != "le") {
            attributes.text(name, Some(value));
        }
        attributes.into_list()
    }
}

/// The labels in `name="value",…}`.
fn parse_labels(mut text: &str) -> Option<Vec<(&str, String)>> {
    let mut labels = Vec::new();
    while text != "}" {
        let (name, rest) = text.split_once("=\"")?;
        let (value, end) = unescaped(rest)?;
        labels.push((name, value));
        text = rest[end..].trim_start_matches(',');
    }
    Some(labels)
}

/// A label's value up to its closing quote, and where the text behind that begins.
fn unescaped(text: &str) -> Option<(String, usize)> {
    let (mut value, mut letters) = (String::new(), text.char_indices());
    loop {
        match letters.next()? {
            (at, '"') => return Some((value, at + 1)),
            (_, '\\') => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, letter) => value.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry_proto::tonic::common::v1::any_value;

    use super::*;
    use crate::observe::Metrics;
    use crate::observe::metrics::MessageKind;

    fn all(text: &str) -> Vec<Metric> {
        read(text, SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(1))
    }

    fn labels(attributes: &[KeyValue]) -> Vec<(String, String)> {
        let text = |value: &any_value::Value| match value {
            any_value::Value::StringValue(text) => text.clone(),
            other => format!("{other:?}"),
        };
        let one = |pair: &KeyValue| Some((pair.key.clone(), text(pair.value.as_ref()?.value.as_ref()?)));
        attributes.iter().filter_map(one).collect()
    }

    #[test]
    fn each_kind_of_family_is_read() {
        let text = "# HELP a Things, \"quoted\" {so}.\n# TYPE a counter\n\
                    a_total{x=\"1\",y=\"q\\\"b\\\\ n\\n}\"} 7\na_total{x=\"2\",y=\"\"} 0\n\
                    # HELP b_seconds A time.\n# TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 1.5\n\
                    # HELP empty None.\n# TYPE empty counter\n\
                    # HELP h_bytes A size.\n# TYPE h_bytes histogram\nh_bytes_sum{d=\"up\"} 30.0\nh_bytes_count{d=\"up\"} 3\n\
                    h_bytes_bucket{le=\"1.0\",d=\"up\"} 1\nh_bytes_bucket{le=\"20.0\",d=\"up\"} 3\n\
                    h_bytes_bucket{le=\"+Inf\",d=\"up\"} 3\n# EOF\n";
        let [counter, gauge, histogram] = &all(text)[..] else { panic!("{:?}", all(text)) };
        assert_eq!((counter.name.as_str(), counter.description.as_str()), ("a", "Things, \"quoted\" {so}."));
        let Some(Data::Sum(sum)) = &counter.data else { panic!("{counter:?}") };
        assert!(sum.is_monotonic && sum.aggregation_temporality == AggregationTemporality::Cumulative as i32);
        assert_eq!(sum.data_points[0].value, Some(Value::AsInt(7)));
        assert_eq!(labels(&sum.data_points[0].attributes)[1], ("y".to_owned(), "q\"b\\ n\n}".to_owned()));
        let Some(Data::Gauge(level)) = &gauge.data else { panic!("{gauge:?}") };
        assert_eq!((gauge.unit.as_str(), level.data_points[0].value), ("s", Some(Value::AsDouble(1.5))));
        let Some(Data::Histogram(sizes)) = &histogram.data else { panic!("{histogram:?}") };
        let [point] = &sizes.data_points[..] else { panic!("{sizes:?}") };
        assert_eq!((histogram.unit.as_str(), point.count, point.sum), ("By", 3, Some(30.0)));
        assert_eq!((&point.bucket_counts[..], &point.explicit_bounds[..]), (&[1, 2, 0][..], &[1.0, 20.0][..]));
        assert_eq!(labels(&point.attributes), [("d".to_owned(), "up".to_owned())]);
    }

    #[test]
    fn every_family_of_a_scrape_that_has_series_is_sent() {
        let metrics = Metrics::new();
        metrics.websockets.relay.here().up.message(MessageKind::Text, 300);
        let text = metrics.text();
        let read = all(&text);
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let with_series = |family: &&str| {
            let of = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
            let ends = ["", "_total", "_info", "_bucket"];
            series.clone().any(|line| ends.iter().any(|end| of(line) == format!("{family}{end}")))
        };
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let expected: Vec<&str> = names.filter(with_series).collect();
        assert_eq!(read.iter().map(|metric| metric.name.as_str()).collect::<Vec<_>>(), expected);
        assert!(expected.len() > 40);
        for metric in &read {
            if let Some(Data::Histogram(histogram)) = &metric.data {
                for point in &histogram.data_points {
                    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1, "{}", metric.name);
                    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count, "{}", metric.name);
                }
            }
        }
    }
}
