//! The binary `rolloutd`.

use clap::Parser as _;
use rolloutd::args::{Cli, Command, Serve, Where};
use rolloutd::certificates::Pair;
use rolloutd::config::{Config, Exposure};
use rolloutd::kill::KillAt;
use rolloutd::{init, serve};
use std::io::{IsTerminal as _, Write as _};
use std::pin::pin;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("ROLLOUT_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // Colors are for a person at a terminal who has not refused them.
    let colors = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colors);
    log.with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error)),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Prints the chain of causes; a refusal exits with 1.
fn fail(error: &anyhow::Error) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    let told = rolloutd::told(error);
    if let Some(told) = &told {
        let _ = writeln!(stderr, "{}", told.code);
    }
    let _ = writeln!(stderr, "  × {error}");
    for cause in error.chain().skip(1) {
        let _ = writeln!(stderr, "  ╰─▶ {cause}");
    }
    if let Some(told) = told {
        let _ = writeln!(stderr, "  help: {}", told.hint);
    }
    ExitCode::from(1)
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(args) => {
            let names = args.tls.map(|names| {
                let names = names.into_iter().map(|name| name.trim().to_owned());
                names.filter(|name| !name.is_empty()).collect::<Vec<_>>()
            });
            let made = init::init(&args.folder, &args.admin, names.as_deref()).await?;
            say(&init::told(&args.folder, &made))?;
        }
        Command::Serve(args) => serve_until_told(&args).await?,
        Command::Migrate(place) => {
            let config = load(&place)?;
            let database = serve::database(&config.data);
            // Not under the feet of a daemon. A folder that is not there is told by the store.
            let _lock =
                if config.data.is_dir() { Some(serve::lock(&config.data).await?) } else { None };
            drop(rollout_store::SqliteStore::open(&database)?);
            say(&format!("{} has this program's schema", database.display()))?;
        }
        Command::Check(place) => check(&load(&place)?).await?,
        #[cfg(feature = "demo")]
        Command::Demo(options) => return rolloutd::demo::run(&options).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn load(place: &Where) -> anyhow::Result<Config> {
    let exposure = if place.insecure { Exposure::Insecure } else { Exposure::Loopback };
    let overrides = rolloutd::config::environment().chain(place.overrides.iter().cloned());
    Ok(Config::load(Some(&place.config), overrides, exposure)?)
}

async fn serve_until_told(args: &Serve) -> anyhow::Result<()> {
    let config = load(&args.place)?;
    let serving = serve::listen(&config, KillAt::after(args.die_at)).await?;
    let scheme = |tls: &Option<Pair>| if tls.is_some() { "https" } else { "http" };
    let (operators, devices) = (scheme(&config.operators_tls), scheme(&config.devices_tls));
    say(&format!(
        "operators {operators}://{}\ndevices   {devices}://{}",
        serving.operators, serving.devices
    ))?;
    until_told(&serving).await?;
    tracing::info!("stopping");
    serving.stop().await?;
    Ok(())
}

async fn until_told(serving: &serve::Serving) -> std::io::Result<()> {
    let mut told = pin!(rolloutd::shutdown::told());
    if !serving.shows_certificates() {
        return told.await;
    }
    let mut hang_ups = rolloutd::shutdown::hang_ups()?;
    loop {
        tokio::select! {
            told = &mut told => return told,
            _ = hang_ups.recv() => serving.read_certificates_again(),
        }
    }
}

async fn check(config: &Config) -> anyhow::Result<()> {
    serve::certificates(config)?;
    if config.data.is_dir() {
        serve::private_folder(&config.data)?;
    }
    let fleet = rolloutd::engine::inspect(&serve::database(&config.data), &config.settings).await?;
    say(&format!(
        "settings and journal are good: {} entries, {} devices, {} releases, {} rollouts",
        fleet.read_to.0,
        fleet.devices.len(),
        fleet.releases.len(),
        fleet.rollouts.len()
    ))
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
