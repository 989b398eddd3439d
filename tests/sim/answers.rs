//! What may be answered: every answer is compared with what is true.

use std::sync::Arc;

use highwater::{
    logic::{Answer, Operation, Request, operation::Target},
    model::{
        ConversationId, Delivery, Effect, LineageId, Record, UserId,
        device_policy::ClassRule,
        limits::DEDUP_DAYS,
        record::{Device, name_key},
    },
};
use highwater_wire::Refusal;

use crate::{
    client::Client,
    levels,
    operations::{Submission, Ticket},
    world::World,
};

/// Context of the app itself on a device.
const APP: u8 = 0;

impl World {
    /// A lineage was told to exist: its client begins.
    pub fn begin_client(&mut self, user: UserId, lineage: LineageId) {
        let rendering = levels::any_rendering(&mut self.random);
        self.clients.push(Client::new(user, lineage, self.oracle.began[&lineage], rendering));
        self.sign_in_again(self.clients.len() - 1);
    }

    /// An operation was answered: it must be true, and may get lost on its way.
    pub fn answered(
        &mut self,
        submission: &Submission,
        result: Result<Answer, Refusal>,
        new: &[Arc<Record>],
    ) {
        if self.is_of_channel(&submission.operation.request) {
            return match result {
                Err(Refusal::AccountSuspended) => self.suspended_refused(&submission.operation, new),
                result => self.channel_answered(&submission.operation.request, result, new),
            };
        }
        if let Request::Group(request) = &submission.operation.request {
            return match result {
                Err(Refusal::AccountSuspended) => self.suspended_refused(&submission.operation, new),
                result => self.group_answered(request, result, new),
            };
        }
        match &submission.operation.request {
            Request::OnBehalf(on_behalf) => {
                return self.on_behalf_answered((on_behalf, &submission.ticket), result, new);
            }
            Request::MakeUser(_) => return self.user_made(&submission.operation, result, new),
            _ => {}
        }
        match &submission.ticket {
            Ticket::Send(place) => self.send_answered(*place, &submission.operation, result, new),
            Ticket::Register(user, name) => match result {
                Ok(Answer::DeviceAdded(device)) => {
                    assert_eq!(
                        self.oracle.names.get(&name_key(name)),
                        Some(user),
                        "a name that was told is taken"
                    );
                    self.users.push((*user, name.clone()));
                    self.begin_client(*user, LineageId { device: device.device, context: APP });
                }
                Err(Refusal::NameTaken) => assert!(self.oracle.names.contains_key(&name_key(name))),
                // An account that a key made was told twice before its first device was there.
                Err(Refusal::DeviceClassTaken) => assert_eq!(self.shell.policy.phone, ClassRule::Refuse),
                Err(Refusal::Busy) => {
                    let Request::Register(register) = &submission.operation.request else { unreachable!() };
                    let identity = register.host_identity.expect("nothing else of it can be drawn twice");
                    assert!(self.oracle.host_identities.contains_key(&identity), "nobody is that user yet");
                    self.counts.saw("host app's user known");
                }
                Err(Refusal::InvalidInvite) => {
                    let Request::Register(register) = &submission.operation.request else { unreachable!() };
                    let held = register.invite.and_then(|invite| self.oracle.invites.get(&invite));
                    assert!(
                        held.is_none_or(|expires| *expires <= submission.operation.at),
                        "the invite is good"
                    );
                    self.counts.saw("invalid invite");
                }
                other => self.refused(other),
            },
            Ticket::Other => match result {
                Ok(Answer::DeviceAdded(device)) => {
                    let held = self.oracle.devices.get(&device.device);
                    // It may have been suspended in the same batch.
                    let same =
                        |held: &Device| Device { suspended: held.suspended, ..device.clone() } == *held;
                    assert!(held.is_none_or(same), "G1: a device that was told is another");
                    self.begin_client(device.user, LineageId { device: device.device, context: APP });
                }
                Ok(Answer::DevicesEnded(devices)) => {
                    assert!(
                        devices.iter().all(|device| !self.oracle.is_live(*device)),
                        "an ended device lives"
                    );
                }
                Ok(Answer::LineageOpened(opened)) => {
                    let user = submission.operation.actor().expect("a hello is somebody's");
                    self.context_opened(user, &opened);
                }
                Err(Refusal::DeviceClassTaken) => {
                    assert_eq!(self.shell.policy.phone, ClassRule::Refuse, "refused without a rule");
                    self.counts.saw("sign-in refused");
                }
                Err(Refusal::AccountSuspended) => self.suspended_refused(&submission.operation, new),
                Err(Refusal::BotHasNoPassword) => {
                    let user = submission.operation.actor().expect("a user is refused");
                    assert!(self.oracle.accounts[&user].bot, "a person gets no password");
                }
                Err(Refusal::TooManyChanges) => self.change_of_profile_refused(&submission.operation, new),
                Err(Refusal::WrongCredentials) => self.proof_refused(&submission.operation),
                Err(
                    refusal @ (Refusal::NoSuchContact
                    | Refusal::NoSuchUser
                    | Refusal::UnblockFirst
                    | Refusal::NoSuchRequest),
                ) => self.change_refused(&submission.operation.request, refusal, new),
                Err(Refusal::NoSuchConversation) => {
                    let is_reading = matches!(submission.operation.request, Request::Reading(_));
                    assert!(is_reading, "nobody named a conversation that is not there");
                }
                Err(Refusal::OperatorNameTaken) => {
                    let changed = |effect: &Effect| matches!(effect, Effect::Operators(_));
                    let has_changed = new.iter().any(|record| record.effects.iter().any(changed));
                    self.operator_refused(&submission.operation.request, has_changed);
                }
                Ok(_) | Err(Refusal::InvalidToken | Refusal::NoSuchDevice) => {}
                other => self.refused(other),
            },
        }
    }

