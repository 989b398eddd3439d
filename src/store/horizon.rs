//! The horizon as it is stored: in the log whenever it moves, in the index as one row.
//!
//! ```text
//! horizon = first day of receipts, number of points, point…
//! point   = time, version                                   (oldest first)
//! ```

use super::{
    field::{Input, Malformed, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{
    Day,
    horizon::{AGE_POINTS_MAX, AgePoint, Horizon},
};

/// Key of the row.
#[must_use]
pub fn key() -> Vec<u8> {
    Key::of(keys::META).bytes(b"horizon").done()
}

/// Writes a horizon.
pub fn encode(out: &mut Vec<u8>, horizon: &Horizon) {
    put_number(out, u64::from(horizon.receipts_from.0));
    put_number(out, horizon.points().len() as u64);
    for point in horizon.points() {
        put_time(out, point.at);
        put_number(out, point.version.0);
    }
}

/// Reads a horizon.
///
/// # Errors
/// When the bytes are not a horizon.
pub fn decode(input: &mut Input<'_>) -> Result<Horizon, Malformed> {
    let day = u32::try_from(input.number()?).map_err(|_| Malformed::Truncated("day"))?;
    let count = input.number()?;
    if count > AGE_POINTS_MAX as u64 {
        return Err(Malformed::Unknown { what: "number of age points", tag: count });
    }
    let point = |_| Ok(AgePoint { at: input.time()?, version: input.version()? });
    let points = (0..count).map(point).collect::<Result<_, Malformed>>()?;
    Ok(Horizon::stored(Day(day), points))
}
