//! One thread of the load: many clients, one wait for all their sockets.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    accounts::Account,
    client::{Client, Event, Peer, Phase, Unanswered},
    pace::{Pace, Pacer},
    tally::{Counts, Tally},
};

/// Connections of a lane that are opened at a time. More would overflow the server's backlog and be retried by the
/// kernel after a second.
const OPENING_MAX: usize = 128;

/// Events taken at a time; more wait for the next look.
const EVENTS_MAX: usize = 1024;

/// Bytes read from a socket at a time.
const READ_BYTES: usize = 64 * 1024;

/// How long a lane waits when nothing is due.
const WAIT_MAX: Duration = Duration::from_millis(5);

/// How often silent clients send a heartbeat. Source: the works are defined with 30 s.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// Longest latency that is told apart, microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What a lane is told to do.
pub enum Order {
    /// Connect these, each with whom it writes to, if it writes.
    Connect(Vec<(Account, Option<Peer>)>),
    /// Send in this way from now on.
    Pace(Pace),
    /// Hand over the latencies measured so far, and begin anew.
    Latencies(mpsc::Sender<Latencies>),
    /// End.
    Quit,
}

/// Latencies in microseconds.
pub struct Latencies {
    /// From when a message was due to its acknowledgement.
    pub acknowledged: Histogram<u64>,
    /// From when a message was due to its delivery.
    pub delivered: Histogram<u64>,
    /// At a fixed rate only: when each message, named by when it was due, reached the last one who got it. Nanoseconds.
    pub last_ns: HashMap<u64, u64>,
}

impl Default for Latencies {
    fn default() -> Latencies {
        let empty =
            || Histogram::new_with_max(LATENCY_US_MAX, 3).expect("the bounds of the histogram are valid");
        Latencies { acknowledged: empty(), delivered: empty(), last_ns: HashMap::new() }
    }
}

/// See the module.
pub struct Lane {
    poll: Poll,
    server: SocketAddr,
    orders: mpsc::Receiver<Order>,
    tally: Arc<Tally>,
    started: Instant,
    clients: Vec<Client>,
    peers: Vec<Option<Peer>>,
    waiting: VecDeque<(Account, Option<Peer>)>,
    opening: usize,
    pacer: Pacer,
    again: VecDeque<(u64, usize, Unanswered)>,
    heartbeats_done: u64,
    counts: Counts,
    latencies: Latencies,
    rng: StdRng,
    first_fault: Option<String>,
}

impl Lane {
    /// A lane without clients. `started` is the clock of all lanes.
    ///
    /// # Errors
    /// When there is no way to wait for sockets.
    pub fn new(
        server: SocketAddr,
        orders: mpsc::Receiver<Order>,
        tally: Arc<Tally>,
        started: Instant,
        seed: u64,
    ) -> io::Result<Lane> {
        Ok(Lane {
            poll: Poll::new()?,
            server,
            orders,
            tally,
            started,
            clients: Vec::new(),
            peers: Vec::new(),
            waiting: VecDeque::new(),
            opening: 0,
            pacer: Pacer::default(),
            again: VecDeque::new(),
            heartbeats_done: 0,
            counts: Counts::default(),
            latencies: Latencies::default(),
            rng: StdRng::seed_from_u64(seed),
            first_fault: None,
        })
    }

