//! What a firmware needs of its backend: `api ^2.1;push >=1,<3`.
//!
//! The text is a field of the signed manifest; here it becomes requirements that can be judged.
//! Invariant: what is displayed parses to the same contract and keeps its bound. Not here: who
//! hosts what (`resolve.rs`), and the manifest itself.

use super::ServiceName;
use crate::limits;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The services a firmware speaks to and the versions it can speak. The default needs none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contract {
    requirements: Vec<Requirement>,
}

/// One service and the versions of it that will do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// The service.
    pub service: ServiceName,
    /// The versions, as Cargo understands ranges: `2.1` means `^2.1`, and a pre-release matches
    /// only a range that names one of the same version.
    pub range: semver::VersionReq,
}

/// A text that is no contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// Longer than the manifest's field.
    #[error("a contract is at most 64 bytes, this one has {bytes}")]
    TooLong {
        /// Its length, in the longer of the given and the canonical form.
        bytes: usize,
    },
    /// More services than a binding can carry.
    #[error("a contract names at most 8 services, this one has {count}")]
    TooMany {
        /// How many it names.
        count: usize,
    },
    /// A part that is not a service and a range.
    #[error("`{part}` is not a service and a range of versions")]
    Shape {
        /// The part.
        part: String,
    },
    /// A range that is none.
    #[error("`{range}` is not a range of versions of {service}")]
    Range {
        /// The service it belongs to.
        service: ServiceName,
        /// The text.
        range: String,
    },
    /// A service that is named twice.
    #[error("{service} is named twice")]
    Twice {
        /// The service.
        service: ServiceName,
    },
}

impl ContractError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "HO-001",
            Self::TooMany { .. } => "HO-002",
            Self::Shape { .. } => "HO-003",
            Self::Range { .. } => "HO-004",
            Self::Twice { .. } => "HO-005",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "shorten service names, or drop bounds that others imply",
            Self::TooMany { .. } => "put services that change together behind one name",
            Self::Shape { .. } => "write it like `api ^2.1;push >=1,<3`",
            Self::Range { .. } => "ranges are written as in Cargo: ^2.1, ~2.1.3, >=1,<3, =2.0.0",
            Self::Twice { .. } => "join the two ranges with a comma",
        }
    }
}

impl Contract {
    /// Reads a contract; the order of services is theirs by name.
    ///
    /// # Errors
    /// [`ContractError`] naming the part that is wrong.
    //= trust: contract, optional text of at most 64 bytes
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        within_bound(text.len())?;
        let mut requirements: Vec<Requirement> = Vec::new();
        for part in text.split(';') {
            let requirement = Requirement::parse(part)?;
            if requirements.iter().any(|other| other.service == requirement.service) {
                return Err(ContractError::Twice { service: requirement.service });
            }
            requirements.push(requirement);
        }
        if requirements.len() > limits::SERVICES {
            return Err(ContractError::TooMany { count: requirements.len() });
        }
        requirements.sort_by(|a, b| a.service.cmp(&b.service));
        let contract = Self { requirements };
        within_bound(contract.to_string().len())?;
        Ok(contract)
    }

    /// What it needs, ordered by service.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

fn within_bound(bytes: usize) -> Result<(), ContractError> {
    if bytes > limits::CONTRACT_BYTES { Err(ContractError::TooLong { bytes }) } else { Ok(()) }
}

impl Requirement {
    fn parse(part: &str) -> Result<Self, ContractError> {
        let shape = || ContractError::Shape { part: part.trim().into() };
        let (service, range) = part.trim().split_once(' ').ok_or_else(shape)?;
        let service = ServiceName::new(service).map_err(|_| shape())?;
        match semver::VersionReq::parse(range.trim()) {
            Ok(range) => Ok(Self { service, range }),
            Err(_) => Err(ContractError::Range { service, range: range.trim().into() }),
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, requirement) in self.requirements.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { ";" })?;
            requirement.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.service)?;
        if self.range.comparators.is_empty() {
            return f.write_str("*");
        }
        for (place, comparator) in self.range.comparators.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "," })?;
            comparator.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_have_one_text() {
        for (text, canonical) in [
            ("api ^2.1;push >=1,<3", "api ^2.1;push >=1,<3"),
            (" push  >=1 , < 3 ; api 2.1", "api ^2.1;push >=1,<3"),
            ("api *", "api *"),
            ("api =2.0.0-rc.1", "api =2.0.0-rc.1"),
            ("api 2.*", "api 2.*"),
        ] {
            let contract = Contract::parse(text);
            assert_eq!(contract.as_ref().map(ToString::to_string).as_deref(), Ok(canonical));
            assert_eq!(Contract::parse(canonical), contract);
        }
        assert_eq!(Contract::default().to_string(), "");
    }

    #[test]
    fn a_bad_contract_says_which_part() {
        let long = ["api ^2.1.1111111111,"; 4].concat();
        let many = "a 1;b 1;c 1;d 1;e 1;f 1;g 1;h 1;i 1";
        // Each bare number gains a caret in the canonical form.
        let grows = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1;bbbbbbbbbbbbbbbbbbbbbbbbbbbbb 1";
        assert_eq!(grows.len(), 64);
        for (text, code, words) in [
            ("", "HO-003", "`` is not a service and a range of versions"),
            ("api", "HO-003", "`api` is not"),
            ("api ^2;", "HO-003", "`` is not"),
            ("API ^2", "HO-003", "`API ^2` is not"),
            ("api two", "HO-004", "`two` is not a range of versions of api"),
            ("api ^2;api ^3", "HO-005", "api is named twice"),
            (many, "HO-002", "at most 8 services, this one has 9"),
            (&long, "HO-001", "this one has 80"),
            (grows, "HO-001", "this one has 66"),
        ] {
            let error = Contract::parse(text).err();
            assert_eq!(error.as_ref().map(ContractError::code), Some(code), "{text}");
            let says = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(says.contains(words), "{says}");
        }
    }
}
