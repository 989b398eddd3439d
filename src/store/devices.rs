//! Devices, and the tokens by which they are found.

use super::{
    field::{Input, Malformed, put_bytes, put_fixed64, put_time},
    keys::{self, Key},
};
use crate::model::{
    DeviceId, UserId,
    record::{Device, SecretHash},
};

/// Key of a device's row.
#[must_use]
pub fn key(device: DeviceId) -> Vec<u8> {
    Key::of(keys::DEVICE).u64(device.0).done()
}

/// Key of a token's row.
#[must_use]
pub fn token_key(token: &SecretHash) -> Vec<u8> {
    Key::of(keys::TOKEN).bytes(token).done()
}

/// Writes a row.
pub fn encode(out: &mut Vec<u8>, device: &Device) {
    put_fixed64(out, device.device.0);
    put_fixed64(out, device.user.0);
    put_bytes(out, device.name.as_bytes());
    out.push(device.class);
    out.extend_from_slice(&device.token);
    put_time(out, device.created);
    out.push(u8::from(device.suspended));
}

/// Reads a row.
///
/// # Errors
/// When the bytes are not a device.
pub fn decode(input: &mut Input<'_>) -> Result<Device, Malformed> {
    Ok(Device {
        device: input.device()?,
        user: input.user()?,
        name: input.text("device name")?,
        class: input.byte("device class")?,
        token: input.array("token hash")?,
        created: input.time()?,
        suspended: input.byte("suspended device")? != 0,
    })
}

/// Writes the value of a token's row.
pub fn encode_owner(out: &mut Vec<u8>, user: UserId, device: DeviceId) {
    put_fixed64(out, user.0);
    put_fixed64(out, device.0);
}

/// Reads the value of a token's row.
///
/// # Errors
/// When the bytes are not two ids.
pub fn decode_owner(input: &mut Input<'_>) -> Result<(UserId, DeviceId), Malformed> {
    Ok((input.user()?, input.device()?))
}
