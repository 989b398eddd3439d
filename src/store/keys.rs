//! The key table of the index: one tree, one prefix byte per repository.
//!
//! | prefix | repository | key after the prefix | value |
//! | --- | --- | --- | --- |
//! | `a` | accounts | user | account row |
//! | `n` | accounts | name key | user |
//! | `d` | devices | device | device row |
//! | `t` | devices | token hash | user, device |
//! | `c` | conversations | conversation | conversation row |
//! | `m` | messages | conversation, first seq | chunk of messages with their versions, dense in seq |
//! | `p` | inboxes | user, first version | chunk of pointers |
//! | `u` | receipts | user, day, first version | chunk of receipts |
//! | `s` | items | user, kind, version | item |
//! | `k` | items | user, kind, item key | version |
//! | `g` | tombstones | version, user, kind | item key |
//! | `l` | lineages | user | marks and floor |
//! | `r` | runs | number | run |
//! | `v` | invites | hash | invite |
//! | `o` | groups | group | group row |
//! | `b` | groups | group, user | member row |
//! | `e` | group doors | group | links into the group, and who asked to come in |
//! | `f` | groups | group | position of the fan-out, while something waits |
//! | `h` | channels | channel, first seq | chunk of posts: seq and version |
//! | `i` | channels | user | number of follows |
//! | `i` | channels | user, channel | what the user has of the channel |
//! | `j` | channels | channel | channel row |
//! | `j` | channels | channel, user | nothing: the user follows it now |
//! | `R` | groups | user | how many groups and channels the user owns, if any |
//! | `q` | contacts | user | what is counted of the user's contacts |
//! | `w` | readings | user, conversation | what the user has read, and how the user keeps it |
//! | `x` | meta | name | reach, time, horizon, store |
//! | `y` | host identities | hash of app and subject | hash, user |
//! | `z` | API keys | | all of them |
//! | `E` | erasures | user | how it stands with the erasure |
//! | `P` | profiles | user, owner | nothing: the owner has an item of the user |
//! | `Q` | profiles | user, version | nothing: a change that not all owners were told yet |
//! | `S` | broadcasts | | the channels that everybody follows |
//! | `U` | operators | | all that have a name |
//!
//! Numbers in keys are big-endian, so that byte order is number order. Only the repository of a prefix builds its keys.

/// See the table.
pub const ACCOUNT: u8 = b'a';
/// See the table.
pub const NAME: u8 = b'n';
/// See the table.
pub const DEVICE: u8 = b'd';
/// See the table.
pub const TOKEN: u8 = b't';
/// See the table.
pub const CONVERSATION: u8 = b'c';
/// See the table.
pub const MESSAGE: u8 = b'm';
/// See the table.
pub const POINTER: u8 = b'p';
/// See the table.
pub const RECEIPT: u8 = b'u';
/// See the table.
pub const ITEM: u8 = b's';
/// See the table.
pub const ITEM_VERSION: u8 = b'k';
/// See the table.
pub const TOMBSTONE: u8 = b'g';
/// See the table.
pub const LINEAGES: u8 = b'l';
/// See the table.
pub const RUN: u8 = b'r';
/// See the table.
pub const INVITE: u8 = b'v';
/// See the table.
pub const GROUP: u8 = b'o';
/// See the table.
pub const MEMBER: u8 = b'b';
/// See the table.
pub const OWNED: u8 = b'R';
/// See the table.
pub const FAN_OUT: u8 = b'f';
/// See the table.
pub const DOOR: u8 = b'e';
/// See the table.
pub const CONTACT_TALLY: u8 = b'q';
/// See the table.
pub const HOST_IDENTITY: u8 = b'y';
/// See the table.
pub const POST: u8 = b'h';
/// See the table.
pub const FOLLOW: u8 = b'i';
/// See the table.
pub const FOLLOWER: u8 = b'j';
/// See the table.
pub const READING: u8 = b'w';
/// See the table.
pub const API_KEYS: u8 = b'z';
/// See the table.
pub const META: u8 = b'x';
/// See the table.
pub const ERASURE: u8 = b'E';
/// See the table.
pub const HOLDER: u8 = b'P';
/// See the table.
pub const PROFILE_CHANGE: u8 = b'Q';
/// See the table.
pub const BROADCASTS: u8 = b'S';
/// See the table.
pub const OPERATORS: u8 = b'U';

/// A key under construction.
#[derive(Debug, Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// Begins with a prefix.
    #[must_use]
    pub fn of(prefix: u8) -> Key {
        let mut bytes = Vec::with_capacity(24);
        bytes.push(prefix);
        Key(bytes)
    }

    /// Goes on with a 64-bit number.
    #[must_use]
    pub fn u64(mut self, number: u64) -> Key {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Goes on with a 32-bit number.
    #[must_use]
    pub fn u32(mut self, number: u32) -> Key {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Goes on with a byte.
    #[must_use]
    pub fn u8(mut self, byte: u8) -> Key {
        self.0.push(byte);
        self
    }

    /// Goes on with bytes; they must be the last part, or of fixed length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Key {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The key.
    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.0
    }
}
