//! The requests of a signed-in connection: quick refusals here, everything else to the committer or a reader.

use std::sync::Arc;

use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, server_frame::Body};
use tracing::Instrument;

use super::{Frame, Session, User, UserServices, device_list, page_bytes_max, user_by_name};
use crate::{
    actors::{
        persistence::intake::{Reply, RequestName, Submission},
        ports::Post,
        reader::PageRead,
        transport::ConnectionId,
    },
    logic::{self, Answer, operation},
    model::{ClientMessageId, ConversationId, Day, DeviceId, Seq, UserId, record::name_key},
    monitor::{Op, Outcome},
    store::view::{ReadFault, View},
};

impl User {
    /// One request of one connection.
    pub(super) fn request(&mut self, frame: Frame) {
        let Frame { connection, frame, received_us } = frame;
        let request_id = frame.request_id;
        let Some(session) = self.session(connection) else {
            return;
        };
        let admitted = session.admit();
        session.note_handed_back(&frame.snapshot);
        let refused = if request_id == 0 {
            Some(Refusal::InvalidField)
        } else if !admitted {
            Some(Refusal::TooManyInFlight)
        } else {
            None
        };
        if let Some(refusal) = refused {
            session.refuse(request_id, refusal);
            return;
        }
        match frame.request {
            Some(Request::Sync(sync)) => {
                self.sync(connection, request_id, &sync, frame.snapshot, received_us)
            }
            Some(Request::Send(send)) => self.send_message(connection, request_id, send),
            Some(Request::Heartbeat(_)) => self.heartbeat(connection, request_id, &frame.snapshot),
            Some(Request::SignOut(_)) => self.end_devices(connection, request_id, None),
            Some(Request::EndDevice(end)) => match end.which {
                Some(proto::end_device::Which::AllOthers(false)) | None => {
                    self.refuse(connection, request_id, Refusal::InvalidField);
                }
                Some(which) => self.end_devices(connection, request_id, Some(which)),
            },
            Some(Request::ChangePassword(change)) => self.change_password(connection, request_id, change),
            Some(Request::EraseAccount(erase)) => self.erase_account(connection, request_id, erase),
            Some(Request::ListDevices(_)) => self.list_devices(connection, request_id),
            Some(Request::FindUser(find)) => self.find_user(connection, request_id, &find.name),
            Some(Request::Heads(heads)) => {
                self.heads(connection, request_id, heads);
            }
            Some(request) if super::is_about_group(&request) => {
                let (user, services) = (self.user, Arc::clone(&self.services));
                let op = match request {
                    Request::ListMembers(_) => Op::ListMembers,
                    _ => Op::DescribeGroup,
                };
                self.read(connection, request_id, op, move |view| {
                    super::about_group(view, &services, user, &request)
                });
            }
            Some(Request::Range(range)) => self.range(connection, request_id, range),
            Some(Request::AskWatermarks(wanted)) => self.ask_watermarks(connection, request_id, wanted),
            // API keys ask by HTTP.
            Some(Request::CreateUser(_)) => self.refuse(connection, request_id, Refusal::Forbidden),
            Some(
                Request::Hello(_) | Request::Register(_) | Request::SignIn(_) | Request::SignInWithToken(_),
            ) => {
                self.refuse(connection, request_id, Refusal::AlreadyGreeted);
            }
            // What is left changes what the user has of others, of groups and of conversations, or is unknown here: comparisons
            // are over HTTP only.
            Some(request) => self.change(connection, request_id, &request),
            None => self.refuse(connection, request_id, Refusal::UnknownRequest),
        }
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, request_id: u64, refusal: Refusal) {
        if let Some(session) = self.session(connection) {
            session.refuse(request_id, refusal);
        }
    }

    fn heartbeat(&mut self, connection: ConnectionId, request_id: u64, given: &[u8]) {
        let day = self.services.today().0;
        let Some(session) = self.session(connection) else {
            return;
        };
        session.answer(request_id, Body::Heartbeat(proto::HeartbeatAnswer { day }));
        // A client that does not have what was given to it missed something.
        if session.chain.shows_a_loss(given) {
            session.nudge();
        } else {
            self.look_for_posts(connection);
        }
    }

    fn send_message(&mut self, connection: ConnectionId, request_id: u64, send: proto::Send) {
        let Some(session) = self.session(connection) else {
            return;
        };
        match screen(session, send) {
            Ok(send) => self.submit(connection, request_id, operation::Request::Send(send)),
            Err(refusal) => session.refuse(request_id, refusal),
        }
    }

    fn end_devices(
        &mut self,
        connection: ConnectionId,
        request_id: u64,
        which: Option<proto::end_device::Which>,
    ) {
        let Some(session) = self.session(connection) else {
            return;
        };
        let which = match which {
            None => operation::EndDevices::One(session.principal.device),
            Some(proto::end_device::Which::DeviceId(device)) => operation::EndDevices::One(DeviceId(device)),
            Some(proto::end_device::Which::AllOthers(_)) => operation::EndDevices::AllOthers,
        };
        let by = session.principal;
        self.submit(connection, request_id, operation::Request::EndDevices { by, which });
    }

