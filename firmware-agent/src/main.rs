//! `firmware-agent`: one simulated device, a fleet of them, or an image for them.
//!
//! Only command lines and exit codes here; the work is in `firmware_agent::host`. Exit codes:
//! 0 done, 1 refused, 2 usage, 3 unreachable, 4 bug.

use clap::{Args, Parser, Subcommand};
use firmware_agent::host::Error;
use firmware_agent::host::fleet::{self, Faults, FleetOptions, FleetSummary};
use firmware_agent::host::image::{self, Behavior, CHIP_TEST, ImageSpec};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::watch;

/// The device's side of firmware rollouts, on simulated hardware.
///
/// Devices enroll, check in, download, verify, ask leave, switch, prove themselves and report,
/// with the same agent that a board runs. Flash is a folder; killing the process is a power cut.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 1 refused, 2 usage, 3 unreachable.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one device until Ctrl-C.
    Run(Run),
    /// Run many devices in this process until Ctrl-C.
    Fleet(Fleet),
    /// Build a test image whose bytes say how devices fare with it.
    Image(Image),
}

/// What devices have in common.
#[derive(Args)]
struct Common {
    /// Base URL of the server.
    #[arg(long, value_name = "URL", env = "ROLLOUT_SERVER")]
    server: String,
    /// CA of the server, PEM; nobody else is trusted then. This machine's CAs are if absent.
    #[arg(long, value_name = "FILE", env = "ROLLOUT_CA")]
    ca: Option<PathBuf>,
    /// Folder for the state of the devices.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Root document (envelope) that the devices pin.
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// Image the devices leave the factory with; built here if none is given.
    #[arg(long, value_name = "FILE")]
    factory: Option<PathBuf>,
    /// Signed manifest of the factory image.
    #[arg(long, value_name = "FILE")]
    factory_manifest: Option<PathBuf>,
    /// Token with which new devices enroll.
    #[arg(long, value_name = "TOKEN", env = "ROLLOUT_ENROLL_TOKEN", hide_env_values = true)]
    enroll_token: Option<String>,
    /// Hardware model.
    #[arg(long, default_value = "sim-a1")]
    hardware: String,
    /// Product.
    #[arg(long, default_value = "thermostat")]
    product: String,
    /// Poll interval in milliseconds, in place of the server's.
    #[arg(long, value_name = "MS")]
    poll_ms: Option<u64>,
    /// Self-description, may be given more than once.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// Bytes of an image slot, a multiple of 4096.
    #[arg(long, default_value_t = fleet::SLOT_BYTES, value_name = "BYTES")]
    slot_bytes: u32,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    common: Common,
    /// The device's id.
    #[arg(long, value_name = "ID")]
    device: String,
}

#[derive(Args)]
struct Fleet {
    #[command(flatten)]
    common: Common,
    /// How many devices.
    #[arg(long, default_value_t = 100)]
    count: usize,
    /// Number of the first device.
    #[arg(long, default_value_t = 1)]
    first: usize,
    /// What precedes the number in a device's id.
    #[arg(long, default_value = "dev-")]
    prefix: String,
    /// Share of devices that fail the self-test of a new image.
    #[arg(long, default_value_t = 0.0, value_name = "0..1", value_parser = rate)]
    fail_rate: f64,
    /// Share of devices that go dark with a new image.
    #[arg(long, default_value_t = 0.0, value_name = "0..1", value_parser = rate)]
    brick_rate: f64,
    /// Share of devices that crash on trial of a new image.
    #[arg(long, default_value_t = 0.0, value_name = "0..1", value_parser = rate)]
    crash_rate: f64,
    /// Share of HTTP replies that get lost after the server has answered.
    #[arg(long, default_value_t = 0.0, value_name = "0..1", value_parser = rate)]
    drop_rate: f64,
    /// Determines who suffers which fault.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// HTTP requests under way at a time.
    #[arg(long, default_value_t = fleet::PARALLEL)]
    parallel: usize,
    /// Make the devices' folders and stop.
    #[arg(long)]
    provision_only: bool,
}

#[derive(Args)]
struct Image {
    /// Product.
    #[arg(long, default_value = "thermostat")]
    product: String,
    /// Version.
    #[arg(long = "image-version", value_name = "VERSION")]
    version: String,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Bytes, rounded up to a multiple of 16.
    #[arg(long, default_value_t = 64 * 1024)]
    size: usize,
    /// Hardware security counter.
    #[arg(long, default_value_t = 0)]
    secure_version: u32,
    /// Devices per million that fail its self-test.
    #[arg(long, default_value_t = 0)]
    fail_ppm: u32,
    /// Devices per million that go dark with it.
    #[arg(long, default_value_t = 0)]
    dark_ppm: u32,
    /// Devices per million that crash with it.
    #[arg(long, default_value_t = 0)]
    crash_ppm: u32,
    /// Draws its bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it must look like NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it must be a number")?;
    if (0.0..=1.0).contains(&rate) { Ok(rate) } else { Err("it must be from 0 to 1".to_owned()) }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Run(run) => run_device(&run),
        Command::Fleet(fleet) => run_fleet(&fleet),
        Command::Image(image) => build_image(&image),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn explain(error: &Error) {
    let mut text = format!("{}\n  × {error}\n", error.code());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!("  ╰─▶ {cause}\n"));
        source = cause.source();
    }
    text.push_str(&format!("  help: {}\n", error.hint()));
    // Nobody is left to tell if this fails.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn say(text: &str) {
    // A closed pipe is no reason to stop a fleet.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File {
        action: "read",
        path: path.to_path_buf(),
        source,
    })
}

