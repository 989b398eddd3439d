//! The task of a client: connects, speaks as the session says, stores what it hears, tells what happened.
//!
//! Frames are taken strictly in the order received, each stored before the next is looked at. The task ends only for
//! a reason that trying again cannot mend.

use super::options::ClientOptions;
use super::shared::Shared;
use crate::backoff::Backoff;
use crate::connection::{Connection, Incoming};
use crate::error::{Error, Refused};
use crate::event::{DisconnectReason, Event, Observer, StopReason};
use crate::message::{ClientMessageId, SendResult};
use crate::send_queue::{SendQueue, Settlement, settlement};
use crate::session::{Ask, Outgoing, Reaction, Session};
use crate::store::{Applied, DiscardReason, Lineage, OutboxMessage, Outcome, PageCause, Store, StoreError};
use highwater_wire::proto::{ClientFrame, Greeting, Page, client_frame::Request};
use highwater_wire::refusal::close;
use highwater_wire::{Refusal, proto::Sent};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Calls that wait for the connection; a further one is refused.
const WAITING_MAX: usize = 256;

/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// What a handle asks of the task.
pub(super) enum Command {
    /// Ask the server.
    Ask(Ask),
    /// Sync, and say when done.
    Sync(oneshot::Sender<Result<(), Error>>),
    /// Connect anew, at once.
    Reconnect,
    /// Stop.
    Close,
}

/// Why a connection is over.
enum End {
    /// Try again.
    Lost(DisconnectReason),
    /// Never again.
    Stop(StopReason),
}

/// The task of a client.
pub(super) struct Task {
    options: ClientOptions,
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
    observer: Option<Box<dyn Observer>>,
    snapshot: Vec<u8>,
    sends: SendQueue,
    asks: VecDeque<Ask>,
    /// Callers of `sync_now` whose sync has not begun.
    syncs_waiting: Vec<oneshot::Sender<Result<(), Error>>>,
    /// Callers of `sync_now` whose sync has begun.
    syncs_begun: Vec<oneshot::Sender<Result<(), Error>>>,
    reconnects: Backoff,
    resends: Backoff,
    resyncs: Backoff,
}

impl Task {
    pub(super) fn new(
        options: ClientOptions,
        shared: Arc<Shared>,
        commands: mpsc::Receiver<Command>,
        observer: Option<Box<dyn Observer>>,
    ) -> Task {
        let backoff = Backoff::new(options.backoff_base, options.backoff_cap);
        Task {
            options,
            shared,
            commands,
            observer,
            snapshot: Vec::new(),
            sends: SendQueue::default(),
            asks: VecDeque::new(),
            syncs_waiting: Vec::new(),
            syncs_begun: Vec::new(),
            reconnects: backoff.clone(),
            resends: backoff.clone(),
            resyncs: backoff,
        }
    }

    /// Runs until the client stops.
    pub(super) async fn run(mut self) {
        let reason = match self.run_until_stopped().await {
            Ok(never) => match never {},
            Err(reason) => reason,
        };
        if reason == StopReason::TokenInvalid {
            self.emit(Event::TokenInvalid);
        }
        self.shared.stop(reason.clone());
        self.emit(Event::Stopped { reason });
    }

    async fn run_until_stopped(&mut self) -> Result<Infallible, StopReason> {
        self.snapshot = self.on_store(|store| store.snapshot()).await.map_err(stop_reason)?;
        loop {
            let end = match self.connect().await {
                Ok(connection) => self.serve(connection).await,
                Err(end) => end,
            };
            match end {
                End::Lost(reason) => self.pause(reason).await?,
                End::Stop(reason) => return Err(reason),
            }
        }
    }

