//! Reads the command line and does what it says.

use std::{process::ExitCode, sync::Arc};

use highwater::{
    app::{self, ServeOptions},
    cli::{self, Command, Measuring, Serve},
    config::{Config, Sources},
    http,
};

/// Keeps idle connections small: it gives freed memory back, and bursts do not stay.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match cli::parse() {
        Command::Serve(serve) => run(serve),
        Command::CheckConfig(settings) => cli::check_config::run(settings),
        Command::Admin(admin) => cli::admin::run(admin),
        Command::Explain(explain) => cli::explain::run(&explain),
        Command::Audit(audit) => cli::audit::run(&audit),
        Command::OpenApi => cli::print_answer(&http::openapi::text()),
    }
}

fn run(serve: Serve) -> ExitCode {
    let Serve { settings, seeded_bug, measuring } = serve;
    let Measuring { null_store, no_counting, monitor_minute_ms } = measuring;
    let options = ServeOptions { seeded_bug, null_store, no_counting, monitor_minute_ms };
    let env: Vec<_> = std::env::vars_os().collect();
    let sources = Sources { file: settings.file, env, flags: settings.flags };
    let load = move || Config::load(sources.clone());
    match load() {
        Ok(loaded) => app::serve(loaded, Arc::new(load), options),
        Err(error) => {
            eprintln!("highwater: {}", cli::sentence(&error));
            ExitCode::FAILURE
        }
    }
}