    /// Works until it is told to quit. The first end of a connection that nobody asked for is told afterwards.
    ///
    /// # Errors
    /// When sockets cannot be waited for.
    pub fn run(mut self) -> io::Result<Option<String>> {
        let (mut events, mut scratch) = (Events::with_capacity(EVENTS_MAX), vec![0; READ_BYTES]);
        let mut happened = Vec::new();
        loop {
            if self.take_orders() {
                return Ok(self.first_fault);
            }
            self.open_some();
            self.send_due();
            self.send_heartbeats();
            self.tally.add(&mut self.counts);
            let wait = self.wait();
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                let place = event.token().0;
                let client = &mut self.clients[place];
                if client.phase == Phase::Ended {
                    continue;
                }
                let read = client.read(&mut scratch, &mut self.counts, &mut happened);
                self.react(place, &mut happened);
                let flushed = self.clients[place].flush();
                if let Err(fault) = read.and(flushed) {
                    self.end(place, &fault);
                }
            }
        }
    }

    fn take_orders(&mut self) -> bool {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Connect(accounts) => self.waiting.extend(accounts),
                Order::Pace(pace) => {
                    let writers = self.peers.iter().enumerate().filter(|(_, peer)| peer.is_some());
                    let writers: Vec<usize> = writers.map(|(place, _)| place).collect();
                    self.pacer = self.pacer.changed(pace, &writers, self.now_ns());
                }
                Order::Latencies(reply) => {
                    // Who asked waits for it.
                    let _ = reply.send(std::mem::take(&mut self.latencies));
                }
                Order::Quit => return true,
            }
        }
        false
    }

    fn open_some(&mut self) {
        while self.opening < OPENING_MAX
            && let Some((account, peer)) = self.waiting.pop_front()
        {
            let place = self.clients.len();
            let opened = TcpStream::connect(self.server).and_then(|stream| {
                stream.set_nodelay(true)?;
                let mut client = Client::new(&account, stream, &self.server.to_string());
                let interest = Interest::READABLE | Interest::WRITABLE;
                self.poll.registry().register(client.stream(), Token(place), interest)?;
                Ok(client)
            });
            match opened {
                Ok(client) => {
                    self.clients.push(client);
                    self.peers.push(peer);
                    self.opening += 1;
                }
                Err(fault) => self.count_end(&fault),
            }
        }
    }

    fn react(&mut self, place: usize, happened: &mut Vec<Event>) {
        let now_ns = self.now_ns();
        for event in happened.drain(..) {
            match event {
                Event::Ready => {
                    self.opening -= 1;
                    self.counts.ready += 1;
                }
                Event::Acknowledged(send) => {
                    self.counts.acknowledged += 1;
                    record(&mut self.latencies.acknowledged, now_ns, send.due_ns);
                    self.pacer.acknowledged(place, self.clients[place].unanswered.len());
                }
                Event::Again(send, after_ms) => {
                    // With jitter, so that they do not come back all at once.
                    let wait_ms =
                        u64::from(after_ms) + u64::from(after_ms / 2) * (self.rng.next_u64() % 100) / 100;
                    self.again.push_back((now_ns + wait_ms * 1_000_000, place, send));
                }
                Event::Delivered(Some(due_ns)) => {
                    record(&mut self.latencies.delivered, now_ns, due_ns);
                    if self.pacer.is_open() {
                        self.latencies.last_ns.insert(due_ns, now_ns);
                    }
                }
                Event::Delivered(None) => {}
            }
        }
        // What became free by these answers goes out with the same write.
        while let Some(due_ns) = self.pacer.next_of(place, now_ns) {
            self.send(place, due_ns);
        }
    }

    /// Sends what is due and is not the reaction to an answer.
    fn send_due(&mut self) {
        let now_ns = self.now_ns();
        while let Some((place, due_ns)) = self.pacer.next(now_ns) {
            self.send(place, due_ns);
            if self.pacer.turn_is_over(place) {
                self.flush(place);
            }
        }
        for _ in 0..self.again.len() {
            let Some((at_ns, place, send)) = self.again.pop_front() else {
                return;
            };
            if at_ns > now_ns {
                self.again.push_back((at_ns, place, send));
            } else if let Some(peer) = self.peers[place] {
                self.clients[place].send(peer, send.id, send.due_ns);
                self.flush(place);
            }
        }
    }

    fn send(&mut self, place: usize, due_ns: u64) {
        let Some(peer) = self.peers[place] else { return };
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        self.clients[place].send(peer, id, due_ns);
        self.counts.sent += 1;
    }

    /// Every client in its turn, evenly over the period; one that spoke since its last turn is left alone.
    fn send_heartbeats(&mut self) {
        let clients = self.clients.len() as u64;
        let due =
            u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_mul(clients)
                / HEARTBEAT.as_millis() as u64;
        if due < self.heartbeats_done || due - self.heartbeats_done > clients {
            // Clients were added: the turns are counted anew.
            self.heartbeats_done = due;
        }
        while self.heartbeats_done < due {
            let place = (self.heartbeats_done % clients) as usize;
            self.heartbeats_done += 1;
            let client = &mut self.clients[place];
            if client.phase == Phase::Ready && !std::mem::take(&mut client.spoke) {
                client.heartbeat();
                // A heartbeat is no reason to leave out the next.
                client.spoke = false;
                self.counts.heartbeats += 1;
                self.flush(place);
            }
        }
    }

    fn flush(&mut self, place: usize) {
        if self.clients[place].phase != Phase::Ended
            && let Err(fault) = self.clients[place].flush()
        {
            self.end(place, &fault);
        }
    }

    fn end(&mut self, place: usize, fault: &io::Error) {
        let client = &mut self.clients[place];
        if matches!(client.phase, Phase::Upgrading | Phase::Greeting | Phase::Syncing) {
            self.opening -= 1;
        }
        client.phase = Phase::Ended;
        // The socket is closed with the client; until then it says nothing any more.
        let _ = self.poll.registry().deregister(client.stream());
        self.count_end(fault);
    }

    fn count_end(&mut self, fault: &io::Error) {
        self.counts.ended += 1;
        self.first_fault.get_or_insert_with(|| fault.to_string());
    }

    fn wait(&self) -> Duration {
        match self.pacer.next_due_ns() {
            // The wait of the kernel is a millisecond at least: what is due sooner is waited for awake.
            Some(due_ns) => {
                let left = Duration::from_nanos(due_ns.saturating_sub(self.now_ns()));
                if left < Duration::from_millis(2) { Duration::ZERO } else { WAIT_MAX.min(left / 2) }
            }
            None => WAIT_MAX,
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Latencies {
    /// Takes over what another lane saw.
    ///
    /// # Errors
    /// When the histograms do not fit together.
    pub fn add(&mut self, lane: Latencies) -> io::Result<()> {
        self.acknowledged.add(lane.acknowledged).map_err(io::Error::other)?;
        self.delivered.add(lane.delivered).map_err(io::Error::other)?;
        for (due_ns, last_ns) in lane.last_ns {
            let last = self.last_ns.entry(due_ns).or_default();
            *last = last_ns.max(*last);
        }
        Ok(())
    }

    /// From when a message was due until the last one had it.
    #[must_use]
    pub fn to_the_last(&self) -> Histogram<u64> {
        let mut histogram = Latencies::default().delivered;
        for (due_ns, last_ns) in &self.last_ns {
            record(&mut histogram, *last_ns, *due_ns);
        }
        histogram
    }
}

fn record(histogram: &mut Histogram<u64>, now_ns: u64, due_ns: u64) {
    histogram.saturating_record(now_ns.saturating_sub(due_ns) / 1_000);
}