    /// A hash takes its time, off the workers; the answer comes as that of any operation.
    fn change_password(&mut self, connection: ConnectionId, request_id: u64, change: proto::ChangePassword) {
        let name = RequestName { worker: self.worker, user: self.user, connection, request_id };
        let Some(by) = self.session(connection).map(|session| session.principal) else {
            return;
        };
        let (accounts, services) = (Arc::clone(&self.accounts), Arc::clone(&self.services));
        let span = span_of(connection, request_id);
        let change = async move {
            let result = accounts.change_password(by, change).await;
            services.ports.post(name.worker, name.user, Post::Answer(name, result));
        };
        actix_web::rt::spawn(change.instrument(span));
    }

    /// The same way: the answer is told before the connections of the user are closed.
    fn erase_account(&mut self, connection: ConnectionId, request_id: u64, erase: proto::EraseAccount) {
        let name = RequestName { worker: self.worker, user: self.user, connection, request_id };
        let Some(by) = self.session(connection).map(|session| session.principal) else {
            return;
        };
        let (accounts, services) = (Arc::clone(&self.accounts), Arc::clone(&self.services));
        let span = span_of(connection, request_id);
        let erase = async move {
            let result = accounts.erase_own(by, erase).await;
            services.ports.post(name.worker, name.user, Post::Answer(name, result));
        };
        actix_web::rt::spawn(erase.instrument(span));
    }

    fn change(&mut self, connection: ConnectionId, request_id: u64, request: &Request) {
        let Some(by) = self.session(connection).map(|session| session.principal) else {
            return;
        };
        match change(&self.services, by, request) {
            Ok(change) => self.submit(connection, request_id, change),
            Err(refusal) => self.refuse(connection, request_id, refusal),
        }
    }

    fn submit(&mut self, connection: ConnectionId, request_id: u64, request: operation::Request) {
        let name = RequestName { worker: self.worker, user: self.user, connection, request_id };
        let submission = Submission::new(request, Reply::User(name), &self.services.clock);
        if let Err((_, refusal)) = self.services.intake.submit(submission) {
            self.services.monitor.add(crate::monitor::ids::BUSY_REFUSALS, 1);
            self.refuse(connection, request_id, refusal);
        }
    }

    /// An operation of one of the connections was decided.
    pub(super) fn answer(&mut self, name: RequestName, result: Result<Answer, Refusal>) {
        self.services.link_attempts.note(self.user, self.services.clock.now(), &result);
        // The connection may be gone; its client sends the same again on the next.
        let Some(session) = self.session(name.connection) else {
            return;
        };
        match result {
            Ok(answer) => session.answer(name.request_id, answer_body(answer)),
            Err(refusal) => session.refuse(name.request_id, refusal),
        }
    }

    fn list_devices(&mut self, connection: ConnectionId, request_id: u64) {
        let user = self.user;
        let Some(current) = self.session(connection).map(|session| session.principal.device) else {
            return;
        };
        self.read(connection, request_id, Op::ListDevices, move |view| {
            device_list(view, user, current).map(|list| Ok(Body::DeviceList(list)))
        });
    }

    fn find_user(&mut self, connection: ConnectionId, request_id: u64, name: &str) {
        let key = name_key(name);
        let asking = self.user;
        self.read(connection, request_id, Op::FindUser, move |view| user_by_name(view, asking, &key));
    }

    fn heads(&mut self, connection: ConnectionId, request_id: u64, heads: proto::Heads) {
        let user = self.user;
        let Some(rendering) = self.session(connection).map(|session| session.rendering) else {
            return;
        };
        self.read(connection, request_id, Op::Heads, move |view| {
            super::heads(view, (user, rendering), &heads)
        });
    }

    fn range(&mut self, connection: ConnectionId, request_id: u64, range: proto::Range) {
        let user = self.user;
        let queued_bytes_max = self.services.queued_bytes_max;
        let Some(session) = self.session(connection) else {
            return;
        };
        let bytes_max = page_bytes_max(session.link.encoding(), queued_bytes_max);
        let rendering = session.rendering;
        self.read(connection, request_id, Op::Range, move |view| {
            super::range(view, user, rendering, &range, bytes_max)
        });
    }

    /// Reads an answer on a reader's thread.
    fn read(
        &mut self,
        connection: ConnectionId,
        request_id: u64,
        op: Op,
        question: impl FnOnce(&View) -> Result<Result<Body, Refusal>, ReadFault> + Send + 'static,
    ) {
        let Some(encoding) = self.session(connection).map(|session| session.link.encoding()) else {
            return;
        };
        self.read_with(connection, request_id, op, move |view| {
            let answer = question(view)?;
            let outcome = if answer.is_err() { Outcome::Refused } else { Outcome::Ok };
            let body = answer
                .unwrap_or_else(|refusal| Body::Error(refusal.to_error(super::retry_after_ms(refusal))));
            let frame = proto::ServerFrame { request_id, body: Some(body) };
            Ok((PageRead::Frame(super::encode(encoding, &frame)), outcome))
        });
    }

