//! Which number a new group has: it is made of the request, so that the same request once more names the same group.
//!
//! A resend needs no memory of requests, and no window in which it is recognised: what it would make is there already.

use sha2::{Digest, Sha256};

use crate::model::{ConversationId, UserId};

/// The number of a group that a user makes under these random bytes. Nobody can choose it: to hit the conversation of
/// somebody else one has to try 2^64 times.
#[must_use]
pub fn id_of_new(founder: UserId, client_group_id: [u8; 16]) -> ConversationId {
    let hash = Sha256::new().chain_update(founder.0.to_le_bytes()).chain_update(client_group_id).finalize();
    let head = hash.first_chunk::<8>().expect("a hash has 32 bytes");
    // No conversation has the number 0.
    ConversationId(u64::from_le_bytes(*head).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_request_names_the_same_group_and_no_other_does() {
        let named = id_of_new(UserId(7), [1; 16]);
        assert_eq!(named, id_of_new(UserId(7), [1; 16]));
        assert_ne!(named, id_of_new(UserId(8), [1; 16]));
        assert_ne!(named, id_of_new(UserId(7), [2; 16]));
        // It is promised for ever: a resend may come after an update of the server.
        assert_eq!(named, ConversationId(7_344_737_955_898_970_147));
    }
}
