//! Room for rollout-store.
