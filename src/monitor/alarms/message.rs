//! What is told of a minute, as a message to a group: the words of a letter, within what a message may have.
//!
//! Its id and its day are made of what is told, so that the same, sent again by whichever process, is the same message for
//! as long as ids are remembered.

use sha2::{Digest, Sha256};

use super::{
    letter::{by_weight, identity, part},
    standing::Telling,
};
use crate::model::{
    ClientMessageId, Day, TimeMs,
    limits::{DEDUP_DAYS, TEXT_BYTES_MAX},
};

/// A message, before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmMessage {
    /// The same for the same alarms with the same begin, state and time.
    pub id: ClientMessageId,
    /// The day that its send names: with the id it is what a message is recognised by.
    pub day: Day,
    /// 1 to [`TEXT_BYTES_MAX`] bytes.
    pub text: String,
}

/// One message for what is told of a minute, at least one alarm. `today` is the day that a new send names.
#[must_use]
pub fn message(tellings: &[Telling], today: Day) -> AlarmMessage {
    assert!(!tellings.is_empty(), "a message tells something");
    let tellings = by_weight(tellings);
    let hash: [u8; 32] = Sha256::digest(identity(&tellings)).into();
    let id = *hash.first_chunk().expect("a hash is longer than an id");
    AlarmMessage { id: ClientMessageId(id), day: day(&tellings, today), text: text(&tellings) }
}

/// The day on which it was told, also when midnight has passed since. The clock of alarms may be set elsewhere than the time
/// by which days are judged; a day that would be refused is today instead.
fn day(tellings: &[&Telling], today: Day) -> Day {
    let told = tellings.first().map_or(today, |told| TimeMs(told.at_ms).day());
    let is_taken = told <= today && told.0.saturating_add(DEDUP_DAYS) > today.0;
    if is_taken { told } else { today }
}

/// As many alarms as there is room for, what weighs most first, and how many more there are.
fn text(tellings: &[&Telling]) -> String {
    let mut text = String::new();
    for (at, told) in tellings.iter().enumerate() {
        let part = part(told);
        let between = if at == 0 { "" } else { "\n" };
        let left = tellings.len() - at - 1;
        let room = TEXT_BYTES_MAX - if left == 0 { 0 } else { more(left).len() };
        if text.len() + between.len() + part.len() > room {
            text.push_str(&more(left + 1));
            break;
        }
        text.push_str(between);
        text.push_str(&part);
    }
    // A line feed at the end is a mail's.
    text.truncate(text.trim_end().len());
    text
}

fn more(count: usize) -> String {
    format!("\nand {count} more: highwater admin alarms\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::alarms::{SHIPPED, letter};

    const TODAY: Day = Day(20_414);
    const MIDNIGHT_MS: i64 = 20_414 * 86_400_000;

    fn told(alarm: &'static str, state: &'static str) -> Telling {
        Telling {
            alarm,
            state,
            severity: "warning",
            says: "little is left",
            value: 128 << 20,
            bound: 256 << 20,
            unit: "bytes",
            begun_ms: MIDNIGHT_MS,
            at_ms: MIDNIGHT_MS + 660_000,
        }
    }

    #[test]
    fn a_message_has_the_words_of_a_letter() {
        let all = [told("a", "over"), told("b", "firing")];
        let message = message(&all, TODAY);
        assert_eq!(message.text, letter(&all).text.trim_end());
        assert!(message.text.starts_with(
            "warning: b\nlittle is left\nfires since 2025-11-22 00:00 UTC; measured 128 MiB, bound 256 MiB\n"
        ));
        assert_eq!(message.day, TODAY);
    }

    #[test]
    fn the_id_is_made_of_alarm_begin_state_and_time_and_nothing_else() {
        let id = |change: fn(&mut Telling)| {
            let mut changed = told("disk_low", "firing");
            change(&mut changed);
            message(&[changed, told("b", "over")], TODAY).id
        };
        let first = id(|_| {});
        assert_eq!(id(|told| told.value = 0), first);
        for change in [
            (|told| told.alarm = "disk_nearly_full") as fn(&mut Telling),
            |told| told.state = "still_firing",
            |told| told.begun_ms += 1,
            |told| told.at_ms += 1,
        ] {
            assert_ne!(id(change), first);
        }
        let (one, other) = (told("a", "firing"), told("b", "firing"));
        assert_ne!(message(&[one.clone(), other], TODAY).id, message(&[one], TODAY).id);
    }

    #[test]
    fn the_day_is_that_of_the_telling_unless_it_would_be_refused() {
        let day = |days: i64| {
            let mut told = told("a", "firing");
            told.at_ms += days * 86_400_000;
            message(&[told], TODAY).day
        };
        let oldest = i64::from(DEDUP_DAYS) - 1;
        for (days, expected) in [
            (0, TODAY),
            (-1, Day(TODAY.0 - 1)),
            (-oldest, Day(TODAY.0 - DEDUP_DAYS + 1)),
            (-oldest - 1, TODAY),
            (1, TODAY),
        ] {
            assert_eq!(day(days), expected, "{days}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_by_its_number() {
        let long = |rule: &crate::monitor::alarms::Rule| Telling {
            says: rule.says,
            ..told(rule.name, "still_firing")
        };
        let all: Vec<Telling> = SHIPPED.iter().chain(SHIPPED).map(long).collect();
        let mut cut = 0;
        for count in 1..=all.len() {
            let text = message(&all[..count], TODAY).text;
            assert!((1..=TEXT_BYTES_MAX).contains(&text.len()), "{count}: {}", text.len());
            let whole = letter(&all[..count]).text;
            if whole.trim_end().len() <= TEXT_BYTES_MAX {
                assert_eq!(text, whole.trim_end(), "{count} fit");
                continue;
            }
            cut += 1;
            let named = text.lines().filter(|line| line.starts_with("still warning: ")).count();
            let last = text.lines().next_back().unwrap_or_default();
            assert_eq!(last, format!("and {} more: highwater admin alarms", count - named));
        }
        assert!(cut > 0, "all rules twice do not fit");
    }
}
