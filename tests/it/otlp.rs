//! Metrics pushed to a collector: the same as Prometheus is told, from the start to the stop, whatever the collector does.

use std::collections::BTreeMap;

use highwater::{
    model::{HostId, HostReport, PointKind, PointUnit, TimeMs},
    monitor::{Format, Monitor, Op, Outcome, ids, otlp::Export},
};
use highwater_wire::proto::{client_frame::Request, send::To, server_frame::Body};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value},
    metrics::v1::{NumberDataPoint, ResourceMetrics, metric::Data, number_data_point::Value},
};
use prost::Message;

use super::support::{Home, Wire, collector::Collector, eventually, requests};

const SINCE: TimeMs = TimeMs(1_000);
const AT: TimeMs = TimeMs(61_000);

fn counted() -> Monitor {
    let monitor = Monitor::new();
    monitor.add(ids::MESSAGES_STORED, 7);
    monitor.set(ids::CONNECTIONS_OPEN, 3);
    monitor.set(ids::TAIL_BYTES, 4096);
    for us in [800, 800, 3_000, 70_000, 9_000_000] {
        monitor.operation(Op::Send).finished(Outcome::Ok, us, 100);
    }
    monitor.operation(Op::Register).finished(Outcome::Refused, 1_000, 0);
    monitor.observe(ids::BATCH_SYNC, 1_234);
    let host = |id, name: &str, kind, unit| HostId { id, name: name.to_owned(), kind, unit };
    monitor.change_host_ids(&[
        host(10_000, "shop.orders", PointKind::Sum, PointUnit::Count),
        host(10_001, "shop.took", PointKind::Max, PointUnit::Micros),
    ]);
    monitor.report(&[(10_000, HostReport::Add(5)), (10_001, HostReport::Set(2_500))]).unwrap();
    monitor
}

fn exported(monitor: &Monitor, instance: &str) -> ResourceMetrics {
    let bytes = monitor.otlp(Export { instance, since: SINCE, at: AT });
    of_bytes(&bytes)
}

fn of_bytes(bytes: &[u8]) -> ResourceMetrics {
    let mut request = ExportMetricsServiceRequest::decode(bytes).unwrap();
    assert_eq!(request.resource_metrics.len(), 1);
    request.resource_metrics.remove(0)
}

