//! A client port with a receiver that echoes, a clock that the test turns, and what the receiver saw.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, rt};
use bytes::Bytes;
use highwater::actors::connection::Upward;
use highwater::actors::sweeper::Patience;
use highwater::actors::transport::{Link, TransportLimits, WorkerLinks};
use highwater::http::server::{ClientPort, WorkerParts, serve_clients};
use highwater::http::upgrade::{Door, Opening};

use crate::raw_client::RawClient;

pub const HEARTBEAT_MS: u64 = 30_000;

/// A message at which the receiver panics.
pub const PANIC: &str = "panic now";

/// A running server. Stops when dropped.
pub struct Rig {
    pub address: SocketAddr,
    pub door: Arc<Door>,
    pub seen: Arc<Seen>,
    clock_ms: Arc<AtomicU64>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What the receivers of all connections saw.
#[derive(Default)]
pub struct Seen {
    pub links: Mutex<Vec<Link>>,
    pub frames: Mutex<Vec<(Bytes, bool)>>,
    pub closed: Mutex<HashMap<u64, u32>>,
    forgetful: bool,
}

pub struct Settings {
    pub limits: TransportLimits,
    pub origins: Vec<String>,
    pub connections_max: usize,
    pub workers: usize,
    /// Whether frames are kept in [`Seen`].
    pub remember: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limits: TransportLimits::default(),
            origins: Vec::new(),
            connections_max: 20_000,
            workers: 1,
            remember: true,
        }
    }
}

struct Echo {
    link: Option<Link>,
    seen: Arc<Seen>,
}

impl Upward for Echo {
    fn opened(&mut self, link: Link) {
        self.seen.links.lock().unwrap().push(link.clone());
        self.link = Some(link);
    }

    fn frame(&mut self, payload: Bytes, text: bool) {
        assert_ne!(payload, PANIC, "asked to panic");
        if !self.seen.forgetful {
            self.seen.frames.lock().unwrap().push((payload.clone(), text));
        }
        self.link.as_ref().unwrap().deliver(payload).unwrap();
    }

    fn closed(&mut self) {
        *self.seen.closed.lock().unwrap().entry(self.link.as_ref().unwrap().id().0).or_default() += 1;
    }
}

impl Rig {
    pub fn start() -> Rig {
        Rig::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Rig {
        let seen = Arc::new(Seen { forgetful: !settings.remember, ..Seen::default() });
        let clock_ms = Arc::new(AtomicU64::new(1_000_000));
        let door = Door::new(settings.origins, settings.connections_max);
        let port = ClientPort {
            workers: settings.workers,
            requests_max: 1_000,
            limits: settings.limits,
            patience: Patience::with_heartbeat(HEARTBEAT_MS),
            door: Arc::clone(&door),
            clock: {
                let clock_ms = Arc::clone(&clock_ms);
                Arc::new(move || clock_ms.load(Ordering::Relaxed))
            },
        };
        let (stop, stopped) = mpsc::channel();
        let (address_is, address) = mpsc::channel();
        let receivers = Arc::clone(&seen);
        let thread = std::thread::spawn(move || run_server(port, receivers, &address_is, stopped));
        Rig { address: address.recv().unwrap(), door, seen, clock_ms, stop: Some(stop), thread: Some(thread) }
    }

    /// Turns the server's clock and waits until the sweepers have seen it.
    pub fn advance(&self, by_ms: u64) {
        self.clock_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    pub fn now_ms(&self) -> u64 {
        self.clock_ms.load(Ordering::Relaxed)
    }

    pub fn link(&self, index: usize) -> Link {
        eventually("the connection opens", || self.seen.links.lock().unwrap().len() > index);
        self.seen.links.lock().unwrap()[index].clone()
    }

    /// Connections listed by the worker, and its writes to sockets. For one worker.
    pub fn counts(&self) -> (usize, u64) {
        let answer = RawClient::tcp(self.address)
            .ask_all("GET /counts HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let (connections, writes) = answer.rsplit_once('\n').unwrap().1.split_once(' ').unwrap();
        (connections.parse().unwrap(), writes.parse().unwrap())
    }

    pub fn closed(&self) -> usize {
        self.seen.closed.lock().unwrap().len()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the server's thread panicked");
    }
}

fn run_server(
    port: ClientPort,
    seen: Arc<Seen>,
    address: &mpsc::Sender<SocketAddr>,
    stop: mpsc::Receiver<()>,
) {
    rt::System::new().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        address.send(listener.local_addr().unwrap()).unwrap();
        let server = serve_clients(listener, port, move |links: &Rc<WorkerLinks>| {
            let seen = Arc::clone(&seen);
            let links = Rc::clone(links);
            WorkerParts {
                make_upward: move |_: Opening| Echo { link: None, seen: Arc::clone(&seen) },
                configure: move |config: &mut ServiceConfig| {
                    let links = Rc::clone(&links);
                    let counts = move || {
                        let counts = format!("{} {}", links.count(), links.socket_writes());
                        async { HttpResponse::Ok().body(counts) }
                    };
                    config.route("/counts", web::get().to(counts));
                    config.route("/hello", web::get().to(|| async { HttpResponse::Ok().body("hello") }));
                },
            }
        })
        .unwrap();
        let handle = server.handle();
        std::thread::spawn(move || {
            // Ends when the rig drops its sender.
            let _ = stop.recv();
            drop(handle.stop(false));
        });
        server.await.unwrap();
    });
}

/// Waits up to ten seconds for what must come true.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
