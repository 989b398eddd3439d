//! Bodies of HTTP requests: bounded in length and in time, so that who sends slowly costs a socket for seconds only.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use highwater_wire::Refusal;

/// How long a body may take to come. Source: 64 KiB over a bad mobile connection (64 kbit/s) take 8 s.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// It did not come in time.
    TooSlow,
    /// It is longer than it may be, broke off, or is not encoded as it says.
    Refused(Refusal),
}

impl BodyFault {
    /// Its refusal; none of what came too slowly, since nobody may be there to read it.
    #[must_use]
    pub fn refusal(self) -> Option<Refusal> {
        match self {
            BodyFault::TooSlow => None,
            BodyFault::Refused(refusal) => Some(refusal),
        }
    }
}

/// What is told to who sends too slowly: the connection ends with it.
pub fn too_slow() -> HttpResponse {
    HttpResponse::RequestTimeout().force_close().finish()
}

/// Reads a whole body.
///
/// # Errors
/// [`BodyFault`]; the connection cannot be used for another request then.
pub async fn read(
    http: &HttpRequest,
    mut payload: web::Payload,
    bytes_max: usize,
) -> Result<Bytes, BodyFault> {
    let declared = http.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if declared.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > bytes_max as u64)
    {
        return Err(BodyFault::Refused(Refusal::FrameTooLarge));
    }
    let whole = async {
        let mut body = BytesMut::new();
        while let Some(part) = payload.next().await {
            let part = part.map_err(|_| BodyFault::Refused(Refusal::MalformedFrame))?;
            if body.len() + part.len() > bytes_max {
                return Err(BodyFault::Refused(Refusal::FrameTooLarge));
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    };
    actix_web::rt::time::timeout(BODY_TIMEOUT, whole).await.unwrap_or(Err(BodyFault::TooSlow))
}
