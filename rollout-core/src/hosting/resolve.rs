//! From a device to its home, its release and its binding.
//!
//! The one place that says whether a release may go to a device as far as backends are concerned,
//! and why not. Invariant: a release is given only with a binding that serves all of its contract.
//! Deliberately not here: which release a device should run (rollouts decide), and cohorts.

use super::{Binding, Contract, Home, HomeId, HostedVersion, Hosting, Requirement, ServiceName};
use crate::cohort::nearest;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

/// What must be known of a device to find its backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceFacts {
    /// The home it belongs to; `None` for one that was never given any.
    pub home: Option<HomeId>,
    /// The contract of the image it runs; `None` if that is not known.
    pub speaks: Option<Contract>,
}

/// A release that a device should run, if its backend is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wanted<'c, R> {
    /// The release.
    pub release: R,
    /// What it needs.
    pub contract: &'c Contract,
}

/// Where a device belongs and what it is to run and use there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target<R> {
    /// The home.
    pub home: HomeId,
    /// The release, or why it is withheld.
    pub release: TargetRelease<R>,
    /// What to use: with an admissible release what serves that release, else what serves the
    /// image that runs, as far as it is hosted.
    pub binding: Binding,
}

/// What a device is to run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetRelease<R> {
    /// What it runs.
    Unchanged,
    /// This release; its contract is hosted.
    Admissible(R),
    /// Not this release: its contract is not hosted.
    Withheld(R, NotHosted),
}

/// Why a contract cannot be served in a home.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NotHosted {
    /// There is no such home.
    NoSuchHome {
        /// The name.
        home: HomeId,
        /// The home that was probably meant.
        near: Option<HomeId>,
    },
    /// The home hosts no version that will do.
    NoVersion {
        /// The home.
        home: HomeId,
        /// The first requirement, by service, that is not met.
        requirement: Box<Requirement>,
        /// What is hosted instead.
        nearest: Hosted,
    },
}

/// What comes nearest to a requirement that is not met.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hosted {
    /// A version of the service; it would do if its home is another one, or it is only close.
    Version(semver::Version, HomeId),
    /// The service is hosted nowhere; this one has a similar name.
    Service(ServiceName),
    /// Nothing is like it.
    Nothing,
}

impl core::error::Error for NotHosted {}

impl fmt::Display for NotHosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchHome { home, near: None } => write!(f, "there is no home {home}"),
            Self::NoSuchHome { home, near: Some(near) } => {
                write!(f, "there is no home {home}; nearest is {near}")
            }
            Self::NoVersion { home, requirement, nearest } => {
                write!(f, "no home in {home} hosts {requirement}; ")?;
                let service = &requirement.service;
                match nearest {
                    Hosted::Version(version, home) => {
                        write!(f, "nearest is {service} {version} in {home}")
                    }
                    Hosted::Service(other) => {
                        write!(f, "{service} is hosted nowhere, nearest is {other}")
                    }
                    Hosted::Nothing => write!(f, "{service} is hosted nowhere"),
                }
            }
        }
    }
}

impl NotHosted {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchHome { .. } => "HO-020",
            Self::NoVersion { .. } => "HO-021",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchHome { .. } => "add the home, or move its devices to another one",
            Self::NoVersion { .. } => "host such a version in that home first, then offer again",
        }
    }
}

/// Finds the home, the release and the binding of a device. Total: a device whose home is unknown
/// or gone belongs to the default home.
//= design §4.8: a release that requires an unhosted contract is not offered
pub fn resolve<R>(
    device: &DeviceFacts,
    wanted: Option<Wanted<'_, R>>,
    hosting: &Hosting,
) -> Target<R> {
    let known = device.home.as_ref().and_then(|id| hosting.home(id));
    let home = known.unwrap_or(hosting.default_home());
    let id = home.id.clone();
    let present = || bind(home, present_services(device, home, hosting));
    let Some(Wanted { release, contract }) = wanted else {
        return Target { home: id, release: TargetRelease::Unchanged, binding: present() };
    };
    match services(contract, home, hosting) {
        Ok(services) => {
            let release = TargetRelease::Admissible(release);
            Target { home: id, release, binding: bind(home, services) }
        }
        Err(why) => {
            let release = TargetRelease::Withheld(release, why);
            Target { home: id, release, binding: present() }
        }
    }
}

