//! Room for rolloutd.
