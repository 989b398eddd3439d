//! The only composition root: what is started, in which order, and stopped in reverse.
//!
//! Here, and nowhere else, are the system clock, randomness and the process's signals.

mod logging;
mod stop;
mod store;

use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix::{Actor, Arbiter};
use actix_web::web;

use self::store::OpenedStore;
use crate::{
    actors::{
        accounts::{Accounts, Registration, secret_hash},
        directory::Directory,
        hub::Hub,
        passwords::Passwords,
        persistence::{self, PersistenceParts, TailBounds, intake::Intake},
        ports::{Ports, WorkerId},
        reader::Readers,
        reception::{Lobby, Reception},
        sweeper::Patience,
        transport::TransportLimits,
        unanswered::Unanswered,
        user::UserServices,
    },
    config::{Config, RegistrationMode},
    http::{
        self,
        development::Development,
        health::Readiness,
        operator::{Operator, Setup},
        requests::Client,
        server::{ClientPort, WorkerParts, serve_clients, serve_operator},
        upgrade::{Door, Opening},
    },
    model::{Clock, Random, limits},
    monitor::Monitor,
    sync::{Kinds, SnapshotKey},
};

/// Descriptors that are not client sockets: log, index, listeners, threads. Source: about 60 in use, with room.
const DESCRIPTORS_RESERVED: u64 = 512;

/// Exit code when a fault ends the process on purpose: it recovers at its next start. Source: sysexits.h, EX_SOFTWARE.
const EXIT_FAULT: i32 = 70;

/// How often the minute points look at the clock.
const MONITOR_TICK: Duration = Duration::from_secs(1);

/// Body of an HTTP request, bytes.
const HTTP_BODY_BYTES_MAX: usize = limits::FRAME_BYTES_MAX;

