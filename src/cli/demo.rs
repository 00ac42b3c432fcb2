//! `demo`: everything in one process, for a first look.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arguments::{Demo, Settings};
use super::failure::Failure;
use super::serve::{BUILD, failure, runtime, stop_signal};
use super::terminal;
use crate::app::demo;
use crate::app::ingest_thread::StateStorage;
use crate::app::overview;
use crate::app::serve::Service;
use crate::config::{self, Config, Flag};
use crate::edge::service_manager::ServiceManager;
use crate::simulation::Profile;

/// A first look needs no visitors from elsewhere.
const LISTEN: &str = "127.0.0.1:10047";
/// Time between two tables.
const TABLE_INTERVAL: Duration = Duration::from_secs(5);

pub fn run(settings: &Settings, arguments: &Demo) -> Result<ExitCode, Failure> {
    let desk = demo::start(&demo::Options {
        seed: arguments.seed,
        speed_up: arguments.speed_up,
        history: arguments.history,
    })
    .map_err(Failure::other)?;
    let config = configuration(settings, &desk)?;
    terminal::complain(&format!(
        "embedded broker at {}, topic {}: a support desk at {} times real time, {} events of \
         history",
        desk.bootstrap(),
        demo::TOPIC,
        arguments.speed_up,
        desk.history_events(),
    ));
    runtime()?.block_on(async {
        let service = Service::start(
            &config,
            BUILD,
            desk.clock(),
            StateStorage::InMemory,
            None,
            ServiceManager::default(),
        )
        .await
        .map_err(failure)?;
        for address in service.addresses() {
            terminal::complain(&format!(
                "landing page http://{address}/  metrics http://{address}{}  stop with Ctrl-C",
                config.web.path(config.web.telemetry_path.as_str())
            ));
        }
        let published = Arc::clone(service.published());
        let tables = tokio::spawn(async move {
            let started = Instant::now();
            loop {
                tokio::time::sleep(TABLE_INTERVAL).await;
                let report = published.view().kpis.map(|kpis| kpis.report());
                if let Some(overview) = report.and_then(|report| overview::recent(&report)) {
                    let seconds = started.elapsed().as_secs();
                    let table = overview::table(&overview);
                    // Where standard output is gone, the pages are still there.
                    let _ =
                        terminal::print(&format!("\n{seconds} s: {}\n{table}", overview.caption));
                }
            }
        });
        let result = service.run(stop_signal()?).await.map_err(failure);
        tables.abort();
        result
    })?;
    desk.stop();
    Ok(ExitCode::SUCCESS)
}

/// The desk's own configuration, on its broker; flags still win.
fn configuration(settings: &Settings, desk: &demo::RunningDesk) -> Result<Config, Failure> {
    let yaml = Profile::default().config_yaml();
    let mut flags = vec![
        Flag::set("kafka.brokers", desk.bootstrap()),
        Flag::set("kafka.topics", demo::TOPIC),
        Flag::set("web.listen", LISTEN),
    ];
    flags.extend(settings.flags());
    let file = std::path::Path::new("demo.yaml");
    config::load(Some(file), [], &flags, &mut |_| Ok(yaml.clone()))
        .map(|loaded| loaded.config)
        .map_err(Failure::configuration)
}
