//! A server of made-up bodies, to look at the dashboard without a fleet.
//!
//! Says its address, then serves until it is ended: `rollout watch --server ADDRESS --token x`.

use std::io::Write as _;

#[path = "../tests/it/watch/sample.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod sample;
#[path = "../tests/it/watch/server.rs"]
#[expect(dead_code, reason = "shared with the tests, which look into it")]
mod server;

fn main() -> std::io::Result<()> {
    let journal = sample::events(false);
    let server = server::Server::start(server::State { journal, ..server::State::default() });
    writeln!(std::io::stdout(), "{}", server.url)?;
    loop {
        std::thread::park();
    }
}
