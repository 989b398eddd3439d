//! One line of a history: the format of `README.md`, read strictly.
//!
//! Strict where a slip would blind the checker (an unknown operation, a missing field, a malformed number),
//! lenient where it cannot (unknown fields, unknown nemeses).

use std::borrow::Cow;

use serde::Deserialize;

use crate::asked::{self, Asked, Fields};
use crate::fault::LineFault;
use crate::written::{Decimal, Hex128, HexSnapshot, SnapshotName};
use crate::written_entry::WrittenEntry;

/// What a line says, with the names still as they were written.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub(crate) t: u64,
    /// The lineage; empty on lines of the driver about the server.
    pub(crate) client: Cow<'a, str>,
    pub(crate) user: Option<u64>,
    pub(crate) said: Said,
}

/// The operations.
#[derive(Debug)]
pub(crate) enum Said {
    SendInvoked {
        id: u128,
        token: u128,
        to: WrittenTarget,
    },
    SendAnswered {
        id: u128,
        conversation: u64,
        seq: u64,
    },
    SendRefused {
        id: u128,
        code: u64,
    },
    SendUnknown,
    RequestInvoked {
        request: u128,
        asked: Asked<u64>,
    },
    /// A group that was made has its number from here.
    RequestDone {
        request: u128,
        conversation: Option<u64>,
    },
    /// Refused for good, so certainly not done.
    RequestRefused {
        request: u128,
    },
    RequestUnknown {
        request: u128,
    },
    Applied {
        base: SnapshotName,
        snapshot: SnapshotName,
        flags: ApplyFlags,
        gaps: Vec<WrittenGap>,
        entries: Vec<WrittenEntry>,
    },
    Discarded,
    /// What the server read out by place to a request that was begun at `asked`.
    Read {
        asked: u64,
        entries: Vec<WrittenEntry>,
    },
    /// Tokens in an archive of the user, asked for at `asked`.
    Exported {
        asked: u64,
        tokens: Vec<u128>,
    },
    Dumped {
        synced: bool,
        entries: Vec<WrittenEntry>,
    },
    ClientRestarted {
        snapshot: Option<SnapshotName>,
    },
    Devices(Vec<WrittenLineage>),
    /// The operator ended the device of a lineage; without `t_end` nobody knows whether it was done.
    DeviceEnded {
        t_end: Option<u64>,
    },
    /// The operator erased a user; without `t_end` nobody knows whether it was done.
    UserErased {
        t_end: Option<u64>,
    },
    ServerKilled,
    PowerCut {
        t_end: Option<u64>,
    },
    ServerRestarted,
    Healed,
    OtherNemesis,
}

/// To whom a message is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WrittenTarget {
    User(u64),
    Group(u64),
}

/// What an applied answer or push said about itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApplyFlags {
    pub(crate) rebuild: bool,
    pub(crate) gap: bool,
    pub(crate) more: bool,
    /// When the request was begun that it answers, if the line says so.
    pub(crate) asked_at: Option<u64>,
}

/// One lineage that is expected to have everything.
#[derive(Debug, Deserialize)]
pub(crate) struct WrittenLineage {
    pub(crate) client: String,
    user: Decimal,
}

impl WrittenLineage {
    pub(crate) fn user(&self) -> u64 {
        self.user.0
    }
}

/// Posts of a channel that a page named instead of telling them, both ends included.
#[derive(Debug, Deserialize)]
pub(crate) struct WrittenGap {
    conversation: Decimal,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl WrittenGap {
    pub(crate) fn conversation(&self) -> u64 {
        self.conversation.0
    }
}

/// Reads one line, without its line feed.
///
/// # Errors
///
/// [`LineFault`] says what is wrong. A line that ends too early, as that of a writer killed in the middle of it,
/// is [`LineFault::Json`] with an error whose `is_eof` is true.
pub(crate) fn read(bytes: &[u8]) -> Result<Line<'_>, LineFault> {
    let raw: Raw<'_> = serde_json::from_slice(bytes).map_err(LineFault::Json)?;
    raw.into_line()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
    Nemesis,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cause {
    Sync,
    Push,
}

#[derive(Deserialize)]
struct Raw<'a> {
    t: u64,
    #[serde(borrow, default)]
    client: Cow<'a, str>,
    user: Option<Decimal>,
    kind: Kind,
    #[serde(borrow)]
    op: Cow<'a, str>,
    id: Option<Hex128>,
    to: Option<Decimal>,
    token: Option<Hex128>,
    request: Option<Hex128>,
    group: Option<Decimal>,
    users: Option<Vec<Decimal>>,
    other: Option<Decimal>,
    ends: Option<String>,
    conversation: Option<Decimal>,
    seq: Option<u64>,
    code: Option<u64>,
    base: Option<HexSnapshot>,
    snapshot: Option<HexSnapshot>,
    cause: Option<Cause>,
    rebuild: Option<bool>,
    gap: Option<bool>,
    more: Option<bool>,
    asked: Option<u64>,
    tokens: Option<Vec<Hex128>>,
    synced: Option<bool>,
    t_end: Option<u64>,
    #[serde(default)]
    gaps: Vec<WrittenGap>,
    entries: Option<Vec<WrittenEntry>>,
    lineages: Option<Vec<WrittenLineage>>,
}

