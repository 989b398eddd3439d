//! Runs: every life of the store, kept for as long as the store.

use super::{
    field::{Input, Malformed, put_number},
    keys::{self, Key},
};
use crate::model::{RunNumber, record::Run};

/// Key of a run.
#[must_use]
pub fn key(number: RunNumber) -> Vec<u8> {
    Key::of(keys::RUN).u32(number.0).done()
}

/// Writes a run.
pub fn encode(out: &mut Vec<u8>, run: &Run) {
    put_number(out, u64::from(run.number.0));
    out.extend_from_slice(&run.id.to_be_bytes());
    put_number(out, run.first.0);
    put_number(out, run.found.0);
    out.push(u8::from(run.lossy));
}

/// Reads a run.
///
/// # Errors
/// When the bytes are not a run.
pub fn decode(input: &mut Input<'_>) -> Result<Run, Malformed> {
    let number = u32::try_from(input.number()?).map_err(|_| Malformed::Truncated("run number"))?;
    Ok(Run {
        number: RunNumber(number),
        id: u32::from_be_bytes(input.array("run id")?),
        first: input.version()?,
        found: input.version()?,
        lossy: input.byte("lossy")? != 0,
    })
}
