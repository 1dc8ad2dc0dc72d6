//! What the operating system says of this process: for metrics, on Linux.
//!
//! Invariant: what cannot be read is not guessed; then nothing is told.

use rollout_http::Process;
use std::fs;

/// This process, if the operating system tells.
pub fn this() -> Option<Process> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let open_files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    let process = read(&stat, &boot, rustix::param::clock_ticks_per_second() as f64)?;
    let resident_bytes = process.resident_bytes * rustix::param::page_size() as u64;
    Some(Process { open_files, resident_bytes, ..process })
}

/// Times and pages of a process.
//= proc(5): /proc/pid/stat
fn read(stat: &str, boot: &str, ticks: f64) -> Option<Process> {
    // The name of the program may hold anything; the fields follow its last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // The first of them is field 3 of the manual.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let booted = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(Process {
        cpu_secs: (field(14)? + field(15)?) / ticks,
        resident_bytes: field(24)? as u64,
        open_files: 0,
        began: booted.trim().parse::<f64>().ok()? + field(22)? / ticks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 300 1000 42 0";
        let read = read(stat, "cpu 1\nbtime 1000\n", 100.0).expect("read");
        let wanted = Process { cpu_secs: 3.0, resident_bytes: 42, open_files: 0, began: 1003.0 };
        assert_eq!(read, wanted);
        assert!(this().is_some_and(|process| process.resident_bytes > 1 << 20));
    }
}