/// What `serve` was told beside its configuration.
#[derive(Debug, Default)]
pub struct ServeOptions {
    /// Name of a seeded bug; only builds with the feature know any.
    pub seeded_bug: Option<String>,
    /// Commits return at once and nothing is kept: what the cost of storing is measured against.
    pub null_store: bool,
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The store.
    #[error("the store cannot be opened")]
    Store(#[from] store::StoreFault),
    /// A listener.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Threads, sockets, files.
    #[error("the server cannot start")]
    Io(#[from] std::io::Error),
    /// The kinds of the configuration.
    #[error("the kinds of the configuration cannot be used: {0}")]
    Kinds(String),
}

/// Serves until a signal ends it.
pub fn serve(config: &Config, options: ServeOptions) -> ExitCode {
    logging::start(&config.log);
    for caution in config.cautions() {
        tracing::warn!("{caution}");
    }
    logging::log_panics();
    let system = actix_web::rt::System::new();
    match system.block_on(run(config, options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "the server did not start");
            ExitCode::FAILURE
        }
    }
}

/// The system's clock and its monotonic clock.
#[allow(clippy::disallowed_methods, reason = "the one place where time is read; everywhere else it is handed down")]
fn system_clock() -> Clock {
    let started = Instant::now();
    let wall_ms = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    let monotonic_us = move || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Clock::new(wall_ms, monotonic_us)
}

/// The system's generator, fit for secrets.
fn system_random() -> Random {
    Random::new(|bytes| rand::Rng::fill_bytes(&mut rand::rng(), bytes))
}

async fn run(config: &Config, options: ServeOptions) -> Result<(), StartFault> {
    let null_store = options.null_store;
    let (clock, random, monitor) = (system_clock(), system_random(), Monitor::new());
    let kinds = config.kinds.iter().map(|kind| (kind.number, kind.name.clone())).collect::<Vec<_>>();
    let kinds = Arc::new(Kinds::of_server(&kinds).map_err(StartFault::Kinds)?);
    // Listening comes before the store: a wrong address is said before anything is opened.
    let clients = listen(config.client.listen)?;
    let operators = listen(config.operator.listen)?;
    let store = store::open(config, &options, &random)?;
    let urls = Urls { client: clients.local_addr()?, operator: operators.local_addr()? };

    let workers = worker_count(config);
    let (ports, directory) = (Ports::new(workers), Directory::default());
    let intake = Arc::new(Intake::default());
    let tail = Arc::clone(store.opened.committer.tail());
    let (readers, reader_threads) =
        Readers::start(config.server.readers, Arc::clone(&tail), Arc::clone(&store.engine), monitor.clone())?;
    let unanswered = Unanswered::default();
    let services = Arc::new(UserServices {
        intake: Arc::clone(&intake),
        readers: readers.clone(),
        ports: ports.clone(),
        tail,
        key: SnapshotKey::new(store.secrets.snapshot_key_id, store.secrets.snapshot_key, store.secrets.store_id),
        lifeline: Arc::clone(&store.opened.lifeline),
        kinds: Arc::clone(&kinds),
        monitor: monitor.clone(),
        clock: clock.clone(),
        heartbeat_ms: config.client.heartbeat_ms,
        queued_bytes_max: config.client.queued_bytes_max,
        unanswered: unanswered.clone(),
    });
    let OpenedStore { opened, engine: _, secrets, reopen_index, lock, directory: data } = store;
    let arbiter = Arbiter::new();
    let bounds = TailBounds {
        bytes_max: config.storage.tail_bytes_max,
        index_after_bytes: config.storage.index_after_bytes,
    };
    // The null store has no index either: everything stays in the tail for as long as the process lives.
    let bounds = if null_store { TailBounds { bytes_max: usize::MAX, index_after_bytes: usize::MAX } } else { bounds };
    let persistence = persistence::start(&arbiter.handle(), PersistenceParts {
        committer: opened.committer,
        intake: Arc::clone(&intake),
        readers: readers.clone(),
        ports: ports.clone(),
        directory: directory.clone(),
        clock: clock.clone(),
        monitor: monitor.clone(),
        bounds,
        reopen_index,
        abort: Arc::new(|| std::process::exit(EXIT_FAULT)),
    });
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let passwords = Passwords::new(cores.saturating_sub(1), random.clone(), monitor.clone());
    let registration = match config.registration.mode {
        RegistrationMode::Closed => Registration::Closed,
        RegistrationMode::Invite => Registration::Invite,
        RegistrationMode::Open => Registration::Open,
    };
    let accounts = Arc::new(Accounts::new(Arc::clone(&services), registration, passwords, random));

    let readiness = Readiness::default();
    let door = Door::new(config.client.origins.clone(), connections_max(config));
    let door = if config.server.dev { door.for_development() } else { door };
    let lobby = LobbyParts {
        accounts: Arc::clone(&accounts),
        services: Arc::clone(&services),
        directory,
        ports: ports.clone(),
        readiness: readiness.clone(),
        development: config.server.dev,
        next_worker: Arc::new(AtomicUsize::new(0)),
        about: about(config),
    };
    let port = client_port(config, workers, &door, &clock);
    let client_server = serve_clients(clients, port, move |links| worker(&lobby, links))?;
    let operator = Operator {
        accounts,
        monitor: monitor.clone(),
        clock: clock.clone(),
        kinds,
        token: secret_hash(&secrets.operator_token),
        setup: Setup::new(&secrets, data.clone()),
    };
    let (operator, operator_readiness) = (web::Data::new(operator), web::Data::new(readiness.clone()));
    let operator_server = serve_operator(operators, move |config| {
        config.app_data(operator.clone()).app_data(operator_readiness.clone());
        config.configure(http::health::configure).configure(http::operator::configure);
    })?;
    let (client_handle, operator_handle) = (client_server.handle(), operator_server.handle());
    let serving = actix_web::rt::spawn(client_server);
    let operating = actix_web::rt::spawn(operator_server);
    actix_web::rt::spawn(tick(monitor, clock));

    let signals = stop::Signals::new()?;
    store::write_operator_url(&data, urls.operator);
    readiness.set(true);
    urls.announce();
    signals.received().await;
    tracing::info!("stopping: no new work is taken");
    readiness.set(false);
    stop::drain(&intake, &unanswered, &ports, &door).await;
    client_handle.stop(true).await;
    operator_handle.stop(true).await;
    let _ = persistence.send(persistence::Finish).await;
    readers.stop();
    for thread in reader_threads {
        let _ = thread.join();
    }
    arbiter.stop();
    serving.abort();
    operating.abort();
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartFault> {
    TcpListener::bind(address).map_err(|source| StartFault::Listen { address, source })
}

fn worker_count(config: &Config) -> usize {
    match config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        workers => workers,
    }
}

/// As many connections as configured, but never so many that descriptors run out.
fn connections_max(config: &Config) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let descriptors = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let room = descriptors.map_or(usize::MAX, |descriptors| {
        usize::try_from(descriptors.saturating_sub(DESCRIPTORS_RESERVED)).unwrap_or(usize::MAX)
    });
    if room < config.client.connections_max {
        tracing::warn!(room, "the limit of open files allows fewer connections than configured");
    }
    config.client.connections_max.min(room)
}

