//! The rules that every server has, with the reason of each bound. An operator changes bounds and hours or switches rules
//! off (`[alarms.rules]`); a test holds the table of `docs/operating.md` to this one.

use super::rule::{Baseline, Condition, Measure, Rule, Severity};
use crate::monitor::{Op, Outcome, ids};

/// Told again after so long. Source: a quarter of a shift, so that whoever comes next hears of it.
const WARNING_REPEAT_MINUTES: i64 = 120;
/// Source: what is critical and not acknowledged within a quarter of an hour has reached nobody.
const CRITICAL_REPEAT_MINUTES: i64 = 15;

const fn errors(op: Op, outcome: Outcome) -> u32 {
    op.errors(outcome).expect("an error has an id")
}

const fn warning(name: &'static str, says: &'static str, measure: Measure, condition: Condition) -> Rule {
    Rule {
        name,
        says,
        severity: Severity::Warning,
        measure,
        condition,
        bound: 0,
        unit: "",
        n: 1,
        of_minutes: 1,
        repeat_minutes: WARNING_REPEAT_MINUTES,
        hours: None,
    }
}

const fn critical(name: &'static str, says: &'static str, measure: Measure, condition: Condition) -> Rule {
    Rule {
        severity: Severity::Critical,
        repeat_minutes: CRITICAL_REPEAT_MINUTES,
        ..warning(name, says, measure, condition)
    }
}

const SIGN_INS_REFUSED: &[u32] = &[errors(Op::SignIn, Outcome::Auth)];
const FAULTS: &[u32] = &[
    errors(Op::Send, Outcome::Fault),
    errors(Op::Sync, Outcome::Fault),
    errors(Op::HandBack, Outcome::Fault),
    errors(Op::PageRead, Outcome::Fault),
];
const HOST_TOKENS_FORGED: &[u32] = &[ids::HOST_TOKENS_REFUSED_KEY, ids::HOST_TOKENS_REFUSED_SIGNATURE];

