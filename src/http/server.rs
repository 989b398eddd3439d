//! The two ports: the clients' with its WebSocket upgrade, and the operator's.
//!
//! Neither handles signals: the composition root stops them through their handles.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_server::Server;
use actix_service::{fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

use super::upgrade::{self, Door, Opening};
use super::{development, headers, request_log};
use crate::actors::connection::Upward;
use crate::actors::sweeper::{MonotonicMs, Patience, Sweeper};
use crate::actors::transport::{TransportLimits, WorkerLinks};

/// Time for a client to send the head of its first request; then 408. A slow sender of headers costs a socket.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an idle HTTP connection is kept for another request.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long workers may take to finish requests after a stop, seconds. Source: of the 10 s that a stop may take; what was
/// asked before is answered by then, so this is for connections that do not end.
const SHUTDOWN_TIMEOUT_S: u64 = 2;

/// What the kernel may hold for a client that does not read, bytes (Linux doubles it for its bookkeeping). Left to
/// itself it grows to 4 MB per connection (Source: tcp(7), tcp_wmem), many times our own bound on queued bytes.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;

/// Threads of the operator's port. It serves one person and one scraper.
const OPERATOR_WORKERS: usize = 1;

/// Connections of the operator's port at a time; more wait. Source: of the descriptors that are reserved.
const OPERATOR_CONNECTIONS_MAX: usize = 64;

/// What the client port is made of, beside what each worker brings.
#[derive(Clone)]
pub struct ClientPort {
    /// Threads, each with its own connections.
    pub workers: usize,
    /// Connections of single requests at a time, of all workers. While there are more, no connection is accepted; each
    /// ends soon, since its requests have time limits.
    pub requests_max: usize,
    /// Limits of each connection.
    pub limits: TransportLimits,
    /// How long connections may be unauthenticated, silent, stalled.
    pub patience: Patience,
    /// Who may connect and how many.
    pub door: Arc<Door>,
    /// The clock that the sweepers read.
    pub clock: MonotonicMs,
}

/// What one worker serves: made once on each worker's thread.
pub struct WorkerParts<F, C> {
    /// Makes the receiver of each connection's messages.
    pub make_upward: F,
    /// Configures the HTTP application for everything that is not a WebSocket.
    pub configure: C,
}

/// Serves clients on a listener bound before. The server runs when it is polled and stops through its handle.
///
/// WebSockets are no requests to it: at a stop they are dropped with their worker. To end them in order, ask each
/// worker's [`WorkerLinks::close_all`] first and give the clients a moment, until [`Door::connections`] is 0.
///
/// `worker` is called once on each worker's thread and is given the list of that worker's connections.
///
/// # Errors
/// When the listener cannot be configured.
pub fn serve_clients<W, F, U, C>(listener: TcpListener, port: ClientPort, worker: W) -> io::Result<Server>
where
    W: Fn(&Rc<WorkerLinks>) -> WorkerParts<F, C> + Send + Clone + 'static,
    F: Fn(Opening) -> U + 'static,
    U: Upward,
    C: Fn(&mut ServiceConfig) + 'static,
{
    bound_send_buffers(&listener)?;
    let workers = port.workers;
    let address = listener.local_addr()?;
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(port.requests_max.div_ceil(workers))
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
        .listen("clients", listener, move || {
            let links = WorkerLinks::new(port.limits.clone());
            Sweeper::run(Rc::clone(&links), Arc::clone(&port.clock), port.patience);
            let WorkerParts { make_upward, configure } = worker(&links);
            let make_upward = Rc::new(make_upward);
            let door = Arc::clone(&port.door);
            let upgrade = fn_service(move |(request, framed)| {
                let serving = upgrade::serve(
                    request,
                    framed,
                    Arc::clone(&door),
                    Rc::clone(&links),
                    Rc::clone(&make_upward),
                );
                async move {
                    serving.await;
                    Ok::<_, actix_web::Error>(())
                }
            });
            let app = App::new()
                .wrap(from_fn(development::refuse_forwarded))
                .wrap(headers::safe())
                .wrap(from_fn(request_log::name))
                .configure(|config| configure(config));
            HttpService::build()
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(REQUEST_HEAD_TIMEOUT)
                .client_disconnect_timeout(REQUEST_HEAD_TIMEOUT)
                .tcp_nodelay(true)
                .local_addr(address)
                .upgrade(upgrade)
                .finish(map_config(app, |()| AppConfig::default()))
                .tcp()
        })?
        .run();
    Ok(server)
}

/// Serves the operator on a listener bound before. `configure` is called once on the port's thread.
///
/// # Errors
/// When the listener cannot be configured.
pub fn serve_operator<C>(listener: TcpListener, configure: C) -> io::Result<actix_web::dev::Server>
where
    C: Fn(&mut ServiceConfig) + Send + Clone + 'static,
{
    let app = move || {
        App::new().wrap(headers::safe()).wrap(from_fn(request_log::name)).configure(configure.clone())
    };
    let server = HttpServer::new(app)
        .workers(OPERATOR_WORKERS)
        .max_connections(OPERATOR_CONNECTIONS_MAX)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(REQUEST_HEAD_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(server)
}

/// Accepted sockets inherit the size from their listener.
fn bound_send_buffers(listener: &TcpListener) -> io::Result<()> {
    // The only safe way from a listener to its options here: a second descriptor of it, seen as an unconnected socket.
    let same_socket = TcpStream::from(OwnedFd::from(listener.try_clone()?));
    tokio::net::TcpSocket::from_std_stream(same_socket).set_send_buffer_size(SEND_BUFFER_BYTES)
}
