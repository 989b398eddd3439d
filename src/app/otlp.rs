//! The push of metrics put together: where to, as whom, with which headers.

use std::path::PathBuf;

use super::identity::{IdentityFault, read};
use crate::config::Otlp;

/// Bytes of the file of headers. Source: a handful of tokens.
const HEADERS_BYTES_MAX: usize = 8 * 1024;

/// Headers in it.
const HEADERS_MAX: usize = 16;

/// Why metrics cannot be pushed.
#[derive(Debug, thiserror::Error)]
pub enum OtlpFault {
    /// The file of headers cannot be read.
    #[error(transparent)]
    File(#[from] IdentityFault),
    /// Others can read it.
    #[error("{} may be read by others: its headers are secrets; chmod 600 it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
    },
    /// It is not lines of headers.
    #[error("{}, line {line}: not NAME: VALUE, in at most {HEADERS_MAX} lines", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
}

/// What is wrong with the file that the settings name, if anything.
pub(super) fn check_files(otlp: &Otlp) -> Result<(), OtlpFault> {
    headers(otlp).map(drop)
}

/// Headers that go with each push.
fn headers(otlp: &Otlp) -> Result<Vec<(String, String)>, OtlpFault> {
    let path = &otlp.headers_file;
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let (bytes, mode) = read(path, HEADERS_BYTES_MAX)?;
    if mode & 0o077 != 0 {
        return Err(OtlpFault::Mode { path: path.clone() });
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut headers = Vec::new();
    for (index, line) in lines {
        let fault = || OtlpFault::Header { path: path.clone(), line: index + 1 };
        let (name, value) = line.split_once(':').ok_or_else(fault)?;
        let (name, value) = (name.trim(), value.trim());
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let is_value = !value.is_empty() && value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        if !is_name || !is_value || headers.len() == HEADERS_MAX || bytes.len() > HEADERS_BYTES_MAX {
            return Err(fault());
        }
        headers.push((name.to_owned(), value.to_owned()));
    }
    Ok(headers)
}

#[cfg(feature = "otlp")]
pub(super) use pushing::Pushing;

#[cfg(feature = "otlp")]
mod pushing {
    use std::{sync::Arc, time::Duration};

    use actix_web::rt::{self, task::JoinHandle};

    use super::{Otlp, OtlpFault, headers};
    use crate::actors::{
        otlp_pusher::{OtlpPusher, push_to},
        user::UserServices,
    };

    /// The task that pushes as long as the server runs.
    pub(in crate::app) struct Pushing {
        pusher: Arc<OtlpPusher>,
        task: JoinHandle<()>,
    }

    impl Pushing {
        /// Starts it, if metrics are to be pushed.
        pub(in crate::app) fn start(
            otlp: &Otlp,
            services: &Arc<UserServices>,
        ) -> Result<Option<Pushing>, OtlpFault> {
            if otlp.endpoint.is_empty() {
                return Ok(None);
            }
            let push = push_to(&otlp.endpoint, headers(otlp)?);
            let pusher = Arc::new(OtlpPusher::new(Arc::clone(services), push, otlp.instance.clone()));
            let every = Duration::from_secs(u64::from(otlp.interval_s));
            let task = rt::spawn(Arc::clone(&pusher).run(every));
            Ok(Some(Pushing { pusher, task }))
        }

        /// Ends it, and pushes what was counted last.
        pub(in crate::app) async fn stop(self) {
            self.task.abort();
            // What is not taken now is taken by nobody.
            let _ = self.pusher.push().await;
        }
    }
}
