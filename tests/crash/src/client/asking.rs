//! Requests other than sends, written down when they are made and with what came of them.

use std::future::Future;

use highwater_sdk::Error;
use serde_json::{Value, json};

use super::device::Device;

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome<T> {
    Done(T),
    /// Refused for good, by this number: certainly not done.
    Refused(u32),
    /// Nobody knows. Who wants it all the same makes another request.
    Unknown,
}

/// Makes a request. What it came to is written when it is known; `told` adds what the answer says.
pub(super) async fn ask<T>(
    device: &Device,
    op: &str,
    mut fields: Value,
    request: impl Future<Output = Result<T, Error>>,
    told: impl FnOnce(&T) -> Value,
) -> Outcome<T> {
    let number = format!("{:032x}", rand::random::<u128>());
    fields["request"] = number.clone().into();
    device.write("invoke", op, fields);
    match request.await {
        Ok(answer) => {
            let mut fields = told(&answer);
            fields["request"] = number.into();
            device.write("ok", op, fields);
            Outcome::Done(answer)
        }
        // What may be tried again unchanged may also be of unknown outcome.
        Err(Error::Refused(refused)) if !refused.retry => {
            device.write("fail", op, json!({ "request": number, "code": refused.code }));
            Outcome::Refused(refused.code)
        }
        Err(error) => {
            device.write("info", op, json!({ "request": number, "error": error.to_string() }));
            Outcome::Unknown
        }
    }
}
