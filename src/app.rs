//! The only composition root: what is started, in which order, and stopped in reverse.
//!
//! Here, and nowhere else, are the system clock, randomness and the process's signals.

mod alarms;
mod audit;
mod clients;
mod core;
mod identity;
mod logging;
mod mail;
mod operators;
mod otlp;
mod points;
mod reloading;
mod reports;
mod stop;
mod store;
mod survey;
mod system;

use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
};

use self::{core::Core, reloading::SettingsParts};
use crate::{
    config::{Config, ConfigError, InForce},
    http::health::Readiness,
};

/// Exit code when a fault ends the process on purpose: it recovers at its next start. Source: sysexits.h, EX_SOFTWARE.
const EXIT_FAULT: i32 = 70;

/// What `serve` was told beside its configuration.
#[derive(Debug, Default)]
pub struct ServeOptions {
    /// Name of a seeded bug; only builds with the feature know any.
    pub seeded_bug: Option<String>,
    /// Commits return at once and nothing is kept: what the cost of storing is measured against.
    pub null_store: bool,
    /// Length of the minutes of minute points and alarms, ms, if not 60,000: for tests of what happens by the minute.
    pub monitor_minute_ms: Option<u32>,
    /// Next to nothing is counted: what the cost of counting is measured against.
    pub no_counting: bool,
}

/// Reads all settings once more, as they were read for the start.
pub type Reread = Arc<dyn Fn() -> Result<(Config, Vec<InForce>), ConfigError> + Send + Sync>;

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
    /// The limit of open files.
    #[error("the limit of open files is {limit} (ulimit -n); the server needs at least {least}")]
    Descriptors {
        /// What it is.
        limit: u64,
        /// What it must be.
        least: u64,
    },
    /// What is needed to believe the host app.
    #[error("the host app cannot be believed ([identity])")]
    Identity(#[from] identity::IdentityFault),
    /// What is needed to tell alarms.
    #[error("the alarms cannot be judged or told ([alarms])")]
    Alarms(#[source] alarms::AlarmsFault),
    /// The directory of the audit log.
    #[error("the audit log cannot be used")]
    Audit(#[source] crate::store::files::FileFault),
    /// The directory in which it is noted which reports were sent.
    #[error("the notes of reports cannot be used")]
    Reports(#[source] crate::store::files::FileFault),
    /// What is needed to write to operators.
    #[error("mail cannot be sent ([mail])")]
    Mail(#[from] mail::MailFault),
    /// What is needed to push metrics.
    #[error("metrics cannot be pushed ([otlp])")]
    Otlp(#[from] otlp::OtlpFault),
    /// The kinds of the configuration.
    #[error("the kinds of the configuration cannot be used: {0}")]
    Kinds(String),
}

/// Opens the files that the configuration names, as a start does, and nothing else.
///
/// # Errors
/// What is wrong with the first of them that is.
pub fn check_files(config: &Config) -> Result<(), StartFault> {
    identity::check_files(&config.identity)?;
    alarms::check_files(&config.alarms).map_err(StartFault::Alarms)?;
    mail::check_files(&config.mail)?;
    otlp::check_files(&config.otlp)?;
    Ok(())
}

/// Serves until a signal ends it, by settings that come with their sources; `reread` is what a reload reads.
pub fn serve((config, in_force): (Config, Vec<InForce>), reread: Reread, options: ServeOptions) -> ExitCode {
    let settings = SettingsParts { in_force, set_filter: logging::start(&config.log), reread };
    for caution in config.cautions() {
        tracing::warn!("{caution}");
    }
    logging::log_panics();
    let system = actix_web::rt::System::new();
    match system.block_on(run(&config, settings, options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "the server did not start");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: &Config, settings: SettingsParts, options: ServeOptions) -> Result<(), StartFault> {
    // Listening comes before the store: a wrong address is said before anything is opened.
    let clients = listen(config.client.listen)?;
    let operators = listen(config.operator.listen)?;
    let urls = Urls { client: clients.local_addr()?, operator: operators.local_addr()? };
    let room = system::room(config)?;
    alarms::check_files(&config.alarms).map_err(StartFault::Alarms)?;
    mail::check_files(&config.mail)?;
    otlp::check_files(&config.otlp)?;
    let core = Core::start(config, room, &options)?;
    let readiness = Readiness::default();
    let (client_server, door) = clients::serve(config, clients, room, &core, &readiness)?;
    let operators::Serving { server: operator_server, counting, settings, reporting } =
        operators::serve(config, operators, &core, &readiness, settings, &options)?;
    let (client_handle, operator_handle) = (client_server.handle(), operator_server.handle());
    let serving = actix_web::rt::spawn(client_server);
    let operating = actix_web::rt::spawn(operator_server);
    let services = Arc::clone(&core.services);
    let counting = points::Counting::start(counting);
    #[cfg(feature = "otlp")]
    let pushing = otlp::Pushing::start(&config.otlp, &services)?;

    if let Some(host_app) = core.host_app.clone() {
        actix_web::rt::spawn(host_app.keep_fresh());
    }

    let signals = stop::Signals::new()?;
    actix_web::rt::spawn(stop::Hangups::new()?.reload(settings));
    store::write_operator_url(&config.server.data, urls.operator);
    readiness.set(true);
    urls.announce();
    signals.received().await;
    tracing::info!("stopping: no new work is taken");
    drop(reporting);
    readiness.set(false);
    services.waiters.close();
    stop::drain(&services.intake, &services.unanswered, &services.ports, &door).await;
    futures_util::future::join(client_handle.stop(true), operator_handle.stop(true)).await;
    counting.stop().await;
    #[cfg(feature = "otlp")]
    if let Some(pushing) = pushing {
        pushing.stop().await;
    }
    core.stop().await;
    serving.abort();
    operating.abort();
    tracing::info!("stopped");
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartFault> {
    TcpListener::bind(address).map_err(|source| StartFault::Listen { address, source })
}

/// Where the server listens.
struct Urls {
    client: SocketAddr,
    operator: SocketAddr,
}

impl Urls {
    /// The only line on stdout.
    fn announce(&self) {
        let line =
            format!("highwater ready client=http://{} operator=http://{}\n", self.client, self.operator);
        let mut out = std::io::stdout();
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            tracing::warn!("the ready line could not be written to stdout");
        }
    }
}
