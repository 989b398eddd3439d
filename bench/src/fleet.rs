//! All clients of a work: lanes on threads of their own, told what to do and watched from here.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    accounts::Account,
    client::Peer,
    lane::{Lane, Latencies, Order},
    machine::Cores,
    pace::Pace,
    tally::{Counts, Tally},
};

/// How often a wait looks whether it is over.
const LOOK: Duration = Duration::from_millis(2);

/// A wait in which nothing moves for so long has failed.
const STALL: Duration = Duration::from_secs(30);

/// See the module.
pub struct Fleet {
    orders: Vec<mpsc::Sender<Order>>,
    threads: Vec<JoinHandle<io::Result<Option<String>>>>,
    tally: Arc<Tally>,
}

impl Fleet {
    /// Connects accounts, spread over the lanes, each with whom it writes to, if it writes; back when all have
    /// synced to the end.
    ///
    /// # Errors
    /// When one of them does not get so far.
    pub fn connect(
        server: SocketAddr,
        cores: &Cores,
        clients: impl IntoIterator<Item = (Account, Option<Peer>)>,
    ) -> io::Result<Fleet> {
        let (tally, started) = (Arc::new(Tally::default()), Instant::now());
        let (mut orders, mut threads, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..cores.load_lanes() {
            let (sender, receiver) = mpsc::channel();
            let lane = Lane::new(server, receiver, Arc::clone(&tally), started, number as u64)?;
            let cores = cores.clone();
            let work = move || {
                cores.take_for_load()?;
                lane.run()
            };
            threads.push(thread::Builder::new().name(format!("load {number}")).spawn(work)?);
            orders.push(sender);
            shares.push(Vec::new());
        }
        let mut count = 0;
        for (place, client) in clients.into_iter().enumerate() {
            shares[place % cores.load_lanes()].push(client);
            count += 1;
        }
        let fleet = Fleet { orders, threads, tally };
        for (order, share) in fleet.orders.iter().zip(shares) {
            fleet.tell(order, Order::Connect(share))?;
        }
        fleet.wait("clients to sync", |counts| counts.ready == count)?;
        Ok(fleet)
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.tally.read()
    }

    /// Sends in this way from now on; `share` makes each lane's part.
    ///
    /// # Errors
    /// When a lane has ended.
    pub fn pace(&self, share: impl Fn(u64) -> Pace) -> io::Result<()> {
        self.orders
            .iter()
            .try_for_each(|order| self.tell(order, Order::Pace(share(self.orders.len() as u64))))
    }

    /// Waits until everything sent since `before` was acknowledged, and delivered to its `readers`; at least `sent` have to
    /// be.
    ///
    /// # Errors
    /// When nothing moves any more, or a connection ended.
    pub fn settle(&self, before: &Counts, sent: u64, readers: u64) -> io::Result<Counts> {
        self.wait("messages to arrive", |counts| {
            let since = counts.since(before);
            let delivered = counts.delivered == counts.sent * readers;
            since.sent >= sent && counts.acknowledged == counts.sent && delivered
        })
    }

    /// Waits until something holds, or nothing moves any more.
    ///
    /// # Errors
    /// When it does not come to hold.
    pub fn wait(&self, what: &str, holds: impl Fn(&Counts) -> bool) -> io::Result<Counts> {
        let (mut last, mut moved) = (self.counts(), Instant::now());
        loop {
            let counts = self.counts();
            if holds(&counts) {
                return Ok(counts);
            }
            if counts.ended > 0 || self.threads.iter().any(JoinHandle::is_finished) {
                return Err(io::Error::other(format!(
                    "{} connections ended while waiting for {what}",
                    counts.ended
                )));
            }
            // Heartbeats go on whatever happens.
            let idle = |counts: Counts| Counts { heartbeats: 0, bytes_in: 0, ..counts };
            if idle(counts) != idle(last) {
                (last, moved) = (counts, Instant::now());
            } else if moved.elapsed() > STALL {
                return Err(io::Error::other(format!("nothing moves while waiting for {what}: {counts:?}")));
            }
            thread::sleep(LOOK);
        }
    }

    /// The latencies since the last call.
    ///
    /// # Errors
    /// When a lane has ended.
    pub fn latencies(&self) -> io::Result<Latencies> {
        let (reply, replies) = mpsc::channel();
        self.orders.iter().try_for_each(|order| self.tell(order, Order::Latencies(reply.clone())))?;
        drop(reply);
        let mut all = Latencies::default();
        for lane in replies {
            all.add(lane)?;
        }
        Ok(all)
    }

    /// Closes every connection.
    ///
    /// # Errors
    /// The first end of a connection that nobody had asked for.
    pub fn end(self) -> io::Result<()> {
        for order in &self.orders {
            // A lane that has ended says so below.
            let _ = order.send(Order::Quit);
        }
        for thread in self.threads {
            let ended = thread.join().map_err(|_| io::Error::other("a lane of the load panicked"))??;
            if let Some(fault) = ended {
                return Err(io::Error::other(format!("a connection ended: {fault}")));
            }
        }
        Ok(())
    }

    fn tell(&self, lane: &mpsc::Sender<Order>, order: Order) -> io::Result<()> {
        lane.send(order).map_err(|_| io::Error::other("a lane of the load has ended"))
    }
}
