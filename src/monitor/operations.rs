//! The standard ids of every operation: calls, errors by class, latency bands, queue wait.
//!
//! Each operation owns a block of [`BLOCK`] ids, so nobody who adds an operation can forget to count it.

use super::histogram::{BAND_COUNT, Histogram, LATENCY_BOUNDS_US};
use super::outcome::Outcome;
use super::registry::{Entry, Kind, Part, Unit};

/// First id of the first operation.
const FIRST: u32 = 100;
/// Ids reserved per operation; those in use are the offsets below.
pub const BLOCK: u32 = 32;

const CALLS: u32 = 0;
const ERRORS: u32 = 1;
const BANDS: u32 = 6;
const LATENCY_SUM: u32 = BANDS + BAND_COUNT as u32;
const LATENCY_MAX: u32 = LATENCY_SUM + 1;
const WAIT_SUM: u32 = LATENCY_SUM + 2;
const WAIT_MAX: u32 = LATENCY_SUM + 3;
const USED: usize = WAIT_MAX as usize + 1;

macro_rules! operations {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $owner:literal; )*) => {
        /// An operation of the server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Op { $( $(#[$doc])* $variant, )* }

        impl Op {
            /// Every operation, in order of id.
            pub const ALL: &[Op] = &[$( Op::$variant, )*];

            /// The name in metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Op::$variant => $name, )* }
            }
        }

        const BLOCKS: &[[Entry; USED]] = &[$( block!(Op::$variant, $name, $owner), )*];
    };
}

macro_rules! block {
    ($op:expr, $name:literal, $owner:literal) => {{
        const FIRST_ID: u32 = $op.first_id();
        const fn at(offset: u32, name: &'static str, kind: Kind, unit: Unit, family: &'static str) -> Entry {
            Entry {
                id: FIRST_ID + offset,
                name,
                kind,
                unit,
                owner: $owner,
                family,
                labels: &[("operation", $name)],
                part: Part::Plain,
            }
        }
        macro_rules! error {
            ($place:literal, $class:literal) => {
                Entry {
                    labels: &[("operation", $name), ("class", $class)],
                    ..at(
                        ERRORS + $place,
                        concat!("operation.", $name, ".errors.", $class),
                        Kind::Sum,
                        Unit::Count,
                        "operation_errors",
                    )
                }
            };
        }
        macro_rules! band {
            ($place:literal, $band:literal, $le:literal) => {
                Entry {
                    part: Part::Band($le),
                    ..at(
                        BANDS + $place,
                        concat!("operation.", $name, ".latency.", $band),
                        Kind::Sum,
                        Unit::Micros,
                        "operation_latency",
                    )
                }
            };
        }
        [
            at(CALLS, concat!("operation.", $name, ".calls"), Kind::Sum, Unit::Count, "operation_calls"),
            error!(0, "bad_input"),
            error!(1, "auth"),
            error!(2, "refused"),
            error!(3, "overload"),
            error!(4, "fault"),
            band!(0, "le_1_ms", "0.001"),
            band!(1, "le_2_ms", "0.002"),
            band!(2, "le_5_ms", "0.005"),
            band!(3, "le_10_ms", "0.01"),
            band!(4, "le_20_ms", "0.02"),
            band!(5, "le_50_ms", "0.05"),
            band!(6, "le_100_ms", "0.1"),
            band!(7, "le_500_ms", "0.5"),
            band!(8, "le_2000_ms", "2.0"),
            band!(9, "above", "+Inf"),
            Entry {
                part: Part::BandSum,
                ..at(
                    LATENCY_SUM,
                    concat!("operation.", $name, ".latency.sum"),
                    Kind::Sum,
                    Unit::Micros,
                    "operation_latency",
                )
            },
            at(
                LATENCY_MAX,
                concat!("operation.", $name, ".latency.max"),
                Kind::Max,
                Unit::Micros,
                "operation_latency_max",
            ),
            at(
                WAIT_SUM,
                concat!("operation.", $name, ".wait.sum"),
                Kind::Sum,
                Unit::Micros,
                "operation_wait",
            ),
            at(
                WAIT_MAX,
                concat!("operation.", $name, ".wait.max"),
                Kind::Max,
                Unit::Micros,
                "operation_wait_max",
            ),
        ]
    }};
}