    async fn connect(&mut self) -> Result<Connection, End> {
        let base_url = self.options.base_url.clone();
        let opening = Connection::open(&base_url, self.options.encoding, self.options.connect_timeout);
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => return opened.map_err(lost),
                command = self.commands.recv() => self.obey(command, None)?,
            }
        }
    }

    /// Waits before the next attempt; commands are heard meanwhile.
    async fn pause(&mut self, reason: DisconnectReason) -> Result<(), StopReason> {
        let at_least = match &reason {
            DisconnectReason::Refused(refused) => Some(retry_after(refused)),
            _ => None,
        };
        if reason == DisconnectReason::ClosedByServer(close::REPLACED) {
            // Another connection of this lineage is at work: coming back soon would only throw it out in turn.
            self.reconnects.raise_to_cap();
        }
        let retry_in = match reason {
            DisconnectReason::Asked => Duration::ZERO,
            _ => self.reconnects.next_delay(rand::random(), at_least),
        };
        tracing::debug!(?reason, ?retry_in, "disconnected");
        self.emit(Event::Disconnected { reason, retry_in });
        let until = tokio::time::Instant::now() + retry_in;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                command = self.commands.recv() => match self.obey(command, None) {
                    Ok(()) => {}
                    Err(End::Lost(_)) => return Ok(()),
                    Err(End::Stop(reason)) => return Err(reason),
                },
            }
        }
    }

    /// One connection from Hello to its end.
    async fn serve(&mut self, mut connection: Connection) -> End {
        let sends_max = self.options.sends_in_flight_max;
        let mut session = Session::new(
            self.options.hello(),
            self.options.sync_limit,
            sends_max,
            self.options.request_timeout,
            Instant::now(),
        );
        let end = match self.converse(&mut connection, &mut session).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        session.end();
        self.sends.connection_lost();
        self.syncs_waiting.append(&mut self.syncs_begun);
        self.shared.set_day(None);
        self.shared.status.send_modify(|status| {
            status.greeting = None;
            status.caught_up = false;
        });
        if matches!(end, End::Stop(_) | End::Lost(DisconnectReason::Asked)) {
            connection.close(CLOSE_TIMEOUT).await;
        }
        end
    }

    async fn converse(
        &mut self,
        connection: &mut Connection,
        session: &mut Session,
    ) -> Result<Infallible, End> {
        loop {
            self.load_sends(session).await?;
            self.say(connection, session).await?;
            let wakes_at = session.wakes_at(&self.sends).into();
            tokio::select! {
                incoming = connection.read() => match incoming.map_err(lost)? {
                    Incoming::Frame(frame) => {
                        let reaction = session.on_frame(frame, Instant::now());
                        self.react(session, reaction).await?;
                    }
                    Incoming::Alive => session.heard(Instant::now()),
                },
                command = self.commands.recv() => self.obey(command, Some(session))?,
                () = self.shared.outbox_grew.notified() => self.sends.store_grew(),
                () = tokio::time::sleep_until(wakes_at) => {
                    session.overdue(Instant::now()).map_or(Ok(()), |reason| Err(End::Lost(reason)))?;
                }
            }
            self.publish_caught_up(session);
        }
    }

    fn obey(&mut self, command: Option<Command>, session: Option<&mut Session>) -> Result<(), End> {
        let full = || Error::TooManyWaiting { limit: WAITING_MAX };
        match command {
            Some(Command::Ask(ask)) if self.asks.len() >= WAITING_MAX => {
                // A caller that went away needs no answer, here and below.
                let _ = ask.reply.send(Err(full()));
                Ok(())
            }
            Some(Command::Ask(ask)) => {
                self.asks.retain(|ask| !ask.reply.is_closed());
                self.asks.push_back(ask);
                Ok(())
            }
            Some(Command::Sync(done)) if self.syncs_waiting.len() >= WAITING_MAX => {
                let _ = done.send(Err(full()));
                Ok(())
            }
            Some(Command::Sync(done)) => {
                self.syncs_waiting.push(done);
                if let Some(session) = session.filter(|session| session.greeted()) {
                    session.want_sync();
                }
                Ok(())
            }
            Some(Command::Reconnect) => Err(End::Lost(DisconnectReason::Asked)),
            Some(Command::Close) | None => Err(End::Stop(StopReason::Closed)),
        }
    }

    /// Writes all that may be said now.
    async fn say(&mut self, connection: &mut Connection, session: &mut Session) -> Result<(), End> {
        while let Some(Outgoing { request_id, request, message }) =
            session.next_request(Instant::now(), &mut self.sends, &mut self.asks)
        {
            let snapshot = match request {
                Request::Hello(_) => Vec::new(),
                _ => self.snapshot.clone(),
            };
            if matches!(request, Request::Sync(_)) {
                self.syncs_begun.append(&mut self.syncs_waiting);
            }
            if let Some(OutboxMessage { id, day: Some(day), .. }) = message {
                self.emit(Event::SendTransmitted { id, day });
            }
            let frame = ClientFrame { request_id, snapshot: snapshot.into(), request: Some(request) };
            connection.write(&frame).await.map_err(lost)?;
        }
        Ok(())
    }

    async fn react(&mut self, session: &mut Session, reaction: Reaction) -> Result<(), End> {
        match reaction {
            Reaction::Nothing => Ok(()),
            Reaction::Greeted(greeting) => self.greeted(greeting).await,
            Reaction::HelloRefused(refused) => Err(hello_refused(refused)),
            Reaction::Page(page, cause) => self.take_page(session, page, cause).await,
            Reaction::SyncRefused(refused) => {
                if !refused.retry {
                    self.resyncs.raise_to_cap();
                }
                let delay = self.resyncs.next_delay(rand::random(), Some(retry_after(&refused)));
                session.delay_sync(Instant::now() + delay);
                Ok(())
            }
            Reaction::SendAnswered { position, id, result } => self.send_answered(position, id, result).await,
            Reaction::Day(day) => {
                self.shared.set_day(Some(day));
                Ok(())
            }
            Reaction::Answer(reply, answer) => {
                // A caller that went away needs no answer.
                let _ = reply.send(answer);
                Ok(())
            }
            Reaction::Disconnect(reason) => Err(End::Lost(reason)),
        }
    }

    async fn greeted(&mut self, greeting: Arc<Greeting>) -> Result<(), End> {
        let token = Lineage {
            user_id: greeting.user_id,
            device_id: greeting.device_id,
            context: self.options.context,
        };
        let store = self.on_store(move |store| store.bind(token)).await?;
        if store != token {
            return Err(End::Stop(StopReason::WrongStore { store, token }));
        }
        self.reconnects.reset();
        self.sends.store_grew();
        self.shared.set_day(Some(greeting.day));
        self.shared.status.send_modify(|status| status.greeting = Some(Arc::clone(&greeting)));
        self.emit(Event::Connected { greeting });
        Ok(())
    }

    /// Loads pending messages from the store as there is room. They get their day here at the latest.
    async fn load_sends(&mut self, session: &Session) -> Result<(), End> {
        if !session.greeted() {
            return Ok(());
        }
        while let (Some((position, limit)), Some(day)) = (self.sends.wants(), self.shared.day()) {
            let messages = self
                .on_store(move |store| {
                    store.assign_day(day)?;
                    store.pending_after(position, limit)
                })
                .await?;
            let too_long: Vec<_> = self.too_long(&messages);
            self.sends.loaded(messages, limit);
            for (position, id) in too_long {
                self.send_answered(position, id, Err(Refusal::TextTooLong.into())).await?;
            }
        }
        Ok(())
    }

    /// Messages that the server would refuse unread, closing the connection each time they are tried.
    fn too_long(&self, messages: &[OutboxMessage]) -> Vec<(i64, ClientMessageId)> {
        let status = self.shared.status.borrow();
        let text_bytes_max = status.greeting.as_ref().map_or(0, |greeting| greeting.text_bytes_max as usize);
        messages
            .iter()
            .filter(|message| text_bytes_max > 0 && message.text.len() > text_bytes_max)
            .map(|message| (message.position, message.id))
            .collect()
    }

    async fn take_page(&mut self, session: &mut Session, page: Page, cause: PageCause) -> Result<(), End> {
        let page = Arc::new(page);
        let told = Arc::clone(&page);
        match self.on_store(move |store| store.apply(&told, cause)).await? {
            Outcome::Applied(applied) => self.page_applied(session, page, cause, applied),
            Outcome::Discarded(reason) => self.page_discarded(session, page, cause, reason),
        }
        Ok(())
    }

    fn page_applied(&mut self, session: &mut Session, page: Arc<Page>, cause: PageCause, applied: Applied) {
        self.snapshot = page.snapshot.to_vec();
        session.page_applied(&page);
        let applied = Arc::new(applied);
        let caught_up = cause == PageCause::Sync && !page.more;
        self.emit(Event::Applied { cause, page, applied: Arc::clone(&applied) });
        for &(id, sent) in &applied.settled {
            self.sends.remove_id(id);
            self.emit(Event::SendSeen { id, sent });
            self.shared.tell_settled(id);
        }
        if cause == PageCause::Sync {
            self.resyncs.reset();
        }
        if caught_up {
            self.emit(Event::CaughtUp { snapshot: self.snapshot.clone() });
            self.publish_caught_up(session);
            for done in self.syncs_begun.drain(..) {
                // A caller that went away needs no answer.
                let _ = done.send(Ok(()));
            }
        }
    }

    fn page_discarded(
        &mut self,
        session: &mut Session,
        page: Arc<Page>,
        cause: PageCause,
        reason: DiscardReason,
    ) {
        session.page_discarded();
        if cause == PageCause::Sync {
            // Once is a push that crossed the answer; again and again would be a loop.
            let delay = self.resyncs.next_delay(rand::random(), None);
            session.delay_sync(Instant::now() + delay);
        }
        self.emit(Event::Discarded { cause, page, reason });
    }

    async fn send_answered(
        &mut self,
        position: i64,
        id: ClientMessageId,
        result: SendResult,
    ) -> Result<(), End> {
        match settlement(result.clone()) {
            Settlement::Sent(sent) => {
                self.record_sent(id, sent).await?;
                self.resends.reset();
                self.sends.remove(position);
            }
            Settlement::Refused(refused) => {
                self.on_store(move |store| store.record_refused(id, refused.code)).await?;
                self.sends.remove(position);
            }
            Settlement::Again(at_least) => {
                let delay = self.resends.next_delay(rand::random(), Some(at_least));
                self.sends.again(position, Instant::now() + delay);
                self.emit(Event::SendAnswered { id, result });
                return Ok(());
            }
        }
        self.emit(Event::SendAnswered { id, result });
        self.shared.tell_settled(id);
        Ok(())
    }

    async fn record_sent(&mut self, id: ClientMessageId, sent: Sent) -> Result<(), End> {
        let agrees = self.on_store(move |store| store.record_sent(id, &sent)).await?;
        if !agrees {
            tracing::error!(%id, "the server put one message at two places");
        }
        Ok(())
    }

    async fn on_store<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, End> {
        let done = self.shared.store.run(work).await.map_err(|_| End::Stop(StopReason::Closed))?;
        done.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
            End::Stop(StopReason::StoreFault(describe(&error)))
        })
    }

    fn publish_caught_up(&self, session: &Session) {
        let caught_up = session.caught_up();
        self.shared.status.send_if_modified(|status| {
            let changed = status.caught_up != caught_up;
            status.caught_up = caught_up;
            changed
        });
    }

    fn emit(&mut self, event: Event) {
        if let Some(observer) = &mut self.observer {
            observer.event(&event);
        }
        // Nobody listening is fine.
        let _ = self.shared.events.send(event);
    }
}

fn lost(error: Error) -> End {
    End::Lost(match error {
        Error::ClosedByServer { code } => DisconnectReason::ClosedByServer(code),
        Error::Decode(_) => DisconnectReason::Protocol("a frame that cannot be read"),
        other => DisconnectReason::Transport(describe(&other)),
    })
}

fn hello_refused(refused: Refused) -> End {
    if refused.refusal == Some(Refusal::InvalidToken) {
        End::Stop(StopReason::TokenInvalid)
    } else if refused.retry {
        End::Lost(DisconnectReason::Refused(refused))
    } else {
        End::Stop(StopReason::HelloRefused(refused))
    }
}

fn stop_reason(end: End) -> StopReason {
    match end {
        End::Stop(reason) => reason,
        End::Lost(_) => StopReason::Closed,
    }
}

fn retry_after(refused: &Refused) -> Duration {
    Duration::from_millis(refused.retry_after_ms.into())
}

/// An error with its sources, on one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
