//! Judges a history of Highwater: what clients did and saw, against what the server promised.
//!
//! The checker links nothing of the server. It reads JSON lines that client processes and one driver wrote
//! (the format is in `README.md` of this crate), and answers with a [`Verdict`]: one count per kind of offence.
//! The server names the positions of messages (conversation, seq), so no search over possible orders is needed:
//! everything here is interning, sorting and scanning, O(n log n) in the number of entries.
//!
//! The way through the crate, in the order in which [`check`] goes it:
//!
//! 1. `line` reads one line; `reading` reads all files into the tables of `history`.
//! 2. `sends` knows of every message who sent it to whom, when, and what was answered.
//! 3. `positions` knows where every message stands, and finds places and messages that contradict.
//! 4. `requests` knows what else was asked for and answered: groups, blocks, devices that `endings` marks as ended.
//!    `membership` follows the notices of groups, and `notices` holds both against each other. `channels` says by requests
//!    alone which entries of a channel are whose.
//! 5. `sightings` looks at every entry that a lineage was given: was it sent, and by `rights`, may this user see it?
//!    `erasures` says which message was one that is shown as erased, and looks for texts of users who are gone.
//! 6. `chains` follows each lineage from answer to answer; `dumps` looks at its store at the end.
//! 7. `delivery` asks what is missing, `holes` for what nobody knows of, `order` whether positions follow real time.
//! 8. `findings` counts, and `verdict` says it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod asked;
mod chains;
mod channels;
mod cuts;
mod delivery;
mod dumps;
mod endings;
mod erasures;
mod fault;
mod findings;
mod history;
mod holes;
mod intern;
mod line;
mod lives;
mod membership;
mod notices;
mod order;
mod pairs;
mod positions;
mod reading;
mod requests;
mod rights;
mod sends;
mod sightings;
mod tried;
mod verdict;
mod written;
mod written_entry;

use std::path::PathBuf;

pub use fault::{HistoryError, LineFault};
pub use findings::{Bucket, EVENTS_PER_BUCKET, Event};
pub use tried::Tried;
pub use verdict::Verdict;

use channels::Channels;
use delivery::Told;
use findings::Findings;
use membership::Membership;
use positions::Positions;
use requests::Standing;
use sends::Sends;
use sightings::Sightings;

/// Judges the history that lies in `files`: one file per client process and one of the driver, in any order.
///
/// Lines of one lineage may stand in several files (a client that was killed and came back writes where it
/// likes); they are put in order by their time stamps, and lines of equal time by file and line.
///
/// # Errors
///
/// [`HistoryError`] when the files are no history: unreadable, not in the format, contradicting themselves about
/// who sent what, or without the `devices` line. Such a run has no verdict, neither good nor bad.
pub fn check(files: &[PathBuf]) -> Result<Verdict, HistoryError> {
    let mut history = reading::read(files)?;
    let mut findings = Findings::new(files);
    let requests = requests::index(&history, &findings)?;
    endings::mark(&mut history, &requests);
    let history = &history;
    let found = &mut findings;
    let sends = Sends::index(history, found)?;
    let positions = Positions::index(history, &sends, found);
    let mut channels = Channels::known(&requests);
    let mut standing = Standing::of(&requests, |group| channels.is_channel(group));
    standing.let_go(&history.erasures);
    channels.find_rights(history, &requests, &standing, (&sends, &positions), found);
    let mut membership = Membership::index(history, &channels, found);
    notices::judge(history, &requests, &standing, &mut membership, found);
    notices::judge_standing(history, &standing, &sends, &positions, &mut membership, found);
    let sightings = Sightings::judge(history, &sends, (&membership, &channels), &standing, found);
    chains::judge(history, &positions, found);
    endings::judge(history, found);
    erasures::judge(history, &sends, &sightings.pairs, found);
    dumps::judge(history, &positions, found);
    let (sends, sightings, positions) = (&sends, &sightings, &positions);
    let told = Told { sends, sightings, positions, membership: &membership, channels: &channels };
    delivery::judge(history, told, found);
    order::judge(history, sends, sightings, positions, found);
    let tried = Tried::count(history, &requests, &standing, told);
    Ok(Verdict::new(sends.acknowledged(), tried, history, findings))
}
