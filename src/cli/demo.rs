//! `demo`: broker, simulated helpdesk and exporter in one process.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arguments::{CommandLineSettings, DemoArguments};
use super::failure::{CommandFailure, CommandResult};
use super::serve::{failure, runtime, stop_signal};
use super::terminal;
use super::version::BUILD;
use crate::app::demo;
use crate::app::ingest_thread::StateStorage;
use crate::app::overview;
use crate::app::serve::Service;
use crate::config::{self, Config, Flag};
use crate::edge::service_manager::ServiceManager;
use crate::simulation::Profile;

/// Only this machine can connect: the demo has no login.
const LISTEN: &str = "127.0.0.1:10047";
/// Time between two tables.
const TABLE_INTERVAL: Duration = Duration::from_secs(5);

pub fn run(settings: &CommandLineSettings, arguments: &DemoArguments) -> CommandResult {
    let helpdesk = demo::start(&demo::DemoOptions {
        seed: arguments.seed,
        speed_up: arguments.speed_up,
        history: arguments.history,
    })
    .map_err(CommandFailure::other)?;
    let config = configuration(settings, &helpdesk)?;
    terminal::notify(&format!(
        "embedded broker at {}, topic {}: a simulated helpdesk at {} times real time, {} events of \
         history",
        helpdesk.bootstrap(),
        demo::TOPIC,
        arguments.speed_up,
        helpdesk.history_events(),
    ));
    runtime()?.block_on(async {
        let service = Service::start(
            &config,
            BUILD,
            helpdesk.clock(),
            StateStorage::InMemory,
            None,
            ServiceManager::default(),
        )
        .await
        .map_err(failure)?;
        for address in service.addresses() {
            terminal::notify(&format!(
                "landing page http://{address}/  metrics http://{address}{}  stop with Ctrl-C",
                config.web.path(config.web.telemetry_path.as_str())
            ));
            terminal::notify(&backfill_hint(&helpdesk.bootstrap(), address));
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
                    // If standard output is closed, the web pages still show the numbers.
                    let _ =
                        terminal::print(&format!("\n{seconds} s: {}\n{table}", overview.caption));
                }
            }
        });
        let result = service.run(stop_signal()?).await.map_err(failure);
        tables.abort();
        result
    })?;
    helpdesk.stop();
    Ok(ExitCode::SUCCESS)
}

/// The commands that write the history into a Prometheus, so that all dashboards are full.
fn backfill_hint(broker: &str, address: std::net::SocketAddr) -> String {
    format!(
        "to write the history into the directory of a Prometheus, before it starts:\n  \
         ticket-exporter simulate --print-config > demo.yaml\n  \
         ticket-exporter backfill --config.file demo.yaml --set kafka.brokers={broker} \
         --label job=ticket-exporter --label instance=localhost:{} --blocks DIRECTORY",
        address.port()
    )
}

/// The configuration of the helpdesk, with the address of its broker. Flags override both.
fn configuration(
    settings: &CommandLineSettings,
    helpdesk: &demo::RunningDemo,
) -> CommandResult<Config> {
    let yaml = Profile::default().config_yaml();
    let mut flags = vec![
        Flag::set("kafka.brokers", helpdesk.bootstrap()),
        Flag::set("kafka.topics", demo::TOPIC),
        Flag::set("web.listen", LISTEN),
    ];
    flags.extend(settings.flags());
    let file = std::path::Path::new("demo.yaml");
    config::load(Some(file), [], &flags, &mut |_| Ok(yaml.clone()))
        .map(|loaded| loaded.config)
        .map_err(CommandFailure::configuration)
}
