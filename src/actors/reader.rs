//! Readers: a few threads that read tail and index, so that no worker ever waits for a disk.
//!
//! **Owns** nothing but its thread. **Receives** jobs from a bounded queue. **Emits** what each job emits.
//! **Durable before replying:** a view shows only what is durable. **Queue:** `READ_JOBS_MAX`; when it is full a job is
//! refused as busy and the client asks again. **Started and stopped** by `app`. **A restart loses** jobs that wait,
//! whose requests the client repeats.

use std::{collections::VecDeque, sync::Arc, thread::JoinHandle};

use bytes::Bytes;
use highwater_wire::Refusal;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::user::TicksRead;
use crate::{
    model::ConversationId,
    monitor::{Monitor, ids},
    store::{engine::Engine, tail::Tail, view::View},
    sync::{Followed, Marks},
};

/// Jobs that wait for a reader. More are refused as busy.
/// Source: a page takes about 100 µs, so the last of 4096 waits 0.2 s with two readers.
const READ_JOBS_MAX: usize = 4096;

type Job = Box<dyn FnOnce(&View) + Send>;

/// What a reader brings back for a connection.
#[derive(Debug)]
pub enum PageRead {
    /// A page, rendered, sealed and encoded.
    Page {
        /// The whole frame.
        frame: Bytes,
        /// The snapshot that it carries, or the given one when nothing was new.
        snapshot: Bytes,
        /// What that snapshot says.
        marks: Marks,
        /// More is waiting.
        more: bool,
        /// The channels that it merged the inbox with.
        follows: Followed,
    },
    /// Another answer, encoded.
    Frame(Bytes),
    /// How far the other one of a conversation has come: an answer, or what is so now.
    Ticks(ConversationId, TicksRead),
    /// The store could not be read; the fault is in the server's log.
    Failed {
        /// Which request.
        request_id: u64,
        /// Whether it was a sync, which is then no longer open.
        page: bool,
    },
}

struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    tail: Arc<Tail>,
    engine: Arc<dyn Engine>,
    monitor: Monitor,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    stopped: bool,
}

/// A handle on the pool.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
}

impl Readers {
    /// Starts a pool. The threads end when [`Readers::stop`] is called.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        threads: usize,
        tail: Arc<Tail>,
        engine: Arc<dyn Engine>,
        monitor: Monitor,
    ) -> std::io::Result<(Readers, Vec<JoinHandle<()>>)> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), work: Condvar::new(), tail, engine, monitor });
        let start = |number| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("reader-{number}")).spawn(move || serve(&shared))
        };
        let threads = (0..threads).map(start).collect::<Result<_, _>>()?;
        Ok((Readers { shared }, threads))
    }

    /// Runs a job with a view that is made when its turn comes.
    ///
    /// # Errors
    /// `Busy` when the queue is full, `Draining` when the readers were stopped.
    pub fn read(&self, job: impl FnOnce(&View) + Send + 'static) -> Result<(), Refusal> {
        {
            let mut queue = self.shared.queue.lock();
            if queue.stopped {
                return Err(Refusal::Draining);
            }
            if queue.jobs.len() >= READ_JOBS_MAX {
                return Err(Refusal::Busy);
            }
            queue.jobs.push_back(Box::new(job));
            self.shared.monitor.set(ids::READER_QUEUE_DEPTH, queue.jobs.len() as u64);
        }
        self.shared.work.notify_one();
        Ok(())
    }

    /// Asks for one thing and waits for it.
    ///
    /// # Errors
    /// As [`Readers::read`]; a fault of the store is logged and answered as `Internal`.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&View) -> Result<T, crate::store::view::ReadFault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.read(move |view| {
            // The one who asked may have gone; then nobody needs the answer.
            let _ = reply.send(question(view));
        })?;
        match answer.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(fault)) => {
                tracing::error!(error = &fault as &dyn std::error::Error, "the store could not be read");
                Err(Refusal::Internal)
            }
            Err(_) => Err(Refusal::Draining),
        }
    }

    /// Ends the threads once the jobs that wait are done.
    pub fn stop(&self) {
        self.shared.queue.lock().stopped = true;
        self.shared.work.notify_all();
    }
}

fn serve(shared: &Shared) {
    loop {
        let job = {
            let mut queue = shared.queue.lock();
            loop {
                if let Some(job) = queue.jobs.pop_front() {
                    shared.monitor.set(ids::READER_QUEUE_DEPTH, queue.jobs.len() as u64);
                    break job;
                }
                if queue.stopped {
                    return;
                }
                shared.work.wait(&mut queue);
            }
        };
        job(&View::new(&shared.tail, &shared.engine));
    }
}
