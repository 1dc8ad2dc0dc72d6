//! The README's tour, run as it is written: one shell, one folder, the three programs.
//!
//! Blocks tagged `sh tour` are typed into one shell in order. The `text` block behind one lists
//! lines that must come out of that shell, in order, with the daemon's log among them; `…` stands
//! for anything, blanks count as one. A block has come to its end when its commands have ended
//! and all of those lines were read, so waiting for a rollout is a blocking read of the daemon's
//! log: nothing sleeps and nothing is asked again and again. The daemon takes free ports, by
//! `ROLLOUT_LISTEN_…`; where a page says 127.0.0.1:8470 and :8471, the shell gets what the daemon
//! said it had bound.

use super::markdown::{Block, Page};
use super::programs::Programs;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a block may take: a slow machine with other work, not a fast one.
const PATIENCE: Duration = Duration::from_secs(180);
/// What the daemon says it has bound, and the address that pages give for it.
const ADDRESSES: [(&str, &str); 2] =
    [("operators ", "127.0.0.1:8470"), ("devices   ", "127.0.0.1:8471")];

/// Walks the whole tour; panics where it goes wrong.
pub fn walk(programs: &Programs, page: &Page) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shell = Shell::start(programs, folder.path(), &page.path);
    let blocks = page.blocks();
    let mut walked = 0;
    for (place, block) in blocks.iter().enumerate() {
        if block.tag == "sh tour" {
            let next = blocks.get(place + 1).filter(|next| next.tag == "text");
            shell.run(block, next.map_or(&[], |next| &next.lines));
            walked += 1;
        }
    }
    assert!(walked > 5, "only {walked} blocks of a tour in {}", page.path);
    shell.stop();
}

/// A shell in a folder of its own, with the programs on its path.
pub struct Shell {
    child: Child,
    lines: Receiver<String>,
    /// What was read, for whoever looks for a mistake.
    read: Vec<String>,
    /// Documented address, then the real one.
    bound: Vec<(&'static str, String)>,
    errors: std::path::PathBuf,
    /// The page it is at.
    page: String,
}

impl Shell {
    /// Starts one; it works in `work` of the folder.
    pub fn start(programs: &Programs, folder: &Path, page: &str) -> Self {
        let (work, errors) = (folder.join("work"), folder.join("stderr"));
        std::fs::create_dir(&work).expect("a folder to work in");
        let mut child = Command::new("sh")
            .current_dir(&work)
            .env("ROLLOUT_LISTEN_OPERATORS", "127.0.0.1:0")
            .env("ROLLOUT_LISTEN_DEVICES", "127.0.0.1:0")
            .env("NO_COLOR", "1")
            .env_remove("ROLLOUT_TOKEN")
            .env_remove("ROLLOUT_SERVER")
            .env_remove("ROLLOUT_CA")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).expect("a file for errors"))
            // A group of its own, so that what runs in the background ends with it.
            .process_group(0)
            .spawn()
            .expect("a shell");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Ends when the last program of the group has closed its output.
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (read, bound) = (Vec::new(), Vec::new());
        let mut shell = Self { child, lines, read, bound, errors, page: page.into() };
        let folder = programs.folder.display();
        shell.say(&format!(
            "set -e\ntrap 'echo \"tour: left with $?\"' EXIT\nexport PATH='{folder}':\"$PATH\"\n"
        ));
        shell
    }

    /// Types something that says nothing.
    pub fn say(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("the shell's input");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("a shell that reads");
    }

    /// Types a block, and reads until it has ended and said everything it should.
    pub fn run(&mut self, block: &Block, expected: &[&str]) {
        let mut text = block.lines.join("\n");
        for (documented, real) in &self.bound {
            text = text.replace(documented, real);
        }
        let end = format!("tour: end of the block at line {}", block.line);
        self.say(&format!("{text}\necho '{end}'\n"));
        let mut wanted = expected.iter().filter(|line| !line.trim().is_empty()).peekable();
        let mut ended = false;
        let until = Instant::now() + PATIENCE;
        while !ended || wanted.peek().is_some() {
            let left = until.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => self.fail(block, wanted.peek(), "in time"),
                Err(RecvTimeoutError::Disconnected) => {
                    self.fail(block, wanted.peek(), "before the shell ended")
                }
            };
            self.note(&line);
            if line == end {
                ended = true;
            } else if line.starts_with("tour: left with") {
                self.fail(block, wanted.peek(), "before a command failed");
            } else if wanted.peek().is_some_and(|wanted| fits(wanted, &self.documented(&line))) {
                wanted.next();
            }
        }
    }

    fn note(&mut self, line: &str) {
        for (says, documented) in ADDRESSES {
            let url = line.strip_prefix(says).and_then(|url| url.split_once("://"));
            if let Some(("http" | "https", real)) = url {
                self.bound.push((documented, real.to_string()));
            }
        }
        self.read.push(line.to_string());
    }

    /// The line as it would be with the documented addresses.
    fn documented(&self, line: &str) -> String {
        let bound = self.bound.iter();
        bound.fold(line.to_string(), |line, (documented, real)| line.replace(real, documented))
    }

    fn fail(&self, block: &Block, wanted: Option<&&&str>, when: &str) -> ! {
        let missing = wanted.map_or("the end of the block".into(), |line| format!("`{line}`"));
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        panic!(
            "{}:{}: {missing} did not come {when}\nsaid:\n{}\nerrors:\n{errors}",
            self.page,
            block.line,
            self.read.join("\n")
        );
    }

    /// Tells everything to stop, as a service manager would, and waits until it has.
    pub fn stop(mut self) {
        assert!(signal(&self.child, "TERM"), "the group can be told to stop");
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.note(&line),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("something of the tour does not stop"),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // After a failure programs may still run; after a stop nobody is left to hear this.
        signal(&self.child, "KILL");
        let _ = self.child.wait();
    }
}

/// Signals the shell's group; says whether there was one.
fn signal(child: &Child, name: &str) -> bool {
    let kill = format!("kill -s {name} -- -{} 2>/dev/null", child.id());
    Command::new("sh").args(["-c", &kill]).status().is_ok_and(|status| status.success())
}

/// Whether a line is what was expected: `…` is anything, blanks are one blank.
fn fits(expected: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (expected, line) = (plain(expected), plain(line));
    let mut parts = expected.split('…').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    open || rest.is_empty()
}

#[test]
fn an_ellipsis_is_anything() {
    for (expected, line) in [
        ("a  b", "a b"),
        ("started …", "started 0192"),
        ("… rollout … completed …", "12 INFO x: rollout 1 completed effect=1"),
        ("cause … why", "cause     admin: why"),
        ("a, …", "a, b)"),
    ] {
        assert!(fits(expected, line), "{expected} / {line}");
    }
    for (expected, line) in
        [("a b", "a b c"), ("a …", "b a"), ("… b", "a b c"), ("a … c", "a b"), ("a", "")]
    {
        assert!(!fits(expected, line), "{expected} / {line}");
    }
}
