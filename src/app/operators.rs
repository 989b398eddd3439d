//! The operator's port put together: who is told of alarms, what is written down, what is looked at.

use std::{net::TcpListener, sync::Arc};

use actix_web::{dev::Server, web};

use super::{
    ServeOptions, StartFault, alarms, audit, clients, core::Core, mail, points, reloading::SettingsParts,
    reports, system,
};
use crate::{
    actors::{accounts::secret_hash, reporter::Reporting},
    config::Config,
    http::{
        self,
        health::Readiness,
        operator::{Operator, Setup},
        request_log::RequestLog,
        server::serve_operator,
        settings::ServerSettings,
    },
};

/// What runs on and around the port.
pub(super) struct Serving {
    /// The server of the port.
    pub(super) server: Server,
    /// What counts and judges while it serves.
    pub(super) counting: points::CountingParts,
    /// The settings, to be read again.
    pub(super) settings: Arc<ServerSettings>,
    /// What writes reports until it is dropped.
    pub(super) reporting: Option<Reporting>,
}

/// Puts it together; reports are written from now on.
pub(super) fn serve(
    config: &Config,
    listener: TcpListener,
    core: &Core,
    readiness: &Readiness,
    settings: SettingsParts,
    options: &ServeOptions,
) -> Result<Serving, StartFault> {
    let (services, minute_ms) = (&core.services, options.monitor_minute_ms);
    let minute_clock = system::minute_clock(&services.clock, minute_ms);
    let token = secret_hash(&core.secrets.operator_token);
    let mailer = mail::mailer(&config.mail, token, &minute_clock)?;
    let alarms = alarms::alarms(&config.alarms, mailer.clone(), &minute_clock, minute_ms, core)?;
    let alarms = Arc::new(alarms);
    let settings = settings.settings(config, core, &alarms);
    let around = (&core.points, &minute_clock);
    let every = points::tick(minute_ms);
    let reporting = reports::start(config, options, mailer.clone(), around, every)?;
    let audit =
        audit::open(config, options, &services.clock, &services.monitor).map_err(StartFault::Audit)?;
    actix_web::rt::spawn(audit::say_heads(Arc::clone(&audit)));
    let operator = Operator {
        services: Arc::clone(services),
        accounts: Arc::clone(&core.accounts),
        directory: core.directory.clone(),
        audit,
        settings: Arc::clone(&settings),
        alarms: Arc::clone(&alarms),
        mailer,
        exports: http::export::Exports::default(),
        points: Arc::clone(&core.points),
        minute_clock: minute_clock.clone(),
        host_ids: Arc::clone(&core.host_ids),
        token,
        setup: Setup::new(&core.secrets, config.server.data.clone()),
    };
    let server = listen(listener, operator, readiness, clients::request_log(core))?;
    let counting = points::CountingParts {
        points: Arc::clone(&core.points),
        alarms,
        clock: minute_clock,
        directory: config.server.data.clone(),
        services: Arc::clone(services),
        tick: every,
    };
    Ok(Serving { server, counting, settings, reporting })
}

fn listen(
    listener: TcpListener,
    operator: Operator,
    readiness: &Readiness,
    request_log: web::Data<RequestLog>,
) -> std::io::Result<Server> {
    let (operator, readiness) = (web::Data::new(operator), web::Data::new(readiness.clone()));
    serve_operator(listener, move |config| {
        config.app_data(operator.clone()).app_data(readiness.clone()).app_data(request_log.clone());
        config.configure(http::health::configure).configure(http::operator_routes::configure);
    })
}