/// The binding that serves a contract in a home: of each service the highest version that will do.
///
/// # Errors
/// [`NotHosted`] with the first requirement that is not met, and what comes nearest.
pub fn admissible(
    contract: &Contract,
    home: &HomeId,
    hosting: &Hosting,
) -> Result<Binding, NotHosted> {
    let Some(known) = hosting.home(home) else {
        let names = hosting.homes().iter().map(|home| home.id.as_str());
        let near = nearest(home.as_str(), names).map(|name| HomeId(name.into()));
        return Err(NotHosted::NoSuchHome { home: home.clone(), near });
    };
    Ok(bind(known, services(contract, known, hosting)?))
}

fn bind(home: &Home, services: Vec<HostedVersion>) -> Binding {
    Binding {
        generation: home.generation,
        home: home.id.clone(),
        endpoint: home.endpoint.clone(),
        services,
        poll_secs: home.poll_secs,
    }
}

fn services(
    contract: &Contract,
    home: &Home,
    hosting: &Hosting,
) -> Result<Vec<HostedVersion>, NotHosted> {
    let each = contract.requirements().iter().map(|requirement| {
        best(requirement, home, hosting).cloned().ok_or_else(|| NotHosted::NoVersion {
            home: home.id.clone(),
            requirement: Box::new(requirement.clone()),
            nearest: closest(requirement, home, hosting),
        })
    });
    each.collect()
}

/// What serves the image that runs, as far as it is hosted; the newest of everything if its
/// contract is not known, up to what a binding carries.
fn present_services(device: &DeviceFacts, home: &Home, hosting: &Hosting) -> Vec<HostedVersion> {
    if let Some(contract) = &device.speaks {
        let met = contract.requirements().iter();
        return met.filter_map(|one| best(one, home, hosting)).cloned().collect();
    }
    let mut newest: Vec<HostedVersion> = Vec::new();
    for one in hosting.hosted().iter().filter(|one| one.home == home.id) {
        match newest.last_mut() {
            Some(last) if last.service == one.service => *last = one.clone(),
            Some(_) | None => newest.push(one.clone()),
        }
    }
    newest.truncate(crate::limits::SERVICES);
    newest
}

fn best<'h>(
    requirement: &Requirement,
    home: &Home,
    hosting: &'h Hosting,
) -> Option<&'h HostedVersion> {
    let here = hosting.hosted().iter().filter(|one| one.home == home.id);
    here.filter(|one| meets(one, requirement)).max_by(|a, b| a.version.cmp(&b.version))
}

fn meets(one: &HostedVersion, requirement: &Requirement) -> bool {
    one.service == requirement.service && requirement.range.matches(&one.version)
}

/// A version that would do, though in another home; else the closest one, this home first.
fn closest(requirement: &Requirement, home: &Home, hosting: &Hosting) -> Hosted {
    let anchor = requirement.range.comparators.first().map_or((0, 0, 0), |comparator| {
        (comparator.major, comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0))
    });
    let rank = |one: &&HostedVersion| {
        let version = &one.version;
        (
            !meets(one, requirement),
            one.home != home.id,
            version.major.abs_diff(anchor.0),
            version.minor.abs_diff(anchor.1),
            version.patch.abs_diff(anchor.2),
            Reverse(version.clone()),
        )
    };
    let same = hosting.hosted().iter().filter(|one| one.service == requirement.service);
    if let Some(one) = same.min_by_key(rank) {
        return Hosted::Version(one.version.clone(), one.home.clone());
    }
    let names = hosting.hosted().iter().map(|one| one.service.as_str());
    nearest(requirement.service.as_str(), names)
        .map_or(Hosted::Nothing, |name| Hosted::Service(ServiceName(name.into())))
}

#[cfg(test)]
mod tests {
    use super::super::{BindingGeneration, Endpoint};
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec;

