//! The store's own thread: SQLite blocks, so it does not run among the async tasks.
//!
//! Jobs run one after another in the order given. At most [`JOBS_MAX`] wait; who comes then waits to be let in.

use super::Store;
use crate::error::Error;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait for the thread.
/// Source: choice; one client's task has one job at a time, the rest are calls of the application.
const JOBS_MAX: usize = 64;

enum Job {
    Work(Box<dyn FnOnce(&mut Store) + Send>),
    Close(oneshot::Sender<()>),
}

/// A handle of the thread. The store is closed when the last handle is dropped or [`StoreThread::close`] returns.
#[derive(Clone)]
pub(crate) struct StoreThread {
    jobs: mpsc::Sender<Job>,
}

impl StoreThread {
    /// Starts the thread of a store.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(crate) fn start(store: Store) -> Result<StoreThread, Error> {
        let (jobs, inbox) = mpsc::channel(JOBS_MAX);
        std::thread::Builder::new()
            .name("highwater-store".to_owned())
            .spawn(move || run(store, inbox))
            .map_err(Error::Thread)?;
        Ok(StoreThread { jobs })
    }

    /// Runs a job on the store and waits for its result. The job runs even if the caller stops waiting.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the store is closed.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let (answer, result) = oneshot::channel();
        let job = Job::Work(Box::new(move |store| {
            // Nobody waiting any more is fine: the job itself is done.
            let _ = answer.send(work(store));
        }));
        self.jobs.send(job).await.map_err(|_| Error::Stopped)?;
        result.await.map_err(|_| Error::Stopped)
    }

    /// Finishes the jobs given so far and closes the file.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

fn run(mut store: Store, mut inbox: mpsc::Receiver<Job>) {
    while let Some(job) = inbox.blocking_recv() {
        match job {
            Job::Work(work) => work(&mut store),
            Job::Close(done) => {
                drop(store);
                let _ = done.send(());
                return;
            }
        }
    }
}