impl<'a> Raw<'a> {
    fn into_line(mut self) -> Result<Line<'a>, LineFault> {
        let said = if self.kind == Kind::Nemesis { self.nemesis()? } else { self.operation()? };
        let of_a_client = self.kind != Kind::Nemesis
            || matches!(said, Said::ClientRestarted { .. } | Said::DeviceEnded { .. });
        if of_a_client && self.client.is_empty() {
            return Err(LineFault::Missing("client"));
        }
        if self.kind != Kind::Nemesis && self.user.is_none() {
            return Err(LineFault::Missing("user"));
        }
        Ok(Line { t: self.t, client: self.client, user: self.user.map(|user| user.0), said })
    }

    fn operation(&mut self) -> Result<Said, LineFault> {
        Ok(match (self.op.as_ref(), self.kind) {
            ("send", Kind::Invoke) => Said::SendInvoked {
                id: need(&self.id, "id")?.0,
                token: need(&self.token, "token")?.0,
                to: self.target()?,
            },
            ("send", Kind::Ok) => Said::SendAnswered {
                id: need(&self.id, "id")?.0,
                conversation: need(&self.conversation, "conversation")?.0,
                seq: *need(&self.seq, "seq")?,
            },
            ("send", Kind::Fail) => {
                Said::SendRefused { id: need(&self.id, "id")?.0, code: *need(&self.code, "code")? }
            }
            ("send", Kind::Info) => need(&self.id, "id").map(|_| Said::SendUnknown)?,
            (op, _) if asked::OPERATIONS.contains(&op) => self.request()?,
            ("apply", Kind::Ok) => self.apply()?,
            ("discard", _) => Said::Discarded,
            ("dump", Kind::Ok) => Said::Dumped {
                synced: *need(&self.synced, "synced")?,
                entries: take(&mut self.entries, "entries")?,
            },
            ("read", Kind::Ok) => Said::Read {
                asked: *need(&self.asked, "asked")?,
                entries: take(&mut self.entries, "entries")?,
            },
            ("export", Kind::Ok) => {
                let tokens = take(&mut self.tokens, "tokens")?.into_iter().map(|token| token.0).collect();
                Said::Exported { asked: *need(&self.asked, "asked")?, tokens }
            }
            (op, kind) => return Err(LineFault::UnknownOperation(format!("\"{op}\" of kind {kind:?}"))),
        })
    }

    fn target(&self) -> Result<WrittenTarget, LineFault> {
        if let Some(group) = &self.group {
            return Ok(WrittenTarget::Group(group.0));
        }
        Ok(WrittenTarget::User(need(&self.to, "to")?.0))
    }

    fn request(&mut self) -> Result<Said, LineFault> {
        let request = need(&self.request, "request")?.0;
        Ok(match self.kind {
            Kind::Invoke => {
                let users = self.users.take().map(|users| users.into_iter().map(|user| user.0).collect());
                let number = |field: &Option<Decimal>| field.as_ref().map(|number| number.0);
                let (group, other) = (number(&self.group), number(&self.other));
                let fields = Fields { group, users, other, ends: self.ends.take() };
                Said::RequestInvoked { request, asked: asked::read(&self.op, fields)? }
            }
            Kind::Ok if asked::MAKING.contains(&self.op.as_ref()) => {
                let conversation = Some(need(&self.conversation, "conversation")?.0);
                Said::RequestDone { request, conversation }
            }
            Kind::Ok => Said::RequestDone { request, conversation: None },
            Kind::Fail => Said::RequestRefused { request },
            Kind::Info | Kind::Nemesis => Said::RequestUnknown { request },
        })
    }

    fn apply(&mut self) -> Result<Said, LineFault> {
        need(&self.cause, "cause")?;
        Ok(Said::Applied {
            base: need(&self.base, "base")?.0,
            snapshot: need(&self.snapshot, "snapshot")?.0,
            flags: ApplyFlags {
                rebuild: *need(&self.rebuild, "rebuild")?,
                gap: *need(&self.gap, "gap")?,
                more: *need(&self.more, "more")?,
                asked_at: self.asked,
            },
            gaps: std::mem::take(&mut self.gaps),
            entries: take(&mut self.entries, "entries")?,
        })
    }

    fn nemesis(&mut self) -> Result<Said, LineFault> {
        Ok(match self.op.as_ref() {
            "client_restart" => Said::ClientRestarted { snapshot: self.snapshot.as_ref().map(|name| name.0) },
            "devices" => Said::Devices(take(&mut self.lineages, "lineages")?),
            "device_ended" => Said::DeviceEnded { t_end: self.t_end },
            "user_erased" => {
                need(&self.user, "user")?;
                Said::UserErased { t_end: self.t_end }
            }
            "kill9" => Said::ServerKilled,
            "powercut" => Said::PowerCut { t_end: self.t_end },
            "restart" => Said::ServerRestarted,
            "heal" => Said::Healed,
            _ => Said::OtherNemesis,
        })
    }
}

