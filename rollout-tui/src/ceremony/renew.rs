//! Renewal: what was signed before, signed again to live longer.
//!
//! Deliberately not here: which manifests; the server keeps them and is not believed.
//!
//! Invariant: nothing is signed but an expiry that rises, on a manifest of the named product and
//! version that the release keys have signed before, a key at hand among them.

use super::{Ceremony, CeremonyError, DAY_SECS};
use rollout_core::id::ProductId;
use rollout_core::trust::sign::{ManifestFields, public_key};
use rollout_core::trust::{DocumentType, Envelope, Manifest, Refusal, Role, UnixSeconds, verify};
use semver::Version;

impl Ceremony<'_> {
    /// The end of the day in `days` days: the same all day, so that twice is once.
    pub fn renewed_until(&self, days: u64) -> UnixSeconds {
        let today = self.now.0.div_ceil(DAY_SECS);
        UnixSeconds(today.saturating_add(days).saturating_mul(DAY_SECS))
    }

    /// Signs a manifest again with a later expiry; `None` if it lives as long already.
    ///
    /// # Errors
    /// [`CeremonyError`]. Nothing was signed that anybody else has seen.
    //= trust §3, manifest key 11: the same payload but `expires`
    pub fn renew(
        &self,
        product: &ProductId,
        version: &Version,
        envelope: &[u8],
        expires: UnixSeconds,
    ) -> Result<Option<Vec<u8>>, CeremonyError> {
        self.check_keys()?;
        let version = version.to_string();
        let wrong = |source: Refusal| CeremonyError::Renewal { version: version.clone(), source };
        let opened = Envelope::open(envelope).map_err(|error| wrong(error.into()))?;
        let manifest = self.read_signed(&opened).map_err(wrong)?;
        let same = manifest.fleet == self.root.fleet()
            && manifest.product == product.as_str()
            && manifest.version.as_str() == version;
        if !same {
            return Err(CeremonyError::OtherManifest { version });
        }
        if expires <= manifest.expires {
            return Ok(None);
        }
        self.seal(&ManifestFields { expires, ..ManifestFields::of(&manifest) }).map(Some)
    }

    /// Believes nothing of the server: the release keys must have signed it, and one of those at
    /// hand among them, because the root may have come from the server as well.
    pub(super) fn read_signed<'e>(&self, opened: &Envelope<'e>) -> Result<Manifest<'e>, Refusal> {
        self.root.verify_role(Role::Release, opened)?;
        let own: Vec<_> = self.keys.iter().map(|key| public_key(key)).collect();
        verify(opened, DocumentType::Manifest, &own, 1)?;
        Ok(Manifest::decode(opened.payload())?)
    }
}
