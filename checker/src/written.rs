//! How single values are written in a line: numbers as decimal strings, ids and snapshots as hex.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// Hex digits of a token or a client message id: 128 bits.
const ID_HEX_DIGITS: usize = 32;
/// Hex digits of a snapshot's name: its bytes 3 to 10, eight of them.
const SNAPSHOT_HEX_DIGITS: usize = 16;

/// Bytes 3 to 10 of a snapshot, which is how a base names it; none for the empty snapshot.
pub(crate) type SnapshotName = Option<u64>;

/// A 64-bit number written as a decimal string.
#[derive(Debug)]
pub(crate) struct Decimal(pub(crate) u64);
/// A 128-bit value written as 32 hex digits.
#[derive(Debug)]
pub(crate) struct Hex128(pub(crate) u128);
/// A snapshot's name written as 16 hex digits, or empty.
#[derive(Debug)]
pub(crate) struct HexSnapshot(pub(crate) SnapshotName);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written("a decimal string", |text| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse().ok().map(Decimal) } else { None }
        }))
    }
}

impl<'de> Deserialize<'de> for Hex128 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written("32 hex digits", |text| hex(text, ID_HEX_DIGITS).map(Hex128)))
    }
}

impl<'de> Deserialize<'de> for HexSnapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written("16 hex digits or nothing", |text| {
            if text.is_empty() {
                return Some(HexSnapshot(None));
            }
            let name = hex(text, SNAPSHOT_HEX_DIGITS)?;
            Some(HexSnapshot(Some(u64::try_from(name).expect("16 hex digits are 64 bits"))))
        }))
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let well_formed = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if well_formed { u128::from_str_radix(text, 16).ok() } else { None }
}

/// Reads a string without keeping it.
struct Written<T>(&'static str, fn(&str) -> Option<T>);

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
