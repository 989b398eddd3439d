//! What the checker says in the end.

use std::io::{self, Write};

use crate::findings::{Bucket, Event, Findings};
use crate::history::History;
use crate::tried::Tried;

/// Counts of offences by bucket, and of what was put to the proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Distinct client message ids that were acknowledged before any power cut that they raced.
    pub acknowledged: u64,
    /// Acknowledged messages missing from a lineage entitled to them; a message counts once.
    pub lost: u64,
    /// See [`Bucket::Duplicated`].
    pub duplicated: u64,
    /// See [`Bucket::Reordered`].
    pub reordered: u64,
    /// See [`Bucket::Invented`].
    pub invented: u64,
    /// See [`Bucket::Unseen`]; a message counts once.
    pub unseen: u64,
    /// See [`Bucket::Skipped`]; a hole counts once however wide.
    pub skipped: u64,
    /// See [`Bucket::Rewound`].
    pub rewound: u64,
    /// See [`Bucket::Inconsistent`].
    pub inconsistent: u64,
    /// See [`Bucket::Leaked`].
    pub leaked: u64,
    /// See [`Bucket::Partial`]; an entry counts once.
    pub partial: u64,
    /// See [`Bucket::Stuck`].
    pub stuck: u64,
    /// Times that the server was killed.
    pub kills: u64,
    /// Times that the power was cut.
    pub cuts: u64,
    /// What else was put to the proof.
    pub tried: Tried,
    events: Vec<Event>,
}

impl Verdict {
    pub(crate) fn new(acknowledged: u64, tried: Tried, history: &History, findings: Findings) -> Self {
        Self {
            acknowledged,
            lost: findings.count(Bucket::Lost),
            duplicated: findings.count(Bucket::Duplicated),
            reordered: findings.count(Bucket::Reordered),
            invented: findings.count(Bucket::Invented),
            unseen: findings.count(Bucket::Unseen),
            skipped: findings.count(Bucket::Skipped),
            rewound: findings.count(Bucket::Rewound),
            inconsistent: findings.count(Bucket::Inconsistent),
            leaked: findings.count(Bucket::Leaked),
            partial: findings.count(Bucket::Partial),
            stuck: findings.count(Bucket::Stuck),
            kills: history.kills.len() as u64,
            cuts: history.cuts.len() as u64,
            tried,
            events: findings.into_events(),
        }
    }

    /// The count of one bucket.
    pub fn count(&self, bucket: Bucket) -> u64 {
        match bucket {
            Bucket::Lost => self.lost,
            Bucket::Duplicated => self.duplicated,
            Bucket::Reordered => self.reordered,
            Bucket::Invented => self.invented,
            Bucket::Unseen => self.unseen,
            Bucket::Skipped => self.skipped,
            Bucket::Rewound => self.rewound,
            Bucket::Inconsistent => self.inconsistent,
            Bucket::Leaked => self.leaked,
            Bucket::Partial => self.partial,
            Bucket::Stuck => self.stuck,
        }
    }

    /// Whether the history is good: no offence of any kind, and something was acknowledged at all. A history
    /// without an acknowledgement proves nothing, so it is not clean.
    pub fn is_clean(&self) -> bool {
        self.acknowledged > 0 && Bucket::ALL.iter().all(|&bucket| self.count(bucket) == 0)
    }

    /// The verdict in one line, without a line feed. `cuts=` stands in it only if there were power cuts.
    pub fn line(&self, seed: u64) -> String {
        let Self { acknowledged, lost, duplicated, reordered, invented, leaked, partial, kills, .. } = self;
        let cuts = if self.cuts > 0 { format!(" cuts={}", self.cuts) } else { String::new() };
        format!(
            "verdict acknowledged={acknowledged} lost={lost} duplicated={duplicated} reordered={reordered} \
             invented={invented} leaked={leaked} partial={partial} kills={kills}{cuts} seed={seed}"
        )
    }

    /// The buckets that [`Verdict::line`] does not name, in one line without a line feed.
    pub fn further_line(&self) -> String {
        let Self { unseen, skipped, rewound, inconsistent, stuck, .. } = self;
        format!(
            "further unseen={unseen} skipped={skipped} rewound={rewound} inconsistent={inconsistent} stuck={stuck}"
        )
    }

    /// The first events of each bucket, bucket by bucket: at most [`crate::EVENTS_PER_BUCKET`] of each.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Writes the first events of each bucket that has any, with how many there are in all.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_report(&self, out: &mut dyn Write) -> io::Result<()> {
        for bucket in Bucket::ALL {
            let events: Vec<&Event> = self.events.iter().filter(|event| event.bucket == bucket).collect();
            if events.is_empty() {
                continue;
            }
            writeln!(out, "{}: {} in all, the first {}:", bucket.name(), self.count(bucket), events.len())?;
            for event in events {
                writeln!(out, "  {event}")?;
            }
        }
        if self.acknowledged == 0 {
            writeln!(out, "nothing was acknowledged: this history proves nothing")?;
        }
        Ok(())
    }
}
