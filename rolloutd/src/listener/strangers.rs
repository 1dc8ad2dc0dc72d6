//! How many connections one address may hold that nobody has vouched for.
//!
//! A connection counts against its address from the moment it is accepted until a request on it
//! has shown a token that is good, or until it ends: so a fleet behind one address has as many
//! connections as it likes, and whoever has no token cannot take the places of all others. A
//! network of IPv6 counts as one address, for its owner has all of it. Invariant: there is an
//! entry for an address only while a connection counts against it, so the table has at most as
//! many as there are places. Not here: how often somebody may ask.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bits of an IPv6 address that name a network: what a site gets, and may draw hosts from.
//= RFC 4291 §2.5.1: interface identifiers are 64 bits long
const NETWORK: u128 = !0 << 64;

/// Connections that nobody has vouched for, by address.
#[derive(Debug)]
pub(super) struct Strangers {
    most: u32,
    there: Mutex<BTreeMap<IpAddr, u32>>,
}

impl Strangers {
    /// At most so many of one address.
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, there: Mutex::default() })
    }

    /// Takes one in, unless there are as many of its address as there may be.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Stranger> {
        let from = counted(from);
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        let found = there.get(&from).copied().unwrap_or_default();
        if found >= self.most {
            return None;
        }
        there.insert(from, found + 1);
        drop(there);
        let place = Mutex::new(Some(Place { strangers: Arc::clone(self), from }));
        Some(Stranger { is_known: AtomicBool::new(false), place })
    }

    fn leave(&self, from: IpAddr) {
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        match there.get_mut(&from) {
            Some(found) if *found > 1 => *found -= 1,
            Some(_) | None => {
                there.remove(&from);
            }
        }
    }
}

/// What an address is counted as.
fn counted(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & NETWORK)),
    }
}

/// A connection, which counts against its address for as long as it is a stranger.
#[derive(Debug)]
pub(super) struct Stranger {
    is_known: AtomicBool,
    place: Mutex<Option<Place>>,
}

impl Stranger {
    /// Whether it has been vouched for, or has ended.
    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Lets it count no longer.
    pub(super) fn let_go(&self) {
        self.is_known.store(true, Ordering::Relaxed);
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// A place among those of an address, given back when it is dropped.
#[derive(Debug)]
struct Place {
    strangers: Arc<Strangers>,
    from: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.strangers.leave(self.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_what_it_maps() {
        let strangers = Strangers::new(1);
        let held = strangers.enter(address("2001:db8:0:1::7")).expect("the first");
        assert!(strangers.enter(address("2001:db8:0:1:ffff::9")).is_none(), "of the same network");
        let other = strangers.enter(address("2001:db8:0:2::7")).expect("of another");
        let mapped = strangers.enter(address("::ffff:10.0.0.7")).expect("of another");
        assert!(strangers.enter(address("10.0.0.7")).is_none());
        drop((held, other, mapped));
        assert!(strangers.enter(address("10.0.0.7")).is_some());
    }

    #[test]
    fn an_address_is_forgotten_with_its_last_stranger() {
        let strangers = Strangers::new(2);
        let (one, two) = (address("10.0.0.1"), address("10.0.0.2"));
        let held: Vec<_> = [one, one, two].map(|from| strangers.enter(from)).into();
        assert!(held.iter().all(Option::is_some) && strangers.enter(one).is_none());
        let known = held[0].as_ref().expect("one");
        known.let_go();
        known.let_go();
        assert!(known.is_known());
        assert_eq!(strangers.there.lock().expect("no panic").get(&one), Some(&1));
        drop(held);
        assert!(strangers.there.lock().expect("no panic").is_empty());
    }
}