/// The rules, most urgent first within what they are about.
pub static SHIPPED: &[Rule] = &[
    Rule {
        bound: 256 * 1024 * 1024,
        unit: "bytes",
        // Source: four times what is left when the index is not written any more (`FREE_BYTES_FOR_INDEX` of src/app/store.rs):
        // some segments of the log.
        ..critical(
            "disk_nearly_full",
            "the disk of the data directory is nearly full: writes are refused soon, if not already",
            Measure::Of(&[ids::DISK_FREE]),
            Condition::Below,
        )
    },
    Rule {
        bound: 10,
        unit: "%",
        n: 5,
        of_minutes: 5,
        // Source: a compaction needs room for a second copy, and people need a day to make some.
        ..warning(
            "disk_low",
            "little is left on the disk of the data directory",
            Measure::Ratio {
                above: &[ids::DISK_FREE],
                below: &[ids::DISK_SIZE],
                times: 100,
                below_least: 1,
                is_share: true,
            },
            Condition::Below,
        )
    },
    Rule {
        bound: 30,
        unit: "%",
        n: 5,
        of_minutes: 10,
        // Source: weeks differ by about a tenth; half an hour around the same minute and five of ten minutes leave chance
        // out. Below 60 a minute the numbers are too small to say anything.
        ..critical(
            "messages_fell",
            "far fewer messages are stored than a week ago at this time",
            Measure::Of(&[ids::MESSAGES_STORED]),
            Condition::Fell { than: Baseline::DaysAgo { days: 7, around: 15 }, mean_least: 60 },
        )
    },
    Rule {
        bound: 50,
        unit: "%",
        n: 3,
        of_minutes: 5,
        // Source: needs no history of a week; people do not stop writing within minutes, and what stops is the server.
        ..critical(
            "messages_stopped",
            "messages stored have dropped within minutes",
            Measure::Of(&[ids::MESSAGES_STORED]),
            Condition::Fell { than: Baseline::Previous { minutes: 30 }, mean_least: 60 },
        )
    },
    Rule {
        bound: 300,
        unit: "%",
        n: 3,
        of_minutes: 5,
        // Source: four times of yesterday is no usual day: news, or somebody who floods.
        ..warning(
            "connections_rose",
            "far more connections are opened than yesterday at this time",
            Measure::Of(&[ids::CONNECTIONS_OPENED]),
            Condition::Rose { than: Baseline::DaysAgo { days: 1, around: 15 }, mean_least: 60 },
        )
    },
    Rule {
        bound: 20_000,
        unit: "us",
        of_minutes: 5,
        // Source: beyond a mean wait of 20 ms the server counts as overloaded. A mean of a minute is no chance, and whoever
        // sends waits now.
        ..warning(
            "commits_slow",
            "the sync of a batch takes long: whoever sends waits for it",
            Measure::Ratio {
                above: &[ids::BATCH_SYNC_SUM],
                below: &[ids::BATCHES],
                times: 1,
                below_least: 3,
                is_share: false,
            },
            Condition::Above,
        )
    },
    Rule {
        bound: 5_000_000,
        unit: "us",
        of_minutes: 3,
        // Source: no turn of a disk that works takes a second, and clients give a request up after some. It is looked at every
        // second, so it is seen while nothing comes back at all.
        ..critical(
            "commits_stuck",
            "nothing is stored: a write or a sync does not come back",
            Measure::Of(&[ids::PERSISTENCE_TURN]),
            Condition::Above,
        )
    },
    Rule {
        bound: 192 * 1024 * 1024,
        unit: "bytes",
        n: 3,
        of_minutes: 5,
        // Source: three quarters of the default of storage.tail_bytes_max, where sends begin to be refused as busy. With
        // another setting there, set the bound too.
        ..critical(
            "index_behind",
            "the index is far behind the commit log, and what waits for it fills memory",
            Measure::Of(&[ids::TAIL_BYTES]),
            Condition::Above,
        )
    },
    Rule {
        bound: 800,
        unit: "%",
        n: 5,
        of_minutes: 5,
        // Source: measured 3.4 to 3.8 times what is live under a steady load; twice that is an index that does not shrink.
        // Below 64 MiB it is what the engine begins with.
        ..warning(
            "index_bloated",
            "the index takes far more of the disk than what is live in it",
            Measure::Ratio {
                above: &[ids::INDEX_DISK_BYTES],
                below: &[ids::INDEX_LIVE_BYTES],
                times: 100,
                below_least: 64 * 1024 * 1024,
                is_share: false,
            },
            Condition::Above,
        )
    },
    Rule {
        bound: 2_000_000,
        unit: "us",
        // Source: an entry that waits for a second counts as overload; twice that at the end of a minute is no chance, and
        // who waits for a second minute tells of what is stuck after more than two.
        ..warning(
            "fan_out_late",
            "entries of groups wait long until all members have them",
            Measure::Of(&[ids::GROUP_OLDEST_WAITING]),
            Condition::Above,
        )
    },
    // Source: what fails again and again does not mend itself.
    critical(
        "fan_out_parked",
        "entries of a group are not handed on: the steps fail again and again",
        Measure::Of(&[ids::GROUPS_PARKED]),
        Condition::Above,
    ),
    // Source: a fault is never a client's doing, and each was logged with its cause.
    critical(
        "requests_fault",
        "requests end in a fault of the server or its environment",
        Measure::Of(FAULTS),
        Condition::Above,
    ),
    Rule {
        bound: 5,
        unit: "%",
        n: 3,
        of_minutes: 5,
        // Source: one send in twenty that has to be sent again is what users notice.
        ..warning(
            "sends_refused_busy",
            "sends are refused since the server has more to do than it can",
            Measure::Ratio {
                above: &[errors(Op::Send, Outcome::Overload)],
                below: &[Op::Send.calls()],
                times: 100,
                below_least: 20,
                is_share: true,
            },
            Condition::Above,
        )
    },
    Rule {
        bound: 30,
        of_minutes: 5,
        // Source: people mistype a few times a minute on a large server; one every two seconds is somebody who
        // guesses, and has another thirty tries each minute until he is seen.
        ..warning(
            "sign_ins_refused",
            "many sign-ins are refused: somebody may be guessing passwords",
            Measure::Of(SIGN_INS_REFUSED),
            Condition::Above,
        )
    },
    Rule {
        bound: 10,
        n: 2,
        of_minutes: 5,
        // Source: the host app makes none of these; a few are keys that were just changed.
        ..warning(
            "host_tokens_forged",
            "tokens come that the host app did not sign, or whose key it does not publish",
            Measure::Of(HOST_TOKENS_FORGED),
            Condition::Above,
        )
    },
    // Source: it happens only after an older copy of the store was put back or a loss accepted; one is worth knowing of.
    critical(
        "lost_future_seen",
        "a device knows of a history that this store has lost",
        Measure::Of(&[ids::LINEAGES_LOST_FUTURE]),
        Condition::Above,
    ),
    // Source: honest clients are never stuck; each is a device that gets nothing new.
    warning(
        "lineages_stuck",
        "a device hands in the same snapshot again and again: it holds cleanup back and may show nothing new",
        Measure::Of(&[ids::LINEAGES_STUCK]),
        Condition::Above,
    ),
    Rule {
        bound: 2,
        // Source: the clock is looked at every second; three minutes without a point are a process that stood still, or a
        // clock that was set.
        ..warning(
            "minutes_missing",
            "minutes have no points: the server stood still, was away, or the clock was set",
            Measure::Of(&[ids::CONNECTIONS_OPEN]),
            Condition::Missing { within: 60 },
        )
    },
];