    fn hosting() -> Hosting {
        let endpoint = |text: &str| Endpoint(text.into());
        let home = |id: &str| Home {
            id: HomeId(id.into()),
            endpoint: endpoint("https://control.example"),
            generation: BindingGeneration(7),
            poll_secs: 600,
        };
        let one = |service: &str, version: (u64, u64, u64), home: &str| HostedVersion {
            service: ServiceName(service.into()),
            version: semver::Version::new(version.0, version.1, version.2),
            home: HomeId(home.into()),
            endpoints: vec![endpoint("https://api.example")],
        };
        let hosted = vec![
            one("api", (2, 0, 3), "eu-west"),
            one("api", (1, 9, 0), "eu-west"),
            one("push", (1, 4, 0), "eu-west"),
            one("push", (2, 0, 0), "eu-west"),
            one("api", (2, 1, 4), "us-east"),
        ];
        Hosting::new(vec![home("eu-west"), home("us-east")], hosted)
            .unwrap_or_else(|_| Hosting::single(endpoint("http://broken")))
    }

    fn judge(contract: &str, home: &str) -> String {
        let contract = Contract::parse(contract).unwrap_or_default();
        match admissible(&contract, &HomeId(home.into()), &hosting()) {
            Ok(binding) => words(&binding.services),
            Err(why) => why.to_string(),
        }
    }

    fn words(services: &[HostedVersion]) -> String {
        let each = services.iter().map(|one| alloc::format!("{} {}", one.service, one.version));
        each.collect::<Vec<_>>().join(";")
    }

    #[test]
    fn a_contract_is_hosted_or_its_nearest_is_named() {
        for (contract, home, says) in [
            ("api ^2", "eu-west", "api 2.0.3"),
            ("api >=1;push >=1,<3", "eu-west", "api 2.0.3;push 2.0.0"),
            ("push ^1", "eu-west", "push 1.4.0"),
            (
                "api ^2.1",
                "eu-west",
                "no home in eu-west hosts api ^2.1; nearest is api 2.1.4 in us-east",
            ),
            (
                "api ^3",
                "eu-west",
                "no home in eu-west hosts api ^3; nearest is api 2.0.3 in eu-west",
            ),
            (
                "api ^1.8.1;pusj 1",
                "eu-west",
                "no home in eu-west hosts pusj ^1; pusj is hosted nowhere, nearest is push",
            ),
            (
                "telemetry 1",
                "us-east",
                "no home in us-east hosts telemetry ^1; telemetry is hosted nowhere",
            ),
            ("api ^2", "eu-wset", "there is no home eu-wset; nearest is eu-west"),
            ("api ^2", "mars", "there is no home mars"),
        ] {
            assert_eq!(judge(contract, home), says, "{contract} {home}");
        }
    }

    #[test]
    fn a_withheld_release_leaves_the_present_binding() {
        let speaks = Contract::parse("api ^1").ok();
        let device = DeviceFacts { home: Some(HomeId("eu-west".into())), speaks };
        let new = Contract::parse("api ^2").unwrap_or_default();
        let unhosted = Contract::parse("api ^3").unwrap_or_default();
        for (contract, bound) in
            [(None, "api 1.9.0"), (Some(&new), "api 2.0.3"), (Some(&unhosted), "api 1.9.0")]
        {
            let wanted = contract.map(|contract| Wanted { release: "2.4.1", contract });
            let target = resolve(&device, wanted, &hosting());
            assert_eq!(words(&target.binding.services), bound);
            let given = matches!(target.release, TargetRelease::Admissible(_));
            assert_eq!(given, contract == Some(&new));
            assert_eq!((target.binding.generation.0, target.binding.poll_secs), (7, 600));
        }
    }

    #[test]
    fn a_device_without_a_home_belongs_to_the_default() {
        for home in [None, Some(HomeId("gone".into()))] {
            let device = DeviceFacts { home, speaks: None };
            let target = resolve::<()>(&device, None, &hosting());
            assert_eq!(target.home, hosting().default_home().id);
            assert_eq!(target.home, target.binding.home);
            assert_eq!(words(&target.binding.services), "api 2.0.3;push 2.0.0");
        }
    }

    #[test]
    fn an_empty_contract_is_served_everywhere() {
        assert!(admissible(&Contract::default(), &HomeId("us-east".into()), &hosting()).is_ok());
    }
}
