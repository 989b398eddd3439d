//! All current values as OpenTelemetry has them: one request to a collector, as protobuf.
//!
//! Names are those of `/metrics` as a collector makes them: `highwater.batch_sync` of unit `s` becomes
//! `highwater_batch_sync_seconds`.
//! Sums and histograms count since the process began, as there.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point::Value,
    },
    resource::v1::Resource,
};
use prost::Message;

use super::{
    help,
    host_values::HostValues,
    registry::{Entry, Kind, Part, Unit},
    slots::Slots,
};
use crate::model::TimeMs;

/// First part of the name of every metric.
const PREFIX: &str = "highwater";

/// The attribute by which servers of one collector are told apart.
const INSTANCE: &str = "service.instance.id";

/// Whose values they are, and when.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a> {
    /// What this server is called among others; empty: nothing.
    pub instance: &'a str,
    /// When the process began to count.
    pub since: TimeMs,
    /// Now.
    pub at: TimeMs,
}

impl Export<'_> {
    /// The bytes of an `ExportMetricsServiceRequest`.
    #[must_use]
    pub fn bytes(self, slots: &Slots, host: &HostValues) -> Vec<u8> {
        let mut metrics = self.of_framework(slots);
        metrics.extend(self.of_host(host));
        let scope = InstrumentationScope {
            name: PREFIX.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let resource = Resource { attributes: self.resource(), ..Resource::default() };
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
        let resource_metrics =
            vec![ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() }];
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    }

    fn resource(self) -> Vec<KeyValue> {
        let mut attributes =
            vec![attribute("service.name", PREFIX), attribute("service.version", env!("CARGO_PKG_VERSION"))];
        if !self.instance.is_empty() {
            attributes.push(attribute(INSTANCE, self.instance));
        }
        attributes
    }

    fn of_framework(self, slots: &Slots) -> Vec<Metric> {
        let registry = slots.registry();
        let firsts = registry
            .iter()
            .enumerate()
            .filter(|(index, first)| registry[..*index].iter().all(|earlier| earlier.family != first.family));
        let families = firsts.map(|(index, first)| {
            let members: Vec<&Entry> =
                registry[index..].iter().filter(|entry| entry.family == first.family).collect();
            let data = match first.part {
                Part::Plain => {
                    let points = members.iter().map(|entry| {
                        self.number(entry.labels, entry.kind, entry.unit, slots.value(entry.id))
                    });
                    data_of(first.kind, points.collect())
                }
                Part::Band(_) | Part::BandSum => self.histogram(&members, slots),
            };
            metric(format!("{PREFIX}.{}", first.family), &help::of(first), first.unit, data)
        });
        families.collect()
    }

    fn of_host(self, host: &HostValues) -> Vec<Metric> {
        let metrics = host.each().map(|(id, value)| {
            let point = self.number(&[], id.kind, id.unit, value);
            let says = format!("What a program beside the server counts as {}.", id.name);
            metric(format!("{PREFIX}.app.{}", id.name), &says, id.unit, data_of(id.kind, vec![point]))
        });
        metrics.collect()
    }

    fn number(self, labels: &[(&str, &str)], kind: Kind, unit: Unit, value: i64) -> NumberDataPoint {
        NumberDataPoint {
            attributes: attributes(labels),
            // What is no sum has no beginning.
            start_time_unix_nano: if kind == Kind::Sum { nanos(self.since) } else { 0 },
            time_unix_nano: nanos(self.at),
            value: Some(match unit {
                Unit::Count | Unit::Bytes => Value::AsInt(value),
                Unit::Micros => Value::AsDouble(seconds(value)),
            }),
            ..NumberDataPoint::default()
        }
    }

    /// Bands, lowest first, and behind them the sum; then the next of other labels.
    fn histogram(self, members: &[&Entry], slots: &Slots) -> Data {
        let mut data_points = Vec::new();
        let mut point = HistogramDataPoint::default();
        for entry in members {
            let value = slots.value(entry.id);
            match entry.part {
                Part::Band(le) => {
                    point.bucket_counts.push(value.unsigned_abs());
                    // The last has none: it takes what lies above all others.
                    point.explicit_bounds.extend(le.parse().ok().filter(|bound: &f64| bound.is_finite()));
                }
                Part::BandSum | Part::Plain => {
                    let mut whole = std::mem::take(&mut point);
                    whole.attributes = attributes(entry.labels);
                    whole.start_time_unix_nano = nanos(self.since);
                    whole.time_unix_nano = nanos(self.at);
                    whole.count = whole.bucket_counts.iter().sum();
                    whole.sum = Some(if entry.unit == Unit::Micros { seconds(value) } else { value as f64 });
                    data_points.push(whole);
                }
            }
        }
        let aggregation_temporality = AggregationTemporality::Cumulative.into();
        Data::Histogram(Histogram { data_points, aggregation_temporality })
    }
}

fn data_of(kind: Kind, data_points: Vec<NumberDataPoint>) -> Data {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    match kind {
        Kind::Sum => Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true }),
        Kind::Gauge | Kind::Max => Data::Gauge(Gauge { data_points }),
    }
}

fn metric(name: String, says: &str, unit: Unit, data: Data) -> Metric {
    let unit = match unit {
        // "1" would be a ratio.
        Unit::Count => "",
        Unit::Micros => "s",
        Unit::Bytes => "By",
    };
    Metric {
        name,
        description: says.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn attributes(labels: &[(&str, &str)]) -> Vec<KeyValue> {
    labels.iter().map(|(label, value)| attribute(label, value)).collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// A time before 1970 is as 1970.
fn nanos(at: TimeMs) -> u64 {
    u64::try_from(at.0).unwrap_or_default().saturating_mul(1_000_000)
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