fn texts(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |one: &KeyValue| match one.value.clone().unwrap().value.unwrap() {
        any_value::Value::StringValue(text) => (one.key.clone(), text),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(text).collect()
}

fn sample(name: &str, labels: Vec<(String, String)>) -> String {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

/// Names and values as a collector shows them to Prometheus.
fn as_collected(of: &ResourceMetrics) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for metric in &of.scope_metrics[0].metrics {
        let suffix = match metric.unit.as_str() {
            "" => "",
            "s" => "_seconds",
            "By" => "_bytes",
            other => panic!("{other}"),
        };
        let name = format!("{}{suffix}", metric.name.replace('.', "_"));
        let mut put = |sample: String, value: f64| {
            assert!(samples.insert(sample.clone(), value).is_none(), "{sample} comes twice");
        };
        let number = |point: &NumberDataPoint| match point.value.unwrap() {
            Value::AsInt(value) => value as f64,
            Value::AsDouble(value) => value,
        };
        match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
                for point in &sum.data_points {
                    assert!((1..point.time_unix_nano).contains(&point.start_time_unix_nano));
                    put(sample(&format!("{name}_total"), texts(&point.attributes)), number(point));
                }
            }
            Data::Gauge(gauge) => {
                gauge
                    .data_points
                    .iter()
                    .for_each(|point| put(sample(&name, texts(&point.attributes)), number(point)));
            }
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality, 2);
                for point in &histogram.data_points {
                    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                    assert!(point.explicit_bounds.is_sorted());
                    let labels = texts(&point.attributes);
                    put(sample(&format!("{name}_sum"), labels.clone()), point.sum.unwrap());
                    put(sample(&format!("{name}_count"), labels.clone()), point.count as f64);
                    let bounds =
                        point.explicit_bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
                    let mut below = 0;
                    for (bound, count) in bounds.zip(&point.bucket_counts) {
                        below += count;
                        let mut labels = labels.clone();
                        labels.push(("le".to_owned(), bound));
                        put(sample(&format!("{name}_bucket"), labels), below as f64);
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    samples
}

#[test]
fn a_collector_is_told_what_prometheus_is_told() {
    let monitor = counted();
    let text = monitor.metrics(Format::Classic);
    // Bounds are the same numbers, whatever their digits.
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| if line.contains("le=") { line.replace(".0\"}", "\"}") } else { line.to_owned() });
    let scraped: BTreeMap<String, f64> = lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect();
    let told = exported(&monitor, "");
    let collected = as_collected(&told);
    let stored = told.scope_metrics[0].metrics.iter().find(|one| one.name == "highwater.messages_stored");
    let Some(Data::Sum(stored)) = &stored.unwrap().data else { panic!("no sum") };
    let times = (stored.data_points[0].start_time_unix_nano, stored.data_points[0].time_unix_nano);
    assert_eq!(times, (1_000_000_000, 61_000_000_000));
    assert_eq!(collected.len(), scraped.len());
    for (name, value) in &scraped {
        let told = collected.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!((told - value).abs() < 1e-9, "{name}: {value} and {told}");
    }
    assert_eq!(collected["highwater_app_shop_orders_total"], 5.0);
    assert_eq!(collected["highwater_messages_stored_total"], 7.0);
}

#[test]
fn a_server_says_which_it_is_and_what_it_counts_in_words() {
    let monitor = counted();
    let named = exported(&monitor, "chat-1");
    let resource = texts(&named.resource.unwrap().attributes);
    let has = |key: &str, value: &str| resource.contains(&(key.to_owned(), value.to_owned()));
    assert!(has("service.name", "highwater") && has("service.instance.id", "chat-1"), "{resource:?}");
    assert!(named.scope_metrics[0].metrics.iter().all(|metric| metric.description.len() > 10));
    assert_eq!(texts(&exported(&monitor, "").resource.unwrap().attributes).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_pushes_at_its_start_and_what_it_counted_last_when_it_stops() {
    let collector = Collector::start();
    let home = Home::new(&format!("[server]\nworkers = 2\n{}", collector.config("chat-1")), &["--dev"]);
    let server = home.start();
    eventually("the first push", || async { (!collector.pushed().is_empty()).then_some(()) }).await;
    let [ann, bob] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    let hello = requests::send(To::UserId(bob.user_id), day, "hello");
    let sent = wire.ask(Request::Send(hello)).await;
    assert!(matches!(sent, Body::Sent(_)));
    server.stop();
    let pushed = collector.pushed();
    let (headers, bytes) = pushed.last().unwrap();
    assert!(headers.contains("post /v1/metrics http/1.1"), "{headers}");
    assert!(headers.contains("authorization: bearer made-up"), "{headers}");
    assert!(headers.contains("content-type: application/x-protobuf"), "{headers}");
    let of = of_bytes(bytes);
    let instance = ("service.instance.id".to_owned(), "chat-1".to_owned());
    assert!(texts(&of.resource.as_ref().unwrap().attributes).contains(&instance));
    let collected = as_collected(&of);
    assert_eq!(collected["highwater_messages_stored_total"], 1.0);
    assert!(collected["highwater_otlp_pushes_total{outcome=\"delivered\"}"] >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_nothing_is_said_once_and_holds_nothing_up() {
    let nobody = "[otlp]\nendpoint = \"http://127.0.0.1:1\"\ninterval_s = 5\n";
    let home = Home::new(&format!("[server]\nworkers = 2\n{nobody}"), &["--dev"]);
    let server = home.start();
    eventually("it is said", || async { server.log().contains("metrics could not be pushed").then_some(()) })
        .await;
    let metrics = server.operate("GET", "/metrics", "").await.text();
    assert!(metrics.contains("highwater_otlp_pushes_total{outcome=\"failed\"} 1"), "{metrics}");
    let log = server.log();
    assert_eq!(log.matches("metrics could not be pushed").count(), 1);
    assert!(server.stop().status.success());
}
