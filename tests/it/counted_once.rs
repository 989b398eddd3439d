//! What accounts are asked for counts once, with its outcome, over a WebSocket as over HTTP.

use highwater_wire::{Encoding, Refusal, proto};

use crate::support::{
    Home, Server, Wire,
    http::post,
    requests::{self, refused},
};

const PASSWORD: &str = "correct horse";

/// The value of a sample of `/metrics`, named as it stands there.
async fn value(server: &Server, sample: &str) -> u64 {
    let metrics = server.operate("GET", "/metrics", "").await.text();
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{metrics}")).parse().unwrap()
}

async fn assert_counted(server: &Server, operation: &str, calls: u64, errors: [(&str, u64); 2]) {
    let labels = format!("operation=\"{operation}\"");
    assert_eq!(value(server, &format!("highwater_operation_calls_total{{{labels}}}")).await, calls);
    assert_eq!(value(server, &format!("highwater_operation_latency_seconds_count{{{labels}}}")).await, calls);
    for (class, count) in errors {
        let sample = format!("highwater_operation_errors_total{{{labels},class=\"{class}\"}}");
        assert_eq!(value(server, &sample).await, count, "{sample}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_and_sign_ins_count_once_over_a_web_socket() {
    let home = Home::dev();
    let server = home.start();
    let mut wire = Wire::connect(&server, Encoding::Json).await;
    wire.ask(requests::register("ann", PASSWORD, "")).await;
    refused(&mut wire, requests::register("ann", PASSWORD, ""), Refusal::NameTaken).await;
    refused(&mut wire, requests::register("a", PASSWORD, ""), Refusal::InvalidName).await;
    assert_counted(&server, "register", 3, [("refused", 1), ("bad_input", 1)]).await;
    wire.ask(requests::sign_in("ann", PASSWORD)).await;
    refused(&mut wire, requests::sign_in("ann", "another horse"), Refusal::WrongCredentials).await;
    assert_counted(&server, "sign_in", 2, [("auth", 1), ("fault", 0)]).await;
    assert_eq!(value(&server, "highwater_accounts_made_total").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_and_sign_ins_count_once_over_http() {
    let home = Home::dev();
    let server = home.start();
    let ask = async |request: proto::client_frame::Request| {
        let frame = proto::ClientFrame { request: Some(request), ..proto::ClientFrame::default() };
        post(server.client(), Encoding::Json, None, &frame).await.status
    };
    assert_eq!(ask(requests::register("ann", PASSWORD, "")).await, 200);
    assert_eq!(ask(requests::register("ann", PASSWORD, "")).await, Refusal::NameTaken.http_status());
    assert_eq!(ask(requests::register("a", PASSWORD, "")).await, Refusal::InvalidName.http_status());
    assert_counted(&server, "register", 3, [("refused", 1), ("bad_input", 1)]).await;
    assert_eq!(ask(requests::sign_in("ann", PASSWORD)).await, 200);
    assert_eq!(ask(requests::sign_in("ann", "another horse")).await, Refusal::WrongCredentials.http_status());
    assert_counted(&server, "sign_in", 2, [("auth", 1), ("fault", 0)]).await;
    // Whoever else makes accounts makes accounts, and registers nobody.
    let _: [_; 3] = server.people(2).await;
    assert_eq!(value(&server, "highwater_accounts_made_total").await, 4);
    assert_counted(&server, "register", 3, [("refused", 1), ("bad_input", 1)]).await;
}
