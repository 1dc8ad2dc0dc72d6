//! The HTTP room: bodies of both sides, the server's routes and a typed client.
//!
//! Feature `server` brings the routers, feature `client` the client; bodies, plans and tokens are
//! always there. Deliberately not here: what is decided (the core), what is remembered (the
//! store) and who listens on which address (the daemon). Invariant: this is the only room that
//! names JSON bodies and status codes, and no answer leaves before the backend says it is durable.

#[cfg(feature = "server")]
pub mod auth;
#[cfg(feature = "server")]
pub mod backend;
pub mod body;
#[cfg(feature = "server")]
pub mod check_in;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
mod csv;
#[cfg(feature = "server")]
mod desk;
#[cfg(feature = "server")]
mod follow;
#[cfg(feature = "server")]
mod gate;
#[cfg(feature = "server")]
mod input;
#[cfg(feature = "server")]
pub mod meters;
#[cfg(feature = "server")]
mod openapi;
#[cfg(feature = "server")]
pub mod problem;
#[cfg(feature = "server")]
mod range;
#[cfg(feature = "server")]
pub mod router;
#[cfg(feature = "server")]
mod routes;
#[cfg(feature = "server")]
pub mod secret;
#[cfg(feature = "server")]
mod show;
pub mod token;
#[cfg(feature = "server")]
pub mod url;

#[cfg(feature = "server")]
pub use desk::{Limits, Setup};
#[cfg(feature = "server")]
pub use gate::{Peer, Rate};
#[cfg(feature = "server")]
pub use router::{
    DevicePlane, OperatorPlane, PlaneBody, device_router, operator_router, operator_router_with,
};
#[cfg(feature = "server")]
pub use routes::metrics::Process;
