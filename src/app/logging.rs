//! Logs: to stderr, as text or JSON lines, never with what users write.

use tracing_subscriber::EnvFilter;

use crate::{
    config::{Log, LogFormat},
    http::request_log,
};

/// Begins to log. A filter that cannot be read was refused by the configuration before.
pub(super) fn start(log: &Log) {
    let mut filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    // It logs as an error what strangers send that is no HTTP; that is answered, and needs no person.
    if let Ok(quiet) = "actix_http::h1::dispatcher=off".parse() {
        filter = filter.add_directive(quiet);
    }
    let requests = if log.requests { "info" } else { "off" };
    if let Ok(requests) = format!("{}={requests}", request_log::TARGET).parse() {
        filter = filter.add_directive(requests);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        // A line has at most one span, the request's, so a list of them says nothing more.
        LogFormat::Json => builder.json().with_span_list(false).try_init(),
    };
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
