//! Values of options that have no form of their own in the core.
//!
//! Deliberately not here: what exists; no file is opened and no server asked.
//!
//! Invariant: a token is never shown, whoever prints the arguments.

use rollout_core::id::HardwareModel;
use rollout_core::time::Span;
use semver::{Version, VersionReq};
use std::path::PathBuf;

/// A bearer token. It is never shown.
#[derive(Clone)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl std::str::FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

/// An image file and the hardware models it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageArg {
    /// The file.
    pub file: PathBuf,
    /// The models; none if left to `--hardware`.
    pub hardware: Vec<HardwareModel>,
}

/// Where the way back leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayBackArg {
    /// To this version.
    Version(Version),
    /// Nowhere.
    None,
}

/// Reads a length of time.
///
/// # Errors
/// What it should be.
pub fn span(text: &str) -> Result<Span, String> {
    Span::parse(text)
        .ok_or_else(|| "a whole number and its unit, such as 90s, 15m, 6h or 14d".into())
}

/// Reads a range of versions.
///
/// # Errors
/// What is wrong with it.
pub fn range(text: &str) -> Result<VersionReq, String> {
    VersionReq::parse(text).map_err(|error| error.to_string())
}

/// Reads `FILE:a,b`. What stands behind the last colon is models unless it has a slash.
///
/// # Errors
/// What is wrong with a model.
pub fn image(text: &str) -> Result<ImageArg, String> {
    let split = text.rsplit_once(':').filter(|(_, models)| !models.contains('/'));
    let (file, models) = split.map_or((text, None), |(file, models)| (file, Some(models)));
    let models = models.into_iter().flat_map(|models| models.split(','));
    let hardware = models.map(HardwareModel::new).collect::<Result<_, _>>();
    Ok(ImageArg { file: file.into(), hardware: hardware.map_err(|error| error.to_string())? })
}

/// Reads `name=value`.
///
/// # Errors
/// What it should be.
pub fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        Some(_) | None => Err("a name, = and a value, such as region=eu-west".into()),
    }
}

/// Reads a version or `none`.
///
/// # Errors
/// What is wrong with it.
pub fn way_back(text: &str) -> Result<WayBackArg, String> {
    if text == "none" {
        return Ok(WayBackArg::None);
    }
    Version::parse(text).map(WayBackArg::Version).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_stand_behind_the_last_colon() {
        let read = |text: &str| {
            let ImageArg { file, hardware } = image(text)?;
            let models: Vec<_> = hardware.iter().map(HardwareModel::to_string).collect();
            Ok::<_, String>((file.display().to_string(), models.join("+")))
        };
        for (text, file, models) in [
            ("a.bin", "a.bin", ""),
            ("a.bin:v980", "a.bin", "v980"),
            ("out:1/a.bin:v970,v980", "out:1/a.bin", "v970+v980"),
            ("out:1/a.bin", "out:1/a.bin", ""),
        ] {
            assert_eq!(read(text), Ok((file.into(), models.into())), "{text}");
        }
        assert!(read("a.bin:").is_err());
        assert!(read("a.bin:a model").is_err());
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", Token("secret".into())), "Token(..)");
    }
}
