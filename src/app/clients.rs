//! The client port put together: what each worker starts, and how its connections and requests are received.

use std::{
    io,
    net::TcpListener,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix::Actor;
use actix_web::web;

use super::{core::Core, system};
use crate::{
    actors::{
        accounts::Accounts,
        directory::Directory,
        hub::Hub,
        ports::{Ports, WorkerId},
        reception::{Lobby, Reception},
        sweeper::Patience,
        transport::{TransportLimits, WorkerLinks},
        user::UserServices,
    },
    config::Config,
    http::{
        self,
        development::Development,
        health::Readiness,
        request_id::RequestIds,
        request_log::RequestLog,
        requests::Client,
        server::{ClientPort, WorkerParts, serve_clients},
        upgrade::{Door, Opening},
    },
    model::limits,
};

/// The server of the client port, to be run, and its door.
pub(super) fn serve(
    config: &Config,
    listener: TcpListener,
    room: system::Room,
    core: &Core,
    readiness: &Readiness,
) -> io::Result<(actix_server::Server, Arc<Door>)> {
    let door = Door::new(config.client.origins.clone(), room.connections_max);
    let door = if config.server.dev { door.for_development() } else { door };
    let parts = LobbyParts {
        accounts: Arc::clone(&core.accounts),
        exports: http::export::Exports::default(),
        services: Arc::clone(&core.services),
        directory: core.directory.clone(),
        ports: core.services.ports.clone(),
        readiness: readiness.clone(),
        development: config.server.dev,
        next_worker: Arc::new(AtomicUsize::new(0)),
        door: Arc::clone(&door),
        compares: config.client.compares,
        request_log: request_log(core),
    };
    let port = client_port(config, room, core, &door);
    let server = serve_clients(listener, port, move |links| worker(&parts, links))?;
    Ok((server, door))
}

/// What names the requests of a port in the log.
pub(super) fn request_log(core: &Core) -> web::Data<RequestLog> {
    let (ids, clock) = (RequestIds::new(system::random()), core.services.clock.clone());
    web::Data::new(RequestLog { ids, clock })
}

fn client_port(config: &Config, room: system::Room, core: &Core, door: &Arc<Door>) -> ClientPort {
    let clock = core.services.clock.clone();
    ClientPort {
        workers: core.services.ports.workers(),
        requests_max: room.requests_max,
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
    exports: http::export::Exports,
    services: Arc<UserServices>,
    directory: Directory,
    ports: Ports,
    readiness: Readiness,
    development: bool,
    next_worker: Arc<AtomicUsize>,
    door: Arc<Door>,
    compares: bool,
    request_log: web::Data<RequestLog>,
}

/// Starts a worker's hub and says how its connections and requests are received.
fn worker(
    parts: &LobbyParts,
    links: &Rc<WorkerLinks>,
) -> WorkerParts<impl Fn(Opening) -> Reception + use<>, impl Fn(&mut web::ServiceConfig) + use<>> {
    let number = parts.next_worker.fetch_add(1, Ordering::Relaxed) % parts.ports.workers();
    let worker = WorkerId(number);
    let hub = Hub::new(
        worker,
        parts.ports.clone(),
        parts.directory.clone(),
        Arc::clone(&parts.services),
        Arc::clone(&parts.accounts),
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
        door: Arc::clone(&parts.door),
        exports: parts.exports.clone(),
        accounts: Arc::clone(&parts.accounts),
        services: Arc::clone(&parts.services),
        compares: parts.compares,
    });
    let readiness = web::Data::new(parts.readiness.clone());
    let development = web::Data::new(Development(parts.development));
    let request_log = parts.request_log.clone();
    let (accounts, dev) = (Arc::clone(&parts.accounts), parts.development);
    let about = move || http::pages::About { registration: accounts.registration().name(), dev };
    WorkerParts {
        make_upward: move |opening: Opening| {
            Reception::new(Rc::clone(&lobby), opening.encoding, opening.peer.map(|peer| peer.ip()))
        },
        configure: move |config: &mut web::ServiceConfig| {
            config
                .app_data(client.clone())
                .app_data(readiness.clone())
                .app_data(development.clone())
                .app_data(request_log.clone())
                .configure(http::health::configure)
                .configure(http::pages::configure(about.clone()))
                .service(web::resource("/v1/request").route(web::post().to(http::requests::request)))
                .service(web::resource("/v1/export").route(web::get().to(http::export::of_oneself)))
                .service(web::resource(http::upgrade::PATH).to(http::upgrade::not_upgraded));
        },
    }
}
