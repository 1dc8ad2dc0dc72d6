//! Which backend serves a device, and whether a firmware's contract is hosted there.
//!
//! Several homes, each hosting several service versions, live side by side; every device is bound
//! to one home. Invariants: a [`Hosting`] has a default home, every hosted version is in a home it
//! knows, and no two are the same; a release is admissible exactly if a binding can be named that
//! serves its whole contract.
//!
//! Deliberately not here: what a home means to a carrier (accounts, regions: the adapters), the
//! signed binding document (trust), and which versions must stay hosted for whom.

mod contract;
mod resolve;

pub use contract::{Contract, ContractError, Requirement};
pub use resolve::{DeviceFacts, Hosted, NotHosted, Target, TargetRelease, Wanted};
pub use resolve::{admissible, resolve};

use crate::id::IdError;
use crate::limits;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks the text and wraps it.
            ///
            /// # Errors
            /// [`IdError`] if the text is not of the form this name has.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if $check(text) {
                    return Ok(Self(text.into()));
                }
                Err(IdError { kind: $kind, text: text.chars().take(160).collect(), rule: $rule })
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

name!(
    /// A home: what stands behind one account, region and endpoint.
    HomeId, "home", is_home, "1 to 32 bytes of a-z 0-9 -"
);
name!(
    /// A service that firmware talks to.
    ServiceName, "service", is_home, "1 to 32 bytes of a-z 0-9 -"
);
name!(
    /// Where a service answers.
    Endpoint, "endpoint", is_endpoint, "`scheme://…`, at most 128 visible ASCII characters"
);

fn is_home(text: &str) -> bool {
    (1..=limits::HOME_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_endpoint(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    text.len() <= limits::ENDPOINT_BYTES
        && !scheme.is_empty()
        && !rest.is_empty()
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'+')
        && rest.bytes().all(|b| b.is_ascii_graphic())
}

/// The order of bindings: a device takes only a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingGeneration(pub u64);

/// A home and how devices reach its control plane.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Home {
    /// Its name.
    pub id: HomeId,
    /// Its control plane: where a device checks in.
    pub endpoint: Endpoint,
    /// Rises with every change of what devices of this home are told.
    pub generation: BindingGeneration,
    /// How often a device checks in, in seconds, at least 1.
    pub poll_secs: u32,
}

/// A service version that is up in a home.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostedVersion {
    /// The service.
    pub service: ServiceName,
    /// Which version of it.
    pub version: semver::Version,
    /// Where.
    pub home: HomeId,
    /// How it is reached, in the order to try: 1 to 3.
    pub endpoints: Vec<Endpoint>,
}

/// What a device is to use: one home, its control plane, and one version of each service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// Its place in the order of bindings.
    pub generation: BindingGeneration,
    /// The home.
    pub home: HomeId,
    /// The control plane.
    pub endpoint: Endpoint,
    /// The services, by name, each once.
    pub services: Vec<HostedVersion>,
    /// How often to check in, in seconds.
    pub poll_secs: u32,
}

/// All homes and everything hosted in them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hosting {
    homes: Vec<Home>,
    hosted: Vec<HostedVersion>,
}

/// Why homes and versions do not make a [`Hosting`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostingError {
    /// There is no home.
    #[error("there is no home; a device must have one to check in")]
    NoHome,
    /// A home is named twice.
    #[error("the home {0} is named twice")]
    HomeTwice(HomeId),
    /// A home asks its devices to check in without pause.
    #[error("the home {0} has a poll interval of 0 seconds")]
    NoPause(HomeId),
    /// A version is hosted in a home that does not exist.
    #[error("{service} {version} is hosted in {home}, which is no home")]
    UnknownHome {
        /// The service.
        service: ServiceName,
        /// Its version.
        version: semver::Version,
        /// The unknown home.
        home: HomeId,
    },
    /// One version of a service is hosted twice in a home.
    #[error("{service} {version} is hosted twice in {home}")]
    VersionTwice {
        /// The service.
        service: ServiceName,
        /// Its version.
        version: semver::Version,
        /// The home.
        home: HomeId,
    },
    /// A version has no endpoint, or more than a binding can carry.
    #[error("{service} {version} in {home} has {count} endpoints; a binding carries 1 to 3")]
    Endpoints {
        /// The service.
        service: ServiceName,
        /// Its version.
        version: semver::Version,
        /// The home.
        home: HomeId,
        /// How many it has.
        count: usize,
    },
}

impl HostingError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoHome => "HO-010",
            Self::HomeTwice(_) => "HO-011",
            Self::NoPause(_) => "HO-012",
            Self::UnknownHome { .. } => "HO-013",
            Self::VersionTwice { .. } => "HO-014",
            Self::Endpoints { .. } => "HO-015",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoHome => "name at least one home with its endpoint",
            Self::HomeTwice(_) => "give each home a name of its own",
            Self::NoPause(_) => "set a poll interval of at least one second",
            Self::UnknownHome { .. } => "add the home first, or correct its name",
            Self::VersionTwice { .. } => "remove one of the two",
            Self::Endpoints { .. } => "give it one to three endpoints",
        }
    }
}

