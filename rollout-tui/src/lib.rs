//! Room for rollout-tui.
