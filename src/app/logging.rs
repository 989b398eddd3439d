//! Logs: to stderr, as text or JSON lines, never with what users write.

use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use crate::{
    config::{Log, LogFormat},
    http::{request_log, settings::SetFilter},
};

/// Begins to log. A filter that cannot be read was refused by the configuration before. What is answered sets another one.
pub(super) fn start(log: &Log) -> SetFilter {
    let requests = log.requests;
    let filter = move |level: &str| filter(level, requests);
    let builder = tracing_subscriber::fmt().with_env_filter(filter(&log.level)).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    match log.format {
        LogFormat::Text => {
            let builder = builder.with_ansi(false).with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = builder.try_init();
            Arc::new(move |level| handle.reload(filter(level)).is_ok())
        }
        LogFormat::Json => {
            // A line has at most one span, the request's, so a list of them says nothing more.
            let builder = builder.json().with_span_list(false).with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = builder.try_init();
            Arc::new(move |level| handle.reload(filter(level)).is_ok())
        }
    }
}

/// What is logged; `requests` says whether each of them has a line.
fn filter(level: &str, requests: bool) -> EnvFilter {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let requests = if requests { "info" } else { "off" };
    let directives = [
        // It logs as an error what strangers send that is no HTTP; that is answered, and needs no person.
        "actix_http::h1::dispatcher=off".to_owned(),
        format!("{}={requests}", request_log::TARGET),
    ];
    directives.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive)
}

/// A panic is a bug: it is logged with its place, never with the values that it met.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or(payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        tracing::error!(place, thread, message, "a bug: a part of the server panicked");
    }));
}
