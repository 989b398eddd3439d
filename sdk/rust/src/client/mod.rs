//! The handle of an application: puts messages into the outbox, reads the store, waits for things.
//!
//! Behind it one task (`task`) owns the connection and one thread owns the store. Handles are cheap to clone; the
//! client stops when the last one is dropped, and [`Client::close`] waits for that.

mod options;
mod shared;
mod task;

pub use options::ClientOptions;
pub use shared::Status;

use crate::error::{Error, Refused};
use crate::event::{EVENTS_MAX, Event, Observer};
use crate::message::{ClientMessageId, Content, SendResult, Target};
use crate::session::Ask;
use crate::store::thread::StoreThread;
use crate::store::{OUTBOX_PENDING_MAX, PutOutcome, SendState, Store, StoreError};
use highwater_wire::Refusal;
use highwater_wire::proto::{EntryList, client_frame::Request, server_frame::Body};
use shared::Shared;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use task::Command;
use task::Task;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Calls that may wait for the task to take them; who comes then waits to be let in.
const COMMANDS_MAX: usize = 64;

/// A client of one lineage.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    request_timeout: Duration,
}

impl Client {
    /// Starts a client on a store. Must be called within a tokio runtime. Connecting and syncing begin at once.
    ///
    /// # Errors
    /// When the base URL is not `http://HOST:PORT`, or the operating system gives no thread for the store.
    pub fn start(options: ClientOptions, store: Store) -> Result<Client, Error> {
        Client::start_with(options, store, None)
    }

    /// As [`Client::start`]; the observer hears every event on the client's task.
    ///
    /// # Errors
    /// As [`Client::start`].
    pub fn start_observed(
        options: ClientOptions,
        store: Store,
        observer: impl Observer,
    ) -> Result<Client, Error> {
        Client::start_with(options, store, Some(Box::new(observer)))
    }

    fn start_with(
        options: ClientOptions,
        store: Store,
        observer: Option<Box<dyn Observer>>,
    ) -> Result<Client, Error> {
        crate::connection::socket_url(&options.base_url)?;
        let shared = Arc::new(Shared::new(StoreThread::start(store)?, broadcast::Sender::new(EVENTS_MAX)));
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let request_timeout = options.request_timeout;
        tokio::spawn(Task::new(options, Arc::clone(&shared), inbox, observer).run());
        Ok(Client { shared, commands, request_timeout })
    }

    /// Puts a text, or a [`crate::Custom`], into the outbox and returns its id once it is durable there. It goes out when there is a
    /// connection; until the server has answered it survives crashes and goes out again under the same id and day.
    /// Messages leave in the order in which these calls returned.
    ///
    /// # Errors
    /// When the outbox is full or the store fails; then the message is not in the outbox.
    pub async fn send(&self, target: Target, content: impl Into<Content>) -> Result<ClientMessageId, Error> {
        let id = ClientMessageId::random();
        self.send_with_id(id, target, content).await?;
        Ok(id)
    }

    /// As [`Client::send`] under an id of the caller; the same call again changes nothing.
    ///
    /// # Errors
    /// As [`Client::send`], and when the id names another message.
    pub async fn send_with_id(
        &self,
        id: ClientMessageId,
        target: Target,
        content: impl Into<Content>,
    ) -> Result<(), Error> {
        self.put(id, target, content.into(), 0).await
    }

