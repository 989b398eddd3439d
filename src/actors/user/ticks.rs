//! How far others have come with a conversation: the answer to a question, of one other or of the members of a group.

use highwater_wire::{Refusal, proto};
use proto::server_frame::Body;

use super::{members::first_present, page_limit::page_limit};
use crate::{
    model::{
        ConversationId, Form, Member, Seq, Ticks, TicksTold, UserId, limits::TICKS_PAGE_MAX,
        record::Conversation,
    },
    store::view::{ReadFault, View},
};

/// An answer, and whom hints may follow of: the other one of a conversation of two.
pub struct TicksAnswer {
    /// What is told, or why nothing is.
    pub body: Result<Body, Refusal>,
    /// The other one, as told.
    pub peer: Option<(UserId, Ticks)>,
}

/// How far others have come with a conversation of the one who asks.
///
/// # Errors
/// When the store cannot be read.
pub fn ticks(
    view: &View,
    told: TicksTold,
    asking: UserId,
    wanted: &proto::AskWatermarks,
) -> Result<TicksAnswer, ReadFault> {
    let conversation = ConversationId(wanted.conversation_id);
    let row = view.conversation(conversation)?;
    let told = TicksTold { read: told.read && !view.hides_read(asking)?, ..told };
    match row {
        Some(row) if row.is_group() => {
            let body = of_group(view, told, asking, &row, wanted)?;
            Ok(TicksAnswer { body, peer: None })
        }
        Some(row) if row.peer_of(asking).is_some() => {
            let peer = of_peer(view, told, asking, &row)?;
            let listed = peer.filter(|(_, ticks)| ticks.read >= Seq(wanted.seq));
            let body = Ok(list(told, conversation, listed.into_iter().collect(), 0));
            Ok(TicksAnswer { body, peer })
        }
        // Whether there is no such conversation or the user is not in it looks the same from outside.
        _ => Ok(TicksAnswer { body: Err(Refusal::NoSuchConversation), peer: None }),
    }
}

/// What is so now of the other one of a conversation of two, for a hint; nothing when the one who is told may not know.
///
/// # Errors
/// When the store cannot be read.
pub fn peer_ticks(
    view: &View,
    told: TicksTold,
    asking: UserId,
    conversation: ConversationId,
) -> Result<Option<(UserId, Ticks)>, ReadFault> {
    let told = TicksTold { read: told.read && !view.hides_read(asking)?, ..told };
    match view.conversation(conversation)? {
        Some(row) if !row.is_group() => of_peer(view, told, asking, &row),
        _ => Ok(None),
    }
}

/// Neither of two is told anything of the other while one of them blocks the other one, and nobody of oneself or of who is
/// erased.
fn of_peer(
    view: &View,
    told: TicksTold,
    asking: UserId,
    row: &Conversation,
) -> Result<Option<(UserId, Ticks)>, ReadFault> {
    let Some(peer) = row.peer_of(asking).filter(|peer| *peer != asking) else {
        return Ok(None);
    };
    if !told.delivered && !told.read {
        return Ok(None);
    }
    if view.account(peer)?.is_none() {
        return Ok(None);
    }
    for (owner, other) in [(asking, peer), (peer, asking)] {
        if view.contact(owner, other)?.is_some_and(|contact| contact.is_blocked) {
            return Ok(None);
        }
    }
    Ok(Some((peer, of_reader(view, told, peer, row)?)))
}

/// What one user has received and read of a conversation. What is read was delivered, whatever was handed back. That who
/// joins a group counts as having read what was there before says nothing of the user, and is not told.
fn of_reader(view: &View, told: TicksTold, reader: UserId, row: &Conversation) -> Result<Ticks, ReadFault> {
    let read = match told.read && !view.hides_read(reader)? {
        true => view.reading(reader, row.conversation)?.read,
        false => Seq(0),
    };
    let delivered = match told.delivered {
        true => view.delivered(reader, row)?.max(read),
        false => Seq(0),
    };
    Ok(Ticks { delivered, read })
}

/// Of a group: of its members in the order of ids, what lies within the membership of the one who asks.
fn of_group(
    view: &View,
    told: TicksTold,
    asking: UserId,
    row: &Conversation,
    wanted: &proto::AskWatermarks,
) -> Result<Result<Body, Refusal>, ReadFault> {
    let group = row.conversation;
    let rows = view.members(group)?;
    let Some(since) = rows.get(&asking).and_then(Member::since) else {
        return Ok(Err(Refusal::NoSuchConversation));
    };
    if wanted.seq != 0 && Seq(wanted.seq) < since {
        return Ok(Err(Refusal::InvalidField));
    }
    // Who follows a channel is not a member, and of so many nothing is told.
    let is_channel = view.channel(group)?.is_some_and(|channel| channel.form() == Form::Channel);
    if is_channel || (!told.delivered && !told.read) {
        return Ok(Ok(list(told, group, Vec::new(), 0)));
    }
    let limit = page_limit(wanted.limit, TICKS_PAGE_MAX);
    let others = rows.values().filter(|member| member.user.0 > wanted.after && member.user != asking);
    let (looked_at, next) = first_present(view, others, limit)?;
    let mut listed = Vec::with_capacity(looked_at.len());
    for (member, _) in looked_at {
        let ticks = of_reader(view, told, member.user, row)?;
        // A member has everything before the join, and the one who asks nothing before the own one.
        let since = member.since().map_or(since, |joined| joined.max(since));
        let within = |seq: Seq| if seq < since { Seq(0) } else { seq };
        let ticks = Ticks { delivered: within(ticks.delivered), read: within(ticks.read) };
        if ticks.read >= Seq(wanted.seq) {
            listed.push((member.user, ticks));
        }
    }
    Ok(Ok(list(told, group, listed, next)))
}

fn list(told: TicksTold, conversation: ConversationId, listed: Vec<(UserId, Ticks)>, next: u64) -> Body {
    let watermarks = listed.into_iter().map(|(user, ticks)| watermark(conversation, user, ticks)).collect();
    Body::Watermarks(proto::WatermarkList {
        conversation_id: conversation.0,
        watermarks,
        next,
        delivered_told: told.delivered,
        read_told: told.read,
    })
}

/// What is told of one user.
pub(super) fn watermark(conversation: ConversationId, user: UserId, ticks: Ticks) -> proto::Watermark {
    proto::Watermark {
        conversation_id: conversation.0,
        user_id: user.0,
        delivered_seq: ticks.delivered.0,
        read_seq: ticks.read.0,
    }
}