fn client_port(config: &Config, workers: usize, door: &Arc<Door>, clock: &Clock) -> ClientPort {
    let clock = clock.clone();
    ClientPort {
        workers,
        limits: TransportLimits {
            frame_bytes_max: limits::FRAME_BYTES_MAX,
            message_bytes_max: limits::FRAME_BYTES_MAX,
            queued_bytes_max: config.client.queued_bytes_max,
            ..TransportLimits::default()
        },
        patience: Patience::with_heartbeat(u64::from(config.client.heartbeat_ms)),
        door: Arc::clone(door),
        clock: Arc::new(move || clock.monotonic_us() / 1000),
    }
}

/// What each worker's part of the client port is made from.
#[derive(Clone)]
struct LobbyParts {
    accounts: Arc<Accounts>,
    services: Arc<UserServices>,
    directory: Directory,
    ports: Ports,
    readiness: Readiness,
    development: bool,
    next_worker: Arc<AtomicUsize>,
    about: http::pages::About,
}

/// Starts a worker's hub and says how its connections and requests are received.
fn worker(
    parts: &LobbyParts,
    links: &Rc<crate::actors::transport::WorkerLinks>,
) -> WorkerParts<impl Fn(Opening) -> Reception + use<>, impl Fn(&mut web::ServiceConfig) + use<>> {
    let number = parts.next_worker.fetch_add(1, Ordering::Relaxed) % parts.ports.workers();
    let worker = WorkerId(number);
    let hub = Hub::new(
        worker,
        parts.ports.clone(),
        parts.directory.clone(),
        Arc::clone(&parts.services),
        Rc::clone(links),
    );
    parts.ports.serve(worker, hub.start());
    let lobby = Rc::new(Lobby {
        accounts: Arc::clone(&parts.accounts),
        services: Arc::clone(&parts.services),
        directory: parts.directory.clone(),
        worker,
    });
    let client = web::Data::new(Client {
        accounts: Arc::clone(&parts.accounts),
        services: Arc::clone(&parts.services),
    });
    let readiness = web::Data::new(parts.readiness.clone());
    let development = web::Data::new(Development(parts.development));
    let about = parts.about;
    WorkerParts {
        make_upward: move |opening: Opening| {
            Reception::new(Rc::clone(&lobby), opening.encoding, opening.peer.map(|peer| peer.ip()))
        },
        configure: move |config: &mut web::ServiceConfig| {
            config
                .app_data(client.clone())
                .app_data(readiness.clone())
                .app_data(development.clone())
                .app_data(web::PayloadConfig::new(HTTP_BODY_BYTES_MAX))
                .configure(http::health::configure)
                .configure(http::pages::configure(about))
                .service(web::resource("/v1/request").route(web::post().to(http::requests::request)));
        },
    }
}

/// What the page may tell everybody.
fn about(config: &Config) -> http::pages::About {
    let registration = match config.registration.mode {
        RegistrationMode::Closed => "closed",
        RegistrationMode::Invite => "invite",
        RegistrationMode::Open => "open",
    };
    http::pages::About { registration, dev: config.server.dev }
}

async fn tick(monitor: Monitor, clock: Clock) {
    let mut interval = actix_web::rt::time::interval(MONITOR_TICK);
    loop {
        interval.tick().await;
        monitor.tick(clock.now());
    }
}

/// Where the server listens.
struct Urls {
    client: SocketAddr,
    operator: SocketAddr,
}

impl Urls {
    /// The only line on stdout.
    fn announce(&self) {
        let line = format!("highwater ready client=http://{} operator=http://{}\n", self.client, self.operator);
        let mut out = std::io::stdout();
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            tracing::warn!("the ready line could not be written to stdout");
        }
    }
}