fn need<'f, T>(field: &'f Option<T>, name: &'static str) -> Result<&'f T, LineFault> {
    field.as_ref().ok_or(LineFault::Missing(name))
}

fn take<T>(field: &mut Option<T>, name: &'static str) -> Result<T, LineFault> {
    field.take().ok_or(LineFault::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_send() {
        let text = br#"{"t":5,"client":"u3d1","user":"3","kind":"invoke","op":"send",
            "id":"000102030405060708090a0b0c0d0e0f","to":"4","token":"ffffffffffffffffffffffffffffffff","new":[1]}"#;
        let line = read(text).unwrap();
        assert_eq!((line.t, line.client.as_ref(), line.user), (5, "u3d1", Some(3)));
        let Said::SendInvoked { id, token, to } = line.said else { panic!("{:?}", line.said) };
        assert_eq!((id, token), (0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f, u128::MAX));
        assert!(matches!(to, WrittenTarget::User(4)));
    }

    #[test]
    fn a_torn_line_is_told_from_a_wrong_one() {
        let torn = read(br#"{"t":5,"client":"u3"#);
        assert!(matches!(torn, Err(LineFault::Json(fault)) if fault.is_eof()));
        let wrong = read(br#"{"t":5,"cl{"t":6}"#);
        assert!(matches!(wrong, Err(LineFault::Json(fault)) if !fault.is_eof()));
    }

    #[test]
    fn slips_that_would_blind_are_refused() {
        let apply = |rest: &str| {
            let text = format!(
                r#"{{"t":1,"client":"c","user":"1","kind":"ok","op":"apply","cause":"push",{rest}}}"#
            );
            read(text.as_bytes()).map(|_| ()).map_err(|fault| fault.to_string())
        };
        let good = r#""base":"","snapshot":"00000000000000aa","rebuild":false,"gap":false,"more":false,"entries":[]"#;
        assert!(apply(good).is_ok());
        assert!(apply(&good.replace(r#""base":"","#, "")).unwrap_err().contains("base"));
        assert!(apply(&good.replace("00000000000000aa", "aa")).unwrap_err().contains("16 hex digits"));
        assert!(apply(&good.replace(r#","entries":[]"#, "")).unwrap_err().contains("entries"));
        let unknown = read(br#"{"t":1,"client":"c","user":"1","kind":"ok","op":"aply"}"#).unwrap_err();
        assert!(unknown.to_string().contains("aply"));
        let nameless = read(br#"{"t":1,"user":"1","kind":"info","op":"discard"}"#).unwrap_err();
        assert!(nameless.to_string().contains("client"));
    }
}