    /// Reads something that is more than an answer on a reader's thread.
    pub(super) fn read_with(
        &mut self,
        connection: ConnectionId,
        request_id: u64,
        op: Op,
        question: impl FnOnce(&View) -> Result<(PageRead, Outcome), ReadFault> + Send + 'static,
    ) {
        let (user, worker, services) = (self.user, self.worker, Arc::clone(&self.services));
        let queued_us = services.clock.monotonic_us();
        let job = Arc::clone(&services);
        let read = services.readers.read(move |view| {
            let (read, outcome) = match question(view) {
                Ok(read) => read,
                Err(fault) => {
                    let _of_this_request = span_of(connection, request_id).entered();
                    tracing::error!(error = &fault as &dyn std::error::Error, "the store could not be read");
                    (PageRead::Failed { request_id, page: false }, Outcome::Fault)
                }
            };
            job.monitor.operation(op).finished(
                outcome,
                job.clock.monotonic_us().saturating_sub(queued_us),
                0,
            );
            job.ports.post(worker, user, Post::Read(connection, read));
        });
        if let Err(refusal) = read {
            self.refuse(connection, request_id, refusal);
        }
    }
}

/// What stands in the log beside whatever is logged for a request: by the number of its connection it is found again.
pub(super) fn span_of(connection: ConnectionId, request_id: u64) -> tracing::Span {
    tracing::error_span!("request", connection = connection.0, request = request_id)
}

/// What can be refused without asking the committer, and the rest in its terms.
fn screen(session: &Session, send: proto::Send) -> Result<operation::Send, Refusal> {
    message(session.principal, send)
}

/// A change of a contact, a group or a channel in the committer's terms.
///
/// # Errors
/// When it is none, and what can be refused by its form alone.
pub fn change(
    services: &UserServices,
    by: logic::Principal,
    request: &Request,
) -> Result<operation::Request, Refusal> {
    if let Request::SetPrivacy(privacy) = request {
        return Ok(operation::Request::SetPrivacy { by, hides_read: privacy.hides_read });
    }
    if let Request::SetStrangers(said) = request {
        return super::change_of_strangers(by, said);
    }
    if let Request::SetProfile(wanted) = request {
        return Ok(operation::Request::Profile(super::change_of_profile(by, wanted)));
    }
    if let Some(reading) = super::reading_of(by, request) {
        return reading.map(operation::Request::Reading);
    }
    if let Some(change) = super::change_of_contact(by, request) {
        return Ok(operation::Request::ChangeContact(change));
    }
    if let Some(change) = super::change_of_channel(by, request)? {
        return Ok(operation::Request::Channel(change));
    }
    if let Some(change) = super::change_of_door(services, by, request)? {
        return Ok(operation::Request::Group(change));
    }
    let change = super::change_of_group(by, request)?;
    change.map(operation::Request::Group).ok_or(Refusal::UnknownRequest)
}

/// A send of the wire in the committer's terms.
///
/// # Errors
/// What can be refused by its form alone.
pub fn message(by: logic::Principal, send: proto::Send) -> Result<operation::Send, Refusal> {
    use proto::send::To;
    let id = <[u8; 16]>::try_from(send.client_message_id.as_ref()).map_err(|_| Refusal::InvalidField)?;
    let content = logic::content::of_send(send.text, send.custom)?;
    let to = match send.to {
        Some(To::ConversationId(conversation)) => {
            operation::Target::Conversation(ConversationId(conversation))
        }
        Some(To::UserId(user)) => operation::Target::User(UserId(user)),
        Some(To::UserName(name)) => operation::Target::Name(name_key(&name)),
        None => return Err(Refusal::InvalidField),
    };
    let (id, day, shown) = (ClientMessageId(id), Day(send.day), Seq(send.shown_seq));
    Ok(operation::Send { by, to, id, day, content, shown })
}

/// What is told when an operation was done.
#[must_use]
pub fn answer_body(answer: Answer) -> Body {
    match answer {
        Answer::Sent { conversation, seq, sent_at } => {
            Body::Sent(proto::Sent { conversation_id: conversation.0, seq: seq.0, sent_at_ms: sent_at.0 })
        }
        Answer::GroupCreated(group) => Body::GroupCreated(proto::GroupCreated { conversation_id: group.0 }),
        Answer::LinkMade(made) => Body::LinkList(super::made_link(&made)),
        Answer::Joined(group) => {
            Body::GroupInfo(proto::GroupInfo { conversation_id: group.0, ..proto::GroupInfo::default() })
        }
        Answer::Asked(group) => Body::GroupInfo(proto::GroupInfo {
            conversation_id: group.0,
            asked: true,
            ..proto::GroupInfo::default()
        }),
        Answer::DeviceAdded(_)
        | Answer::DevicesEnded(_)
        | Answer::LineageOpened(_)
        | Answer::UserMade(_)
        | Answer::Done => Body::Done(proto::Done {}),
    }
}
