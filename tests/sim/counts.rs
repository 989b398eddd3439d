//! What happened in the histories: a simulation that never meets a rare event proves nothing about it.

use std::{collections::BTreeMap, fmt};

/// Everything that is counted; in a full run none may be zero.
const EVENTS: &[&str] = &[
    // operations
    "register",
    "register with invite",
    "register of a host app's user",
    "host app's user known",
    "name taken",
    "add device",
    "end device",
    "end all others",
    "password changed",
    "password set",
    "others ended by a password",
    "suspended",
    "resumed",
    "suspended with a session",
    "refused as suspended",
    "message to a suspended user",
    "sign-in by an old password",
    "change by an old password",
    "key made",
    "key revoked",
    "sent by a key",
    "key refused as revoked",
    "key refused as expired",
    "key refused for its scope",
    "key refused for this user",
    "account made by a key",
    "account made before",
    "send to name",
    "send to user",
    "send to conversation",
    "send to oneself",
    "send to nobody",
    "resend unanswered",
    "resend answered",
    "send under a used id",
    "document put",
    "document deleted",
    "day passes",
    "hand back",
    "open context",
    "open context again",
    "custom sent",
    "read",
    "read of others",
    "muted or pinned",
    "unread",
    "unread in a group",
    "nothing unread",
    "own above the read mark",
    // contacts
    "user blocked",
    "user unblocked",
    "contact noted",
    "contact deleted",
    "no such contact",
    "send refused as blocked",
    "stored before the block",
    "conversation begun by who blocks",
    "contact asked",
    "contact accepted",
    "contact refused",
    "request withdrawn",
    "made contacts",
    "request refused as blocked",
    "request refused to who blocks",
    "no such request",
    // strangers
    "strangers are to ask",
    "strangers may write",
    "send refused to a stranger",
    // profiles
    "profile changed",
    "profile changed too often",
    "profile told",
    "profile made up for",
    "profile told to everybody",
    "telling of a profile lost",
    // groups
    "group made",
    "members added",
    "member left",
    "owner left",
    "member removed",
    "group renamed",
    "group dissolved",
    "group muted or unmuted",
    "joined by a link",
    "link made",
    "link used up",
    "link taken back or forgotten",
    "link refused",
    "approval set",
    "asked to come in",
    "let in",
    "nobody waits",
    "request to come in refused",
    "request to come in taken back",
    "request to come in made again",
    "announcement",
    "announcement taken back",
    "member muted or unmuted",
    "send refused as muted",
    "role given",
    "rejoin",
    "rejoin before the leave was expanded",
    "group entry at once",
    "group entry waits",
    "group step in mid entry",
    "group step to the end",
    "group step to a leaver",
    "crash between group steps",
    "restore between group steps",
    "send to a group",
    "send from outside",
    "resend of what waits in a group",
    "send refused from outside",
    "no such group",
    "group change forbidden",
    "add refused full",
    "no such member",
    "add refused as blocked",
    "role given to oneself",
    "group id taken",
    "notice read",
    "group page cut in mid entry",
    "valid told of a group",
    "valid told of a group that was left",
    "renamed while a valid list is read",
    // answers
    "sent",
    "recognised",
    "id conflict",
    "invalid token",
    "no such user",
    "invalid invite",
    "no such conversation",
    "day outside window",
    "refused as full",
    "unknown outcome",
    "answer lost",
    "sign-in refused",
    "device replaced",
    // deciding
    "batch",
    "cold",
    "warmed",
    "warmed late",
    "overtaken",
    "waits behind cold",
    "rows evicted",
    // the log in trouble
    "append fails",
    "in doubt survived",
    "in doubt gone",
    "disk full",
    "full with doubt",
    "recovered",
    "fatal",
    "crash in a commit",
    "crash in housekeeping",
    "crash in an open",
    "open fails",
    // starts
    "kill",
    "power cut",
    "power cut soon after a kill",
    "replay",
    "torn",
    "surfaced after a crash",
    "index behind its reach",
    "segment begun",
    "segments deleted",
    "restore",
    "lossy run",
    "send lost by a restore",
    "clock back",
    "clock forward",
    // the index
    "index batch",
    "index step done",
    "index apply fails",
    "index sync fails",
    "index step cut by a crash",
    "index cut in the middle",
    // cleanup
    "floor raised",
    "inbox chunks removed",
    "cleanup fails",
    "expire",
    "lineage expired",
    "time suspended",
    "time accepted",
    "contexts apart",
    "context expired alone",
    "weeks pass",
    "inbox retired",
    "retired under a live lineage",
    "horizon moved",
    "receipts removed",
    "tombstone removed",
    "tombstone of an item that lives again",
    "rebuild too old",
    "entry left out of the index",
    "entry indexed",
    "resend under a clock set back",
    "resend of a day that is gone",
    "messages let go by age",
    "messages let go when delivered",
    "message chunks removed",
    "history read",
    "history read without what is gone",
    "group history read",
    "group history read by who left",
    "group history read ahead of its expansion",
    "group history of others refused",
    "export",
    "export with a group that was left",
    // syncing
    "connect",
    "sync",
    "page",
    "page cut",
    "page read after more was indexed",
    "page read late",
    "nothing new",
    "rebuild foreign",
    "rebuild future",
    "gap",
    "client crash",
    "base does not fit",
    "long view",
    "whole sync",
    "whole sync cut",
    "whole sync deletes",
    "level changed",
    "rendered for an older level",
    "read again",
    "reading again cut",
    "rebuild foreign run",
    "rebuild lost marks",
    "rebuild lossy",
    "rebuild signed in again",
    "sign in again",
    "valid told",
    "valid told in parts",
    "repair",
    // pushing
    "push",
    "push dropped",
    "push of posts",
    "lagging, drained",
    "push lost",
    "nudge",
    "chain broken",
    "heartbeat nudge",
    "nudge to read names",
    // channels
    "channel made",
    "post",
    "channel renamed",
    "follow",
    "unfollow",
    "owner does not unfollow",
    "follow refused as blocked",
    "chatter",
    // turns at the end of histories
    "turned to a channel",
    "turned to a group",
    "turned while entries wait",
    "turn refused as full",
    "came between turns",
    "went between turns",
    // erasures at the end of histories
    "erasure begun",
    "erasure step",
    "erasure while entries wait",
    "erased while asking to come in",
    "crash in an erasure",
    "erased text looked for",
    "chunk without what was erased",
    "erasure done",
    "channel ended by an erasure",
    "conversation goes on after an erasure",
    // explaining
    "hand-back time known",
    "hand-back time not known",
    // proof
    "durability probe",
];

/// How often each event happened.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// One more of these.
    pub fn saw(&mut self, event: &'static str) {
        assert!(EVENTS.contains(&event), "{event} is not in the list");
        *self.0.entry(event).or_insert(0) += 1;
    }

    /// So many more of these.
    pub fn saw_many(&mut self, event: &'static str, times: u64) {
        assert!(EVENTS.contains(&event), "{event} is not in the list");
        if times > 0 {
            *self.0.entry(event).or_insert(0) += times;
        }
    }

    /// Adds those of another history.
    pub fn merge(&mut self, other: &Counts) {
        for (event, count) in &other.0 {
            *self.0.entry(event).or_insert(0) += count;
        }
    }

    /// Events that never happened.
    pub fn never_seen(&self) -> Vec<&'static str> {
        EVENTS.iter().copied().filter(|event| !self.0.contains_key(event)).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, event) in EVENTS.iter().enumerate() {
            let end = if place % 6 == 5 { "\n" } else { ", " };
            write!(f, "{event} {}{end}", self.0.get(event).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}