operations! {
    /// The first request of a connection.
    Hello = "hello", "connection";
    /// The sign of life of a client.
    Heartbeat = "heartbeat", "connection";
    /// A page of changes above a snapshot.
    Sync = "sync", "user";
    /// A message into a conversation.
    Send = "send", "user";
    /// A new account.
    Register = "register", "accounts";
    /// A new device by password, or by the word of a host app.
    SignIn = "sign_in", "accounts";
    /// The end of one's own device.
    SignOut = "sign_out", "accounts";
    /// The devices of a user.
    ListDevices = "list_devices", "accounts";
    /// The end of another device of the same user.
    EndDevice = "end_device", "accounts";
    /// A user by name.
    FindUser = "find_user", "accounts";
    /// A small page that was not asked for.
    Push = "push", "user";
    /// The word that it is time to sync.
    Nudge = "nudge", "user";
    /// A page that a reader thread put together.
    PageRead = "page_read", "reader";
    /// A request to the client's or the operator's HTTP port, whatever it held.
    Http = "http", "http";
    /// How far the conversations of a user go.
    Heads = "heads", "user";
    /// Entries of a conversation by seq.
    Range = "range", "user";
    /// Marks that were handed back, stored.
    HandBack = "hand_back", "persistence";
    /// A new password of a signed-in user.
    ChangePassword = "change_password", "accounts";
    /// Who belongs to a group.
    ListMembers = "list_members", "user";
    /// What a group is now, also by a link into it, and the ways into it.
    DescribeGroup = "describe_group", "user";
    /// How far others have come with a conversation.
    AskWatermarks = "ask_watermarks", "user";
    /// The erasure of the user who asks.
    EraseAccount = "erase_account", "accounts";
}

impl Op {
    const fn first_id(self) -> u32 {
        FIRST + BLOCK * self as u32
    }

    /// Id of the calls, whatever their outcome.
    #[must_use]
    pub const fn calls(self) -> u32 {
        self.first_id() + CALLS
    }

    /// Id of the errors of one class; `None` for [`Outcome::Ok`], which is no error.
    #[must_use]
    pub const fn errors(self, outcome: Outcome) -> Option<u32> {
        match outcome {
            Outcome::Ok => None,
            error => Some(self.first_id() + ERRORS + error as u32 - Outcome::BadInput as u32),
        }
    }

    /// Latency from the arrival of the request to its answer, in µs.
    #[must_use]
    pub const fn latency(self) -> Histogram {
        Histogram { first: self.first_id() + BANDS, bounds: &LATENCY_BOUNDS_US }
    }

    /// Id of the sum of the time spent waiting in queues, in µs.
    #[must_use]
    pub const fn wait_sum(self) -> u32 {
        self.first_id() + WAIT_SUM
    }

    /// Id of the longest time spent waiting in queues, in µs.
    #[must_use]
    pub const fn wait_max(self) -> u32 {
        self.first_id() + WAIT_MAX
    }
}

/// Number of ids of all operations.
pub const ENTRY_COUNT: usize = Op::ALL.len() * USED;

/// The entries of all operations, in ascending order of id.
pub static ENTRIES: [Entry; ENTRY_COUNT] = {
    let mut entries = [BLOCKS[0][0]; ENTRY_COUNT];
    let mut index = 0;
    while index < ENTRY_COUNT {
        entries[index] = BLOCKS[index / USED][index % USED];
        index += 1;
    }
    entries
};

const _: () = assert!(USED <= BLOCK as usize, "an operation uses no more ids than are reserved for it");
