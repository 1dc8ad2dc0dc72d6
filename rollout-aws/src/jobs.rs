//! Tranches as snapshot jobs.
//!
//! One tranche is one job, whose id is derived from the tranche's key; a job that exists already
//! is compared by a hash of its targets and document. Invariants: no job has more targets than
//! the service takes; a repeated offer of the same tranche is a success, of another one a refusal.

use crate::api::{IotApi, NewJob};
use crate::error::{IotError, Kind};
use rollout_core::id::{DeviceId, Digest};
use rollout_core::port::{Carried, DeviceGateway, GatewayError};
use std::collections::BTreeMap;

/// Most targets of one job.
//= AWS IoT Jobs: CreateJob targets
pub const TARGETS: usize = 100;
/// Longest job id that is taken over from a key, in bytes; the service takes 64.
const ID_BYTES: usize = 56;
/// Ids that clash with MQTT topics.
const RESERVED: [&str; 4] = ["get", "start-next", "notify", "notify-next"];
/// Begins ids of keys that cannot be ids themselves; no other id begins so.
const HASHED: &str = "k-";
/// Minutes a device may take, before which our own deadline has come: the service's longest.
const TIMEOUT_MINUTES: u32 = 10_080;

/// What the carrier calls our devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Things {
    arn_prefix: String,
    name_of: BTreeMap<DeviceId, String>,
    device_of: BTreeMap<String, DeviceId>,
}

impl Things {
    /// Things of one account and region, named as their devices.
    pub fn new(region: &str, account: &str) -> Self {
        let arn_prefix = format!("arn:aws:iot:{region}:{account}:thing/");
        Self { arn_prefix, name_of: BTreeMap::new(), device_of: BTreeMap::new() }
    }

    /// Stores that a device is called otherwise there.
    #[must_use]
    pub fn with_name(mut self, device: DeviceId, thing: &str) -> Self {
        self.device_of.insert(thing.into(), device.clone());
        self.name_of.insert(device, thing.into());
        self
    }

    /// The thing's ARN; `None` if the device's id is no thing name and no other is stored, or if
    /// the name would lead back to another device.
    //= AWS IoT: a thing name has no dots
    pub fn arn(&self, device: &DeviceId) -> Option<String> {
        let own = Some(device.as_str()).filter(|id| !id.contains('.'));
        let name = self.name_of.get(device).map(String::as_str).or(own)?;
        let arn = format!("{}{name}", self.arn_prefix);
        (self.device(&arn)? == *device).then_some(arn)
    }

    /// The device behind an ARN; `None` if it is none of ours.
    pub fn device(&self, arn: &str) -> Option<DeviceId> {
        let name = arn.strip_prefix(&self.arn_prefix)?;
        self.device_of.get(name).cloned().or_else(|| DeviceId::new(name).ok())
    }
}

/// The job id of a tranche: its key where that can be one, else a hash of it.
pub fn job_id(key: &str) -> String {
    let form = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    let usable = (1..=ID_BYTES).contains(&key.len())
        && key.bytes().all(form)
        && !RESERVED.contains(&key)
        && !key.starts_with(HASHED);
    if usable { key.into() } else { format!("{HASHED}{}", short_hash(key)) }
}

/// 160 bits of a SHA-256, as 40 digits.
fn short_hash(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()[..40].into()
}

/// Offers by AWS IoT Jobs.
pub struct JobsGateway<F> {
    api: F,
    things: Things,
}

impl<F: IotApi> JobsGateway<F> {
    /// Over an API, for the things of one home.
    pub fn new(api: F, things: Things) -> Self {
        Self { api, things }
    }

    /// The API itself.
    pub fn api(&self) -> &F {
        &self.api
    }

    fn job(&self, key: &str, devices: &[DeviceId], document: &str) -> Result<NewJob, GatewayError> {
        if devices.len() > TARGETS {
            let why = format!("{} devices, a job takes {TARGETS}", devices.len());
            return Err(GatewayError::Refused(why));
        }
        let unnamed = |device: &DeviceId| {
            GatewayError::Refused(format!("{device} is no thing name, and none is stored"))
        };
        let arn = |device| self.things.arn(device).ok_or_else(|| unnamed(device));
        let mut targets = devices.iter().map(arn).collect::<Result<Vec<_>, _>>()?;
        targets.sort();
        targets.dedup();
        let named = format!("{}\n{document}", targets.join("\n"));
        let description = format!("tranche {}", short_hash(&named));
        let (id, document) = (job_id(key), document.into());
        Ok(NewJob { id, targets, document, description, timeout_minutes: TIMEOUT_MINUTES })
    }

    /// After a lost reply or a restart: the job that exists is ours if it is the same.
    async fn compare(&self, job: &NewJob) -> Result<(), GatewayError> {
        let found = self.api.describe_job(&job.id).await?;
        if found.description == job.description {
            return Ok(());
        }
        let why = format!("job {} exists with other targets or another document", job.id);
        Err(GatewayError::Refused(why))
    }
}

/// `None` if there is no such job: a tranche that was never offered.
fn known<T>(answer: Result<T, IotError>) -> Result<Option<T>, GatewayError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::Missing => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl<F: IotApi> DeviceGateway for JobsGateway<F> {
    async fn offer(
        &self,
        key: &str,
        devices: &[DeviceId],
        document: &str,
    ) -> Result<(), GatewayError> {
        let job = self.job(key, devices, document)?;
        if job.targets.is_empty() {
            return Ok(());
        }
        match self.api.create_job(&job).await {
            Err(error) if error.kind == Kind::Exists => self.compare(&job).await,
            answer => Ok(answer?),
        }
    }

    async fn revoke(&self, key: &str) -> Result<(), GatewayError> {
        match self.api.cancel_job(&job_id(key)).await {
            // Over or canceled already: nothing of it is queued.
            Err(error) if error.kind == Kind::State => Ok(()),
            answer => known(answer).map(|_| ()),
        }
    }

    async fn reconcile(&self, key: &str) -> Result<Vec<Carried>, GatewayError> {
        let id = job_id(key);
        let (mut carried, mut next) = (Vec::new(), None);
        // Every page but the last has an execution at least, and a job has at most so many.
        for _ in 0..=TARGETS {
            let page = self.api.list_executions(&id, next.as_deref()).await;
            let Some(page) = known(page)? else { return Ok(carried) };
            for execution in page.executions {
                let Some(device) = self.things.device(&execution.thing) else {
                    let why = format!("{} is none of our things", execution.thing);
                    return Err(GatewayError::Refused(why));
                };
                carried.push(Carried { device, status: execution.status.of_core() });
            }
            match page.next {
                Some(after) => next = Some(after),
                None => return Ok(carried),
            }
        }
        Err(GatewayError::Transient(format!("the executions of {id} do not end")))
    }
}
