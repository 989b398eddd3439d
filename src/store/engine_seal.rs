//! The seal of a value in the index: a checksum over key and value, so that damage is seen when it is read.
//!
//! Sealed value: `value | check (u32, little endian) | format (u8)`, the check being the low half of XXH3-64 over
//! key length (u16, little endian), key, format and value. A value that is whole but *old* passes: that is seen by the
//! numbers that repositories keep, which have no holes.

use xxhash_rust::xxh3::Xxh3;

use super::engine_fault::EngineFault;

/// Bytes that the seal adds to a value: four of checksum, one of format.
pub const SEAL_BYTES: usize = 5;

/// The only format of sealed values so far.
const SEAL_FORMAT: u8 = 1;

/// Bytes of a key that a fault shows: a repository's prefix and the first id, never content.
const FAULT_KEY_BYTES: usize = 12;

/// Verifies a sealed value read under `key` and gives the value inside it.
///
/// # Errors
///
/// [`EngineFault::Corrupt`] if it is too short, of an unknown format, or not what was sealed for this key.
pub fn open_value<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], EngineFault> {
    let corrupt = |reason| EngineFault::Corrupt { key_prefix: hexadecimal_prefix(key), reason };
    let Some((rest, [format])) = sealed.split_last_chunk::<1>() else {
        return Err(corrupt("empty"));
    };
    if *format != SEAL_FORMAT {
        return Err(corrupt("unknown format"));
    }
    let Some((value, check)) = rest.split_last_chunk::<4>() else {
        return Err(corrupt("shorter than a checksum"));
    };
    if value_check(key, value) != u32::from_le_bytes(*check) {
        return Err(corrupt("checksum does not match"));
    }
    Ok(value)
}

/// Appends the seal to a value that is to be put under `key`.
pub(super) fn seal_value(key: &[u8], value: &mut Vec<u8>) {
    let check = value_check(key, value);
    value.reserve_exact(SEAL_BYTES);
    value.extend_from_slice(&check.to_le_bytes());
    value.push(SEAL_FORMAT);
}

fn value_check(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = Xxh3::new();
    hasher.update(&(key.len() as u16).to_le_bytes());
    hasher.update(key);
    hasher.update(&[SEAL_FORMAT]);
    hasher.update(value);
    hasher.digest() as u32
}

fn hexadecimal_prefix(key: &[u8]) -> String {
    key.iter().take(FAULT_KEY_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::engine_batch::IndexBatch;

    fn sealed(key: &[u8], value: &[u8]) -> Vec<u8> {
        let mut batch = IndexBatch::new();
        batch.put(key, value.to_vec()).unwrap();
        batch.records()[0].sealed.clone().unwrap()
    }

    #[test]
    fn every_flipped_bit_of_a_sealed_value_is_seen() {
        let whole = sealed(b"key", b"a value of some length");
        assert_eq!(open_value(b"key", &whole).unwrap(), b"a value of some length");
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(open_value(b"key", &damaged), Err(EngineFault::Corrupt { .. })), "bit {bit}");
        }
    }

    #[test]
    fn every_truncation_of_a_sealed_value_is_seen() {
        let whole = sealed(b"key", &[1, 1, 1, 1, 1, 1, 1, 1]);
        for length in 0..whole.len() {
            assert!(open_value(b"key", &whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn the_value_of_another_key_is_seen_and_named_by_prefix_only() {
        let whole = sealed(b"key-of-one-user-and-more", b"v");
        let fault = open_value(b"key-of-two-user-and-more", &whole).unwrap_err();
        assert!(fault.to_string().contains("6b65792d6f662d74776f2d75"), "{fault}");
        assert!(!fault.to_string().contains("6b65792d6f662d74776f2d7573"), "{fault}");
        // The border between key and value counts too.
        assert!(open_value(b"ab", &sealed(b"a", b"bc")).is_err());
    }

    #[test]
    fn the_sealed_form_is_frozen() {
        assert_eq!(sealed(b"key", b"value"), GOLDEN_SEAL);
        assert_eq!(open_value(b"key", GOLDEN_SEAL).unwrap(), b"value");
    }

    /// Bytes of a store in the field: a change here makes every existing index unreadable.
    const GOLDEN_SEAL: &[u8] = &[b'v', b'a', b'l', b'u', b'e', 176, 21, 156, 4, 1];
}
