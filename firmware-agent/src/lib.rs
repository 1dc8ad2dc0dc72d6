//! Room for firmware-agent.