impl Hosting {
    /// Checks homes and hosted versions against each other. The first home is the default.
    ///
    /// # Errors
    /// [`HostingError`] if a name is doubled or unknown, or a number is out of its range.
    pub fn new(homes: Vec<Home>, mut hosted: Vec<HostedVersion>) -> Result<Self, HostingError> {
        if homes.is_empty() {
            return Err(HostingError::NoHome);
        }
        for (place, home) in homes.iter().enumerate() {
            if homes[..place].iter().any(|other| other.id == home.id) {
                return Err(HostingError::HomeTwice(home.id.clone()));
            }
            if home.poll_secs == 0 {
                return Err(HostingError::NoPause(home.id.clone()));
            }
        }
        for (place, one) in hosted.iter().enumerate() {
            let same = |other: &HostedVersion| {
                (&other.home, &other.service, &other.version)
                    == (&one.home, &one.service, &one.version)
            };
            let HostedVersion { service, version, home, endpoints } = one.clone();
            if !homes.iter().any(|known| known.id == home) {
                return Err(HostingError::UnknownHome { service, version, home });
            }
            if hosted[..place].iter().any(same) {
                return Err(HostingError::VersionTwice { service, version, home });
            }
            let count = endpoints.len();
            if !(1..=limits::ENDPOINTS).contains(&count) {
                return Err(HostingError::Endpoints { service, version, home, count });
            }
        }
        hosted.sort_by(|a, b| {
            (&a.service, &a.home, &a.version).cmp(&(&b.service, &b.home, &b.version))
        });
        Ok(Self { homes, hosted })
    }

    /// The smallest hosting there is: one home `main` and in it `api` 1.0.0, both at `endpoint`.
    pub fn single(endpoint: Endpoint) -> Self {
        let id = HomeId(String::from("main"));
        let api = HostedVersion {
            service: ServiceName(String::from("api")),
            version: semver::Version::new(1, 0, 0),
            home: id.clone(),
            endpoints: alloc::vec![endpoint.clone()],
        };
        let home = Home { id, endpoint, generation: BindingGeneration(1), poll_secs: 3600 };
        Self { homes: alloc::vec![home], hosted: alloc::vec![api] }
    }

    /// The homes; the first is where devices without one belong.
    pub fn homes(&self) -> &[Home] {
        &self.homes
    }

    /// What is hosted, ordered by service, home and version.
    pub fn hosted(&self) -> &[HostedVersion] {
        &self.hosted
    }

    /// The home of that name, if there is one.
    pub fn home(&self, id: &HomeId) -> Option<&Home> {
        self.homes.iter().find(|home| home.id == *id)
    }

    /// Where a device without a home, or with one that is gone, belongs.
    pub fn default_home(&self) -> &Home {
        &self.homes[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(id: &str, poll_secs: u32) -> Home {
        Home {
            id: HomeId(id.into()),
            endpoint: Endpoint("https://control.example".into()),
            generation: BindingGeneration(1),
            poll_secs,
        }
    }

    fn api(home: &str, endpoints: usize) -> HostedVersion {
        let endpoint = Endpoint("https://api.example".into());
        HostedVersion {
            service: ServiceName("api".into()),
            version: semver::Version::new(2, 1, 0),
            home: HomeId(home.into()),
            endpoints: alloc::vec![endpoint; endpoints],
        }
    }

    #[test]
    fn names_and_endpoints_have_a_form() {
        let long = ["a"; limits::HOME_BYTES + 1].concat();
        for (text, good) in [("eu-west", true), ("", false), ("EU", false), (long.as_str(), false)]
        {
            assert_eq!(HomeId::new(text).is_ok(), good, "{text}");
        }
        for (text, good) in [
            ("https://api.example/v2", true),
            ("mqtts://broker:8883", true),
            ("api.example", false),
            ("://x", false),
            ("https://", false),
            ("https://a b", false),
        ] {
            assert_eq!(Endpoint::new(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_served_is_no_hosting() {
        for (homes, hosted, code) in [
            (alloc::vec![], alloc::vec![], Some("HO-010")),
            (alloc::vec![home("a", 60), home("a", 60)], alloc::vec![], Some("HO-011")),
            (alloc::vec![home("a", 0)], alloc::vec![], Some("HO-012")),
            (alloc::vec![home("a", 60)], alloc::vec![api("b", 1)], Some("HO-013")),
            (alloc::vec![home("a", 60)], alloc::vec![api("a", 1), api("a", 2)], Some("HO-014")),
            (alloc::vec![home("a", 60)], alloc::vec![api("a", 0)], Some("HO-015")),
            (alloc::vec![home("a", 60)], alloc::vec![api("a", 4)], Some("HO-015")),
            (alloc::vec![home("a", 60)], alloc::vec![api("a", 3)], None),
        ] {
            let error = Hosting::new(homes, hosted).err();
            assert_eq!(error.as_ref().map(HostingError::code), code);
            assert!(error.is_none_or(|error| !error.hint().is_empty()));
        }
    }

    #[test]
    fn the_smallest_hosting_passes_its_own_check() {
        let small = Hosting::single(Endpoint("http://127.0.0.1:1".into()));
        assert_eq!(Hosting::new(small.homes.clone(), small.hosted.clone()), Ok(small));
    }
}
