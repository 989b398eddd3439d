//! The identities and numbers that everything else is made of. A bare integer is never an id.

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// Number of one decided change in the commit log: one line for the whole store, it only grows.
    ///
    /// 0 is "before everything"; the first operation has at least 1. At most 48 bits are used, since a mark has no more.
    Version(u64)
}
number! {
    /// Place of an entry in its conversation: dense, from 1. 0 is "before the first".
    Seq(u64)
}
number! {
    /// An account. Random, so that it tells nothing about their number.
    UserId(u64)
}
number! {
    /// One installation of a client. Random.
    DeviceId(u64)
}
number! {
    /// A key by which an app's program asks. Random.
    ApiKeyId(u64)
}
number! {
    /// Anything with one ordered log of messages.
    ConversationId(u64)
}
number! {
    /// One life of the store, from one start to the next: 1, 2, 3…
    RunNumber(u32)
}
number! {
    /// Days since 1970-01-01 UTC, of the server's clock.
    Day(u32)
}
number! {
    /// Milliseconds since 1970-01-01 UTC, of the server's clock.
    TimeMs(i64)
}
number! {
    /// Number of a kind of synchronised data; the registry is `sync::kinds`.
    Kind(u8)
}

impl Kind {
    /// The messages: on their marks cleanup depends.
    pub const MESSAGES: Kind = Kind(4);
}

impl Version {
    /// Largest version that fits a mark of a snapshot (48 bits).
    pub const MAX: Version = Version((1 << 48) - 1);

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Version {
        assert!(self < Version::MAX, "the number line of versions is used up");
        Version(self.0 + 1)
    }
}

impl Seq {
    /// The seq after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl TimeMs {
    /// The day in which this moment lies; moments before 1970 belong to day 0.
    #[must_use]
    pub fn day(self) -> Day {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        Day(u32::try_from(self.0.max(0) / DAY_MS).unwrap_or(u32::MAX))
    }
}

impl ConversationId {
    /// The conversation between two users: the same from both sides, and never asked of a table.
    ///
    /// `attempt` is 0 unless that id belongs to another pair already, which the committer sees in the row.
    #[must_use]
    pub fn direct(one: UserId, other: UserId, attempt: u32) -> ConversationId {
        let (low, high) = if one <= other { (one.0, other.0) } else { (other.0, one.0) };
        let mixed = mix(mix(low ^ 0x9e37_79b9_7f4a_7c15) ^ high ^ u64::from(attempt).rotate_left(48));
        ConversationId(mixed.max(1))
    }

    /// How often the id of a conversation between two is drawn anew when it belongs to another pair. Source: with 64 mixed
    /// bits and a billion conversations one pair in 37 billion needs a second attempt; a fourth never happens.
    pub const DIRECT_ATTEMPTS_MAX: u32 = 4;

    /// Whether it is the conversation between two, by its number alone.
    #[must_use]
    pub fn is_between(self, one: UserId, other: UserId) -> bool {
        (0..ConversationId::DIRECT_ATTEMPTS_MAX)
            .any(|attempt| ConversationId::direct(one, other, attempt) == self)
    }
}

impl ConversationId {
    /// For whom the steps of a group are decided in order: the group itself, under its own number. Should a user have the
    /// same number, the two share an order, and nothing else.
    #[must_use]
    pub fn as_actor(self) -> UserId {
        UserId(self.0)
    }
}

impl UserId {
    /// The group that an old client writes to as to a user of this number.
    #[must_use]
    pub fn as_group(self) -> ConversationId {
        ConversationId(self.0)
    }
}

/// Spreads 64 bits over 64 bits. Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One independent chain of snapshots: a device and the context within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineageId {
    /// The installation.
    pub device: DeviceId,
    /// 0 is the app; its push extension is another.
    pub context: u8,
}

/// 128 random bits that a client makes once per message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientMessageId(pub [u8; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_conversation_is_the_same_from_both_sides() {
        let (a, b) = (UserId(7), UserId(9));
        assert_eq!(ConversationId::direct(a, b, 0), ConversationId::direct(b, a, 0));
        assert_ne!(ConversationId::direct(a, b, 0), ConversationId::direct(a, b, 1));
        assert_ne!(ConversationId::direct(a, b, 0), ConversationId::direct(a, a, 0));
        assert!((0..4).all(|attempt| ConversationId::direct(a, b, attempt).is_between(b, a)));
        assert!(!ConversationId::direct(a, b, 0).is_between(a, a));
        assert!(!ConversationId::direct(a, b, 4).is_between(a, b));
    }

    #[test]
    fn days_begin_at_midnight() {
        assert_eq!(TimeMs(86_399_999).day(), Day(0));
        assert_eq!(TimeMs(86_400_000).day(), Day(1));
        assert_eq!(TimeMs(-5).day(), Day(0));
    }
}
