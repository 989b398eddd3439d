//! `[otlp]`: the OpenTelemetry collector to which metrics are pushed.

use std::path::PathBuf;

use super::{given::quoted, identity::private_url};

/// How often metrics may be pushed, seconds. Source: more often than a scrape is looked at by nobody, and a rule of a minute
/// is blind to less than one in an hour.
pub(super) const PUSH_INTERVAL_S: std::ops::RangeInclusive<u64> = 5..=3_600;

/// Bytes of a server's name among others. Source: as that in mails.
const INSTANCE_BYTES_MAX: usize = 40;

/// `[otlp]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Base URL of the collector; empty: nothing is pushed.
    pub endpoint: String,
    /// How often, seconds.
    pub interval_s: u32,
    /// What this server is called among others; may be empty.
    pub instance: String,
    /// A file with headers that go with each push; empty: none.
    pub headers_file: PathBuf,
}

impl Default for Otlp {
    fn default() -> Otlp {
        let (instance, headers_file) = (String::new(), PathBuf::new());
        Otlp { endpoint: String::new(), interval_s: 60, instance, headers_file }
    }
}

impl Otlp {
    /// What is wrong between the settings: the setting to blame, and what is wrong.
    pub(super) fn contradiction(&self) -> (&'static str, Option<String>) {
        let without = "means nothing without otlp.endpoint, to which metrics go";
        let pushes = !self.endpoint.is_empty();
        let lacking = "needs a server that was built with it: cargo build --release --features otlp";
        match () {
            () if pushes && !cfg!(feature = "otlp") => ("otlp.endpoint", Some(lacking.to_owned())),
            () if !pushes && !self.instance.is_empty() => ("otlp.instance", Some(without.to_owned())),
            () if !pushes && !self.headers_file.as_os_str().is_empty() => {
                ("otlp.headers_file", Some(without.to_owned()))
            }
            () => ("otlp.endpoint", None),
        }
    }
}

/// A collector's base URL, without the path of metrics.
pub(super) fn endpoint(text: String) -> Result<String, String> {
    let url = private_url(text)?;
    if url.contains(['?', '#']) || url.ends_with("/v1/metrics") {
        return Err(format!(
            "must be the collector's base URL, such as http://127.0.0.1:4318: /v1/metrics is put behind it, not {}",
            quoted(&url)
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// A name of this server.
pub(super) fn instance(text: String) -> Result<String, String> {
    let fits = text.len() <= INSTANCE_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(text);
    }
    Err(format!("must be at most {INSTANCE_BYTES_MAX} letters, digits and signs without spaces"))
}