    /// As [`Client::send`] from a device that shows the conversation through this seq: the user has read it, and no other
    /// request is needed. It is kept with the message, as of when it was written.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_showing(
        &self,
        target: Target,
        content: impl Into<Content>,
        shown_seq: u64,
    ) -> Result<ClientMessageId, Error> {
        let id = ClientMessageId::random();
        self.put(id, target, content.into(), shown_seq).await?;
        Ok(id)
    }

    async fn put(
        &self,
        id: ClientMessageId,
        target: Target,
        content: Content,
        shown_seq: u64,
    ) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let put = self.shared.store.run(move |store| {
            let put = store.put_message_showing(id, shared.day(), &target, content, shown_seq);
            // Told from here, so that a caller that stopped waiting leaves no message behind unnoticed.
            shared.outbox_grew.notify_one();
            put
        });
        match put.await?? {
            PutOutcome::New | PutOutcome::Known => Ok(()),
            PutOutcome::IdReused => Err(Error::IdReused),
            PutOutcome::Full => Err(Error::OutboxFull { limit: OUTBOX_PENDING_MAX }),
        }
    }

    /// Waits until a message has its final answer: where it stands, or why it was refused for good.
    ///
    /// # Errors
    /// When the outbox does not know the id, or the client stops first.
    pub async fn wait_sent(&self, id: ClientMessageId) -> Result<SendResult, Error> {
        loop {
            // Registered before looking, so that no answer falls between.
            let settled = self.shared.wait_settled(id)?;
            match self.send_state(id).await?.ok_or(Error::UnknownMessage)? {
                SendState::Sent(sent) => return Ok(Ok(sent)),
                SendState::Refused { code } => return Ok(Err(refused_by_code(code))),
                SendState::Pending => settled.await.map_err(|_| Error::Stopped)?,
            }
        }
    }

    /// What became of a message; none when the outbox does not know it (any more).
    ///
    /// # Errors
    /// When the store fails or is closed.
    pub async fn send_state(&self, id: ClientMessageId) -> Result<Option<SendState>, Error> {
        Ok(self.shared.store.run(move |store| store.send_state(id)).await??)
    }

    /// Runs a read on the store, between the writes of the client.
    ///
    /// # Errors
    /// When the store is closed.
    pub async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> R + Send + 'static,
    ) -> Result<R, Error> {
        self.shared.store.run(move |store| read(store)).await
    }

    /// The events from now on; see [`crate::event`] for what happens to a slow receiver.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// How the client stands now.
    pub fn status(&self) -> Status {
        self.shared.status.borrow().clone()
    }

    /// Follows how the client stands.
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Syncs, and returns when a sync begun after this call was answered to its end; waits for a connection if
    /// there is none.
    ///
    /// # Errors
    /// When the client stops first, or too many calls are waiting.
    pub async fn sync_now(&self) -> Result<(), Error> {
        let (done, finished) = oneshot::channel();
        self.commands.send(Command::Sync(done)).await.map_err(|_| Error::Stopped)?;
        finished.await.map_err(|_| Error::Stopped)?
    }

    /// Waits until the client is connected and knows of nothing more to sync; returns at once if that is so.
    ///
    /// # Errors
    /// After the timeout, or when the client stops.
    pub async fn wait_caught_up(&self, timeout: Duration) -> Result<(), Error> {
        let mut status = self.shared.status.subscribe();
        let settled = status.wait_for(|status| status.caught_up || status.stopped.is_some());
        let settled = tokio::time::timeout(timeout, settled)
            .await
            .map_err(|_| Error::Timeout { what: "end of the sync", after_ms: timeout.as_millis() as u64 })?;
        match settled {
            Ok(status) if status.caught_up => Ok(()),
            _ => Err(Error::Stopped),
        }
    }

    /// Gives up the connection, if there is one, and connects anew without delay: for a network that changed.
    ///
    /// # Errors
    /// When the client has stopped.
    pub async fn reconnect_now(&self) -> Result<(), Error> {
        self.commands.send(Command::Reconnect).await.map_err(|_| Error::Stopped)
    }

    /// Stops the client and closes the store's file; it can be opened again when this returns. What is in the
    /// outbox stays there.
    pub async fn close(&self) {
        // A task that is gone has stopped already.
        let _ = self.commands.send(Command::Close).await;
        self.commands.closed().await;
        self.shared.store.close().await;
    }

    /// Stores entries that were read by range; who waits for one of them to be sent is told.
    pub(crate) async fn add_entries(&self, list: EntryList) -> Result<EntryList, Error> {
        let shared = Arc::clone(&self.shared);
        let stored = self.shared.store.run(move |store| {
            let applied = store.add_entries(&list.entries)?;
            for (id, _) in applied.settled {
                shared.tell_settled(id);
            }
            Ok::<_, StoreError>(list)
        });
        Ok(stored.await??)
    }

    /// Tells the task something.
    pub(crate) async fn command(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).await.map_err(|_| Error::Stopped)
    }

    /// Asks the server; waits for a connection if there is none.
    pub(crate) async fn ask(&self, request: Request) -> Result<Body, Error> {
        let (reply, answer) = oneshot::channel();
        let asking = async {
            self.commands.send(Command::Ask(Ask { request, reply })).await.map_err(|_| Error::Stopped)?;
            answer.await.map_err(|_| Error::Stopped)?
        };
        tokio::time::timeout(self.request_timeout, asking).await.map_err(|_| Error::Timeout {
            what: "answer",
            after_ms: self.request_timeout.as_millis() as u64,
        })?
    }
}

fn refused_by_code(code: u32) -> Refused {
    Refusal::from_code(code).map_or_else(
        || Refused {
            code,
            refusal: None,
            name: String::new(),
            message: "refused for a reason that this client does not know".to_owned(),
            retry: false,
            retry_after_ms: 0,
        },
        Refused::from,
    )
}
