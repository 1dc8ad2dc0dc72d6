//! A device's open self-description, held to the bounds of the wire.
//!
//! Invariant: what [`bounded`] returns fits a check-in. Not here: which attributes a board has;
//! they are the firmware's to know, and may change with every check-in.

use rollout_core::wire::{ATTRIBUTE_NAME_BYTES, ATTRIBUTE_VALUE_BYTES, ATTRIBUTES, Attributes};

/// Cuts a list at the first entry that no check-in may carry.
///
/// A device must reach its server even with an attribute too long, so this never refuses.
pub fn bounded<'a>(list: &'a [(&'a str, &'a str)]) -> Attributes<'a> {
    let fits = |(name, value): &&(&str, &str)| {
        (1..=ATTRIBUTE_NAME_BYTES).contains(&name.len()) && value.len() <= ATTRIBUTE_VALUE_BYTES
    };
    let count = list.iter().take(ATTRIBUTES).take_while(fits).count();
    Attributes(&list[..count])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_long_never_silences_a_device() {
        let long = "x".repeat(257);
        assert_eq!(bounded(&[("a", "1"), ("b", &long), ("c", "2")]).0.len(), 1);
        assert_eq!(bounded(&[("a", "1"); 70]).0.len(), 64);
    }
}
