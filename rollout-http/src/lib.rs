//! Room for rollout-http.