fn options(common: &Common) -> Result<FleetOptions, Error> {
    let factory = match &common.factory {
        Some(path) => read(path)?,
        None => {
            let spec =
                ImageSpec { product: &common.product, size: 16 * 1024, ..ImageSpec::default() };
            image::build(&spec)
        }
    };
    let root = read(&common.root)?;
    let manifest = common.factory_manifest.as_deref().map(read).transpose()?;
    let mut options = FleetOptions::new(&common.server, &common.dir, root, factory);
    options.ca.clone_from(&common.ca);
    options.factory_manifest = manifest;
    options.enroll_token = common.enroll_token.clone().unwrap_or_default();
    options.hardware.clone_from(&common.hardware);
    options.product.clone_from(&common.product);
    options.poll = common.poll_ms.map(Duration::from_millis);
    options.attributes.clone_from(&common.attributes);
    options.slot_bytes = common.slot_bytes;
    Ok(options)
}

fn run_device(run: &Run) -> Result<(), Error> {
    let mut options = options(&run.common)?;
    // Without entropy every device would still differ by its id.
    options.seed = getrandom::u64().unwrap_or(1);
    fleet::provision_one(&options, &run.device)?;
    say(&format!("{} runs, state in {}", run.device, options.directory.display()));
    let id = run.device.clone();
    let summary = until_stopped(async |stop| {
        fleet::greet(&options).await?;
        fleet::run_one(&options, &id, stop).await
    })?;
    finish(&summary);
    Ok(())
}

fn run_fleet(fleet: &Fleet) -> Result<(), Error> {
    let mut options = options(&fleet.common)?;
    options.count = fleet.count;
    options.first_index = fleet.first;
    options.id_prefix.clone_from(&fleet.prefix);
    options.seed = fleet.seed;
    options.parallel = fleet.parallel;
    options.faults = Faults {
        fail: fleet.fail_rate,
        brick: fleet.brick_rate,
        crash: fleet.crash_rate,
        drop: fleet.drop_rate,
    };
    fleet::provision(&options)?;
    say(&format!("{} devices in {}", options.count, options.directory.display()));
    if fleet.provision_only {
        return Ok(());
    }
    let directory = options.directory.clone();
    let summary = until_stopped(async |stop| {
        fleet::greet(&options).await?;
        fleet::run(options.clone(), stop).await
    })?;
    finish(&summary);
    for (digest, count) in fleet::running(&directory)? {
        say(&format!("{count:>8} run {digest}"));
    }
    Ok(())
}

fn finish(summary: &FleetSummary) {
    let FleetSummary { devices, dark, broken, boots, requests, confirmed, returned } = summary;
    say(&format!(
        "{devices} devices, {boots} boots, {requests} requests: {confirmed} confirmed, \
         {returned} returned, {dark} dark, {broken} broken"
    ));
}

fn build_image(options: &Image) -> Result<(), Error> {
    let Image { fail_ppm, dark_ppm, crash_ppm, .. } = *options;
    let bytes = image::build(&ImageSpec {
        product: &options.product,
        version: &options.version,
        chip_id: CHIP_TEST,
        secure_version: options.secure_version,
        size: options.size,
        behavior: Behavior { fail_ppm, dark_ppm, crash_ppm },
        seed: options.seed,
    });
    let path = options.out.clone();
    std::fs::write(&path, &bytes).map_err(|source| Error::File {
        action: "write",
        path,
        source,
    })?;
    say(&format!("{} {} bytes", rollout_core::id::Digest::of(&bytes), bytes.len()));
    Ok(())
}

/// Runs until the work ends or Ctrl-C is pressed.
fn until_stopped(
    work: impl AsyncFnOnce(watch::Receiver<bool>) -> Result<FleetSummary, Error>,
) -> Result<FleetSummary, Error> {
    let runtime = tokio::runtime::Runtime::new().map_err(|source| Error::File {
        action: "start the runtime with",
        path: PathBuf::from("/dev/epoll"),
        source,
    })?;
    runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            let pressed = tokio::signal::ctrl_c().await;
            // Without a signal handler the fleet runs until it is killed.
            if pressed.is_err() {
                std::future::pending::<()>().await;
            }
            stop.send_replace(true);
        });
        work(stopped).await
    })
}