    /// Refusals that anything may meet when the disk is full; no others.
    pub fn refused(&mut self, result: Result<Answer, Refusal>) {
        match result {
            Err(Refusal::StorageFull) => self.counts.saw("refused as full"),
            Err(Refusal::UnknownOutcome) => self.counts.saw("unknown outcome"),
            other => panic!("{other:?} is no answer to this"),
        }
    }

    fn send_answered(
        &mut self,
        place: usize,
        op: &Operation,
        result: Result<Answer, Refusal>,
        new: &[Arc<Record>],
    ) {
        self.pending[place].copies = self.pending[place].copies.saturating_sub(1);
        let pending = &self.pending[place];
        let (key, content) = (pending.key, pending.send.content.clone());
        let held = self.oracle.receipts.get(&key);
        match result {
            Ok(Answer::Sent { conversation, seq, sent_at }) => {
                let log = &self.oracle.logs[&conversation];
                let message = &log[usize::try_from(seq.0).unwrap() - 1].message;
                let same = (message.id, message.sender, &message.content, message.sent_at);
                assert_eq!(
                    same,
                    (key.2, key.0, &content, sent_at),
                    "G1: acknowledged as {conversation}/{seq}, which is another"
                );
                let acked = (conversation, seq.0);
                assert!(pending.acked.is_none_or(|before| before == acked), "G8: a resend got another place");
                let is_new = held.is_some_and(|held| new.iter().any(|record| record.version == held.version));
                self.counts.saw(if is_new { "sent" } else { "recognised" });
                if !is_new && self.is_refused_by_a_block(&op.request, &[]) {
                    self.counts.saw("stored before the block");
                }
                if self.random.one_in(6) {
                    self.counts.saw("answer lost");
                } else {
                    self.pending[place].acked = Some(acked);
                    self.settle_outbox(&op.request, acked);
                }
            }
            Err(Refusal::IdConflict) => {
                let held = held.expect("G8: a conflict with nothing");
                assert!(held.message.content != content, "G8: a resend of the same body was refused");
                self.counts.saw("id conflict");
                self.pending[place].is_over = true;
            }
            Err(Refusal::InvalidToken) => {
                assert!(!self.oracle.is_live(pending.send.by.device), "a live device was refused");
                self.counts.saw("invalid token");
                self.pending[place].is_over = true;
            }
            // Its client keeps it and sends it again when it is let in.
            Err(Refusal::AccountSuspended) => self.suspended_refused(op, new),
            Err(Refusal::NoSuchUser) if self.is_refused_by_a_block(&op.request, new) => {
                let is_later = |held: &Arc<Delivery>| new.iter().any(|record| record.version == held.version);
                assert!(held.is_none_or(is_later), "G8: what was stored before a block is refused");
                self.counts.saw("send refused as blocked");
                self.pending[place].is_over = true;
            }
            Err(Refusal::AskFirst) => {
                let is_later = |held: &Arc<Delivery>| new.iter().any(|record| record.version == held.version);
                assert!(held.is_none_or(is_later), "G8: what was stored before is refused");
                assert!(self.is_refused_as_stranger(&op.request, new), "nobody has to ask");
                self.counts.saw("send refused to a stranger");
                self.pending[place].is_over = true;
            }
            Err(Refusal::NoSuchUser) => {
                let is_known = match &pending.send.to {
                    Target::Name(name) => self.oracle.names.contains_key(name),
                    Target::User(user) => self.oracle.names.values().any(|known| known == user),
                    Target::Conversation(_) => true,
                };
                assert!(!is_known, "a user was not found");
                self.counts.saw("no such user");
                self.pending[place].is_over = true;
            }
            Err(Refusal::Muted) => {
                assert!(self.is_refused_as_muted(key.0, &pending.send.to, new), "who may write is refused");
                self.counts.saw("send refused as muted");
                self.pending[place].is_over = true;
            }
            Err(Refusal::NoSuchConversation)
                if self.is_refused_from_outside(key.0, &pending.send.to, new) =>
            {
                let is_later = |held: &Arc<Delivery>| new.iter().any(|record| record.version == held.version);
                assert!(held.is_none_or(is_later), "G8: what was stored before somebody left is refused");
                self.counts.saw("send refused from outside");
                self.pending[place].is_over = true;
            }
            Err(Refusal::NoSuchConversation) => {
                let Target::Conversation(conversation) = pending.send.to else {
                    panic!("no conversation was named")
                };
                // After a restore it may be made anew, later in the same batch.
                let began = self.oracle.logs.get(&conversation).map(|log| log[0].version);
                let is_later = |began| new.iter().any(|record| record.version == began);
                assert!(began.is_none_or(is_later), "a conversation was not found");
                self.counts.saw("no such conversation");
                self.pending[place].is_over = true;
            }
            Err(Refusal::DayOutsideWindow) => {
                let today = op.at.day().0;
                let is_gone = key.1 < self.oracle.horizon.receipts_from;
                let is_outside = key.1.0 > today + 1 || key.1.0 + DEDUP_DAYS <= today;
                assert!(is_gone || is_outside, "the day is inside the window");
                self.counts.saw("day outside window");
                self.pending[place].is_over = true;
            }
            Err(Refusal::StorageFull) => {
                self.counts.saw("refused as full");
                let alone =
                    self.pending.iter().filter(|other| other.key == key).all(|other| other.copies == 0);
                if alone && !self.pending[place].is_unknown && held.is_none() {
                    self.oracle.refused.insert((key, content));
                }
            }
            Err(Refusal::UnknownOutcome) => {
                self.counts.saw("unknown outcome");
                self.pending[place].is_unknown = true;
            }
            other => panic!("{other:?} is no answer to a send"),
        }
    }
}

impl World {
    /// A client that hears `sent` moves its message from the outbox to its entries, before the chain tells it. It does so
    /// on a connection on which it was given a page.
    fn settle_outbox(&mut self, request: &Request, (conversation, seq): (ConversationId, u64)) {
        let Request::Send(send) = request else { return };
        let lineage = LineageId { device: send.by.device, context: APP };
        let has_synced = self.sessions.get(&lineage).is_some_and(|session| session.has_given_a_page);
        let Some(client) = self.clients.iter_mut().find(|client| client.lineage == lineage && has_synced)
        else {
            return;
        };
        let message = &self.oracle.logs[&conversation][usize::try_from(seq).unwrap() - 1].message;
        let entry = self.oracle.entry(client.user, client.rendering, message);
        client.stored.take_beside_the_chain(&entry, self.restores);
    }
}
