//! The task of a client: connects, speaks as the session says, stores what it hears, tells what happened.
//!
//! Frames are taken strictly in the order received, each stored before the next is looked at. The task ends only for
//! a reason that trying again cannot mend. `pages` takes what is told, `sends` what is answered to sends,
//! `repairs` what is fetched after a gap, `commands` what the handles ask.

mod commands;
mod pages;
mod repairs;
mod sends;

pub(crate) use commands::Command;

use super::options::ClientOptions;
use super::shared::Shared;
use crate::backoff::Backoff;
use crate::connection::{Connection, Incoming};
use crate::error::{Error, Refused};
use crate::event::{DisconnectReason, Event, Observer, StopReason};
use crate::repair::Repair;
use crate::send_queue::SendQueue;
use crate::session::{Ask, Outgoing, Reaction, Session};
use crate::store::{Lineage, OutboxMessage, Store, StoreError};
use crate::watermarks::Watching;
use highwater_wire::Refusal;
use highwater_wire::proto::{ClientFrame, Greeting, client_frame::Request};
use highwater_wire::refusal::close;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

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
    repair: Repair,
    watching: Watching,
    /// Callers of `sync_now` whose sync has not begun.
    syncs_waiting: Vec<oneshot::Sender<Result<(), Error>>>,
    /// Callers of `sync_now` whose sync has begun.
    syncs_begun: Vec<oneshot::Sender<Result<(), Error>>>,
    reconnects: Backoff,
    resends: Backoff,
    resyncs: Backoff,
    repairs: Backoff,
    /// Answers to syncs in a row that did not continue the stored snapshot.
    discarded_syncs: u32,
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
            repair: Repair::default(),
            watching: Watching::default(),
            syncs_waiting: Vec::new(),
            syncs_begun: Vec::new(),
            reconnects: backoff.clone(),
            resends: backoff.clone(),
            resyncs: backoff.clone(),
            repairs: backoff,
            discarded_syncs: 0,
        }
    }

    /// Runs until the client stops.
    pub(super) async fn run(mut self) {
        let reason = match self.run_until_stopped().await {
            Ok(never) => match never {},
            Err(reason) => reason,
        };
        match reason {
            StopReason::TokenInvalid => self.emit(Event::TokenInvalid),
            StopReason::DeviceReplaced => self.emit(Event::DeviceReplaced),
            _ => {}
        }
        self.shared.stop(reason.clone());
        self.emit(Event::Stopped { reason });
    }

    async fn run_until_stopped(&mut self) -> Result<Infallible, StopReason> {
        self.snapshot = self.on_store(|store| store.snapshot()).await.map_err(stop_reason)?;
        let is_due =
            self.on_store(|store| Ok(store.repairing()? || store.rereading()?)).await.map_err(stop_reason)?;
        self.repair = Repair::new(is_due);
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
        self.watching.connected();
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
        self.repair.connection_lost();
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
            let wakes_at = session.wakes_at(&self.sends, &self.repair).into();
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

    /// Writes all that may be said now.
    async fn say(&mut self, connection: &mut Connection, session: &mut Session) -> Result<(), End> {
        let mut queued = false;
        loop {
            let queues = (&mut self.sends, &mut self.asks, &mut self.watching, &mut self.repair);
            let Some(Outgoing { request_id, request, message }) =
                session.next_request(Instant::now(), queues)
            else {
                break;
            };
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
            connection.queue(&frame).await.map_err(lost)?;
            queued = true;
        }
        if queued {
            connection.flush().await.map_err(lost)?;
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
            Reaction::Watermarks(watermarks) => {
                for watermark in watermarks {
                    if self.watching.is_watched(watermark.conversation_id) {
                        self.emit(Event::Watermark { watermark });
                    }
                }
                Ok(())
            }
            Reaction::RepairAnswered(answer) => self.repair_answered(answer).await,
            Reaction::Disconnect(reason) => Err(End::Lost(reason)),
        }
    }

    async fn greeted(&mut self, greeting: Arc<Greeting>) -> Result<(), End> {
        let token = Lineage {
            user_id: greeting.user_id,
            device_id: greeting.device_id,
            context: self.options.context,
        };
        let (level, locale) = (greeting.level, self.options.locale.clone());
        let bind = move |store: &mut Store| {
            store.render_for(level, &locale);
            store.bind(token)
        };
        let store = self.on_store(bind).await?;
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

    async fn on_store<R: Send + 'static>(
        &mut self,
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
        Error::ClosedByServer { code: close::UNAUTHENTICATED, reason }
            if reason == close::DEVICE_REPLACED =>
        {
            return End::Stop(StopReason::DeviceReplaced);
        }
        Error::ClosedByServer { code, .. } => DisconnectReason::ClosedByServer(code),
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
