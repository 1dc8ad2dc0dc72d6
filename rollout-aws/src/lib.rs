//! Room for rollout-aws.
