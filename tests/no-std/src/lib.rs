//! Purity probe: a program without `std`, so nothing below it can have any.
//!
//! It declares its own panic handler. If the core or anything it depends on links `std`, there are
//! two of them and the build fails with a duplicate lang item. Without the feature `decide` it
//! declares no allocator either, so anything that needs one fails to build as well. Nothing here
//! ever runs, and nothing else belongs here.
#![no_std]

#[cfg(not(any(feature = "bare", feature = "decide")))]
compile_error!("name what to probe: `--features bare` or `--features decide`");

#[cfg(feature = "std-leak")]
extern crate std;

#[cfg(feature = "alloc-leak")]
extern crate alloc;

use rollout_core as _;

#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// An allocator that has no memory: enough to be one for the linker.
#[cfg(feature = "decide")]
mod memory {
    use core::alloc::{GlobalAlloc, Layout};

    struct Nothing;

    #[global_allocator]
    static MEMORY: Nothing = Nothing;

    // SAFETY: null is what `alloc` returns when there is no memory, and nothing is ever handed
    // out, so `dealloc` is never called with a block of ours. This is the only `unsafe` in the
    // house; the trait can't be implemented without it.
    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, _: Layout) -> *mut u8 {
            core::ptr::null_mut()
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }
}
