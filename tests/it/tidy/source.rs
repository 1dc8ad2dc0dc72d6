//! Rules over Rust sources.
//!
//! Deliberately textual: a rule that needs types is a lint's business. Words are looked for where
//! they mean something, so a comment may say what code may not do.

use super::scrub::scrub;
use std::ops::Range;

const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 500;
const LINE_CHARS: usize = 100;

/// File at most 500 lines, line at most 100 characters.
pub fn size(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES {
        complaints.push(format!("{path}: {lines} lines, at most {FILE_LINES}"));
    }
    for (place, line) in text.lines().enumerate() {
        let chars = line.chars().count();
        if chars > LINE_CHARS {
            complaints.push(format!("{path}:{}: {chars} chars, at most {LINE_CHARS}", place + 1));
        }
    }
    complaints
}

/// Function at most 70 lines, from `fn` to its last brace.
pub fn function_size(path: &str, text: &str) -> Vec<String> {
    let code = scrub(text).code;
    let mut complaints = Vec::new();
    for (at, name) in functions(&code) {
        let lines = code[at..item_end(&code, at)].lines().count();
        if lines > FUNCTION_LINES {
            let line = line_of(&code, at);
            complaints.push(format!("{path}:{line}: fn {name} has {lines} lines, at most 70"));
        }
    }
    complaints
}

/// The first line of a file says what it is for.
pub fn module_docs(path: &str, text: &str) -> Vec<String> {
    let told = text.strip_prefix("//! ").is_some_and(|told| !told.trim().is_empty());
    if told { Vec::new() } else { vec![format!("{path}:1: does not start with `//! `")] }
}

/// No test is switched off, expects a panic, or waits for time to pass.
pub fn honest_tests(path: &str, text: &str) -> Vec<String> {
    let code = scrub(text).code;
    let mut complaints = Vec::new();
    for word in ["ignore", "should_panic"] {
        let inside = |at: &usize| code[..*at].trim_end().ends_with(['[', ',', '(']);
        for at in words(&code, word).into_iter().filter(inside) {
            if in_attribute(&code, at) {
                complaints.push(format!("{path}:{}: `{word}` on a test", line_of(&code, at)));
            }
        }
    }
    let parts = test_parts(path, &code);
    for sleep in ["thread::sleep", "time::sleep"] {
        for at in words(&code, sleep) {
            if parts.iter().any(|part| part.contains(&at)) {
                complaints.push(format!("{path}:{}: `{sleep}` in a test", line_of(&code, at)));
            }
        }
    }
    complaints
}

/// No domain module of the core imports a port.
pub fn no_ports(path: &str, text: &str) -> Vec<String> {
    let Some(module) = path.strip_prefix("rollout-core/src/") else { return Vec::new() };
    if matches!(module, "port.rs" | "lib.rs") || module.starts_with("port/") {
        return Vec::new();
    }
    let code = scrub(text).code;
    let is_path = |at: &usize| {
        code[at + "port".len()..].starts_with("::")
            || code[..*at].ends_with("crate::")
            || in_use(&code, *at)
    };
    let found = words(&code, "port").into_iter().filter(is_path);
    found.map(|at| format!("{path}:{}: a domain module names `port`", line_of(&code, at))).collect()
}

/// No clock, no I/O, no runtime and no unordered map in the core, outside of its tests.
pub fn pure_core(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("rollout-core/src/") {
        return Vec::new();
    }
    let worldly = [
        "std::",
        "SystemTime",
        "Instant::now",
        "tokio",
        "getrandom",
        "HashMap",
        "HashSet",
        "chrono",
        "tracing::",
    ];
    forbidden(path, &scrub(text).code, &worldly, "in the core")
}

/// Only the store names SQL and its driver, only the AWS room names the SDK.
pub fn rooms(path: &str, text: &str) -> Vec<String> {
    let views = scrub(text);
    let mut complaints = Vec::new();
    // This file lists the words, so it has them.
    if !path.starts_with("rollout-store/") && path != "tests/it/tidy/source.rs" {
        let driver = ["rusqlite", "tokio_postgres", "sqlx"];
        let says = "outside of rollout-store";
        complaints.extend(everywhere(path, &views.code, &driver, says));
        let sql = ["SELECT", "INSERT INTO", "DELETE FROM", "CREATE TABLE"];
        complaints.extend(everywhere(path, &views.spoken, &sql, says));
    }
    if !path.starts_with("rollout-aws/") {
        let found = views.code.match_indices("aws_sdk").map(|(at, _)| at);
        complaints.extend(found.map(|at| {
            format!("{path}:{}: `aws_sdk` outside of rollout-aws", line_of(&views.code, at))
        }));
    }
    complaints
}

/// `unsafe` is in the purity probe only, which needs an allocator.
pub fn no_unsafe(path: &str, text: &str) -> Vec<String> {
    if path.starts_with("tests/no-std/") {
        return Vec::new();
    }
    everywhere(path, &scrub(text).code, &["unsafe"], "outside of the probe")
}

/// The names of all functions.
pub fn function_names(text: &str) -> Vec<String> {
    let code = scrub(text).code;
    functions(&code).into_iter().map(|(_, name)| name.to_string()).collect()
}

/// Every function: where its `fn` is, and its name.
fn functions(code: &str) -> Vec<(usize, &str)> {
    let named = |at: usize| {
        let after = code[at + 2..].strip_prefix(' ')?;
        let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
        (end > 0).then(|| (at, &after[..end]))
    };
    words(code, "fn").into_iter().filter_map(named).collect()
}

/// Where an item ends: behind its `;`, or behind the brace that closes its first.
fn item_end(code: &str, start: usize) -> usize {
    let (mut round, mut curly) = (0, 0);
    for (at, c) in code[start..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            '{' if round == 0 => curly += 1,
            '}' if round == 0 => {
                curly -= 1;
                if curly <= 0 {
                    return start + at + 1;
                }
            }
            ';' if round == 0 && curly == 0 => return start + at + 1,
            _ => {}
        }
    }
    code.len()
}

/// What belongs to tests: everything in a folder or file of tests, else what `cfg(test)` guards.
fn test_parts(path: &str, code: &str) -> Vec<Range<usize>> {
    let in_tests = path.split('/').any(|part| matches!(part, "tests" | "tests.rs"));
    if in_tests {
        return std::iter::once(0..code.len()).collect();
    }
    let guard = "#[cfg(test)]";
    let guards = code.match_indices(guard).map(|(at, _)| at + guard.len());
    guards.map(|at| at..item_end(code, at)).collect()
}

/// Whether the nearest opening before is that of an attribute.
fn in_attribute(code: &str, at: usize) -> bool {
    let line = &code[code[..at].rfind('\n').map_or(0, |end| end + 1)..at];
    line.contains("#[") || line.contains("#![")
}

/// Whether a place is within a `use` declaration.
fn in_use(code: &str, at: usize) -> bool {
    words(&code[..at], "use").last().is_some_and(|start| !code[*start..at].contains(';'))
}

/// Complaints about words outside of tests.
fn forbidden(path: &str, code: &str, words: &[&str], says: &str) -> Vec<String> {
    let parts = test_parts(path, code);
    let mut complaints = Vec::new();
    for word in words {
        for at in self::words(code, word) {
            if !parts.iter().any(|part| part.contains(&at)) {
                complaints.push(format!("{path}:{}: `{word}` {says}", line_of(code, at)));
            }
        }
    }
    complaints
}

fn everywhere(path: &str, view: &str, words: &[&str], says: &str) -> Vec<String> {
    let found =
        words.iter().flat_map(|word| self::words(view, word).into_iter().map(move |at| (word, at)));
    found.map(|(word, at)| format!("{path}:{}: `{word}` {says}", line_of(view, at))).collect()
}

/// Where a word stands on its own.
fn words(code: &str, word: &str) -> Vec<usize> {
    let alone = |at: &usize| {
        let ends = !word.ends_with(is_word) || !code[at + word.len()..].starts_with(is_word);
        !code[..*at].ends_with(is_word) && ends
    };
    code.match_indices(word).map(|(at, _)| at).filter(alone).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_and_lines_are_seen() {
        assert_eq!(size("a.rs", &"x\n".repeat(500)), [""; 0]);
        assert_eq!(size("a.rs", &"x\n".repeat(501)), ["a.rs: 501 lines, at most 500"]);
        assert_eq!(size("a.rs", &"é".repeat(100)), [""; 0]);
        assert_eq!(size("a.rs", &"é".repeat(101)), ["a.rs:1: 101 chars, at most 100"]);
    }

    #[test]
    fn long_functions_are_seen_whatever_they_contain() {
        let body =
            |lines| format!("// fn no {{\nfn f(x: [u8; 2]) {{\n{}}}\nfn g();", "x\n".repeat(lines));
        assert_eq!(function_size("a.rs", &body(68)), [""; 0]);
        assert_eq!(function_size("a.rs", &body(69)), ["a.rs:2: fn f has 71 lines, at most 70"]);
        let tricky = format!("fn f() {{ '}}'; \"}}\";\n{}}}", "x\n".repeat(70));
        assert_eq!(function_size("a.rs", &tricky).len(), 1);
        let nested = format!("mod m {{\nfn f() {{ fn g() {{\n{}}} }}\n}}", "x\n".repeat(70));
        assert_eq!(function_size("a.rs", &nested).len(), 2);
    }

    #[test]
    fn missing_docs_are_seen() {
        assert_eq!(module_docs("a.rs", "//! What for."), [""; 0]);
        for text in ["", "//!\n", "use x;\n//! late", "// no"] {
            assert_eq!(module_docs("a.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn dishonest_tests_are_seen() {
        for (path, text) in [
            ("a.rs", "#[ignore]"),
            ("a.rs", "#[ignore = \"slow\"]"),
            ("a.rs", "#[test]\n#[should_panic(expected = \"x\")]"),
            ("a.rs", "#[cfg_attr(miri, ignore)]"),
            ("c/tests/it/a.rs", "std::thread::sleep(x)"),
            ("a.rs", "fn f() {}\n#[cfg(test)]\nmod tests { fn g() { tokio::time::sleep(x); } }"),
        ] {
            assert_eq!(honest_tests(path, text).len(), 1, "{text}");
        }
        for text in [
            "// #[ignore]",
            "\"#[ignore]\"",
            "fn f(ignore: u8, should_panic: u8) {}",
            "fn f() { tokio::time::sleep(x); }",
            "#[cfg(test)]\nextern crate std;\nfn f() { tokio::time::sleep(x); }",
        ] {
            assert_eq!(honest_tests("a/src/a.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn ports_in_the_domain_are_seen() {
        let bad = [
            "use crate::port::Store;",
            "use crate::{id, port};",
            "fn f(x: port::Store) {}",
            "use super::{\n    a::{b, c},\n    port,\n};",
            "pub use crate::port;",
        ];
        for text in bad {
            assert_eq!(no_ports("rollout-core/src/plan.rs", text).len(), 1, "{text}");
            assert_eq!(no_ports("rollout-core/src/lib.rs", text), [""; 0]);
            assert_eq!(no_ports("rollout-store/src/plan.rs", text), [""; 0]);
        }
        for text in ["use crate::report::A;", "// port::x", "let port = 1;", "f(port)"] {
            assert_eq!(no_ports("rollout-core/src/plan.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn the_world_in_the_core_is_seen() {
        for text in [
            "use std::fs;",
            "Instant::now()",
            "x: SystemTime",
            "tokio::spawn()",
            "HashMap::new()",
            "#[cfg(test)]\nmod t {}\nuse std::time;",
        ] {
            assert_eq!(pure_core("rollout-core/src/a.rs", text).len(), 1, "{text}");
            assert_eq!(pure_core("rolloutd/src/a.rs", text), [""; 0]);
        }
        for text in [
            "// std::fs",
            "core::time",
            "#[cfg(test)]\nmod t { use std::fs; }",
            "struct InstantRate;",
        ] {
            assert_eq!(pure_core("rollout-core/src/a.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn sql_and_aws_elsewhere_are_seen() {
        for text in ["\"SELECT 1\"", "use rusqlite::x;"] {
            assert_eq!(rooms("rollout-http/src/a.rs", text).len(), 1, "{text}");
            assert_eq!(rooms("rollout-store/src/a.rs", text), [""; 0]);
        }
        assert_eq!(rooms("rolloutd/src/a.rs", "use aws_sdk_iot::Client;").len(), 1);
        assert_eq!(rooms("rollout-aws/src/a.rs", "use aws_sdk_iot::Client;"), [""; 0]);
        assert_eq!(rooms("rolloutd/src/a.rs", "// rusqlite, aws_sdk"), [""; 0]);
    }

    #[test]
    fn unsafe_elsewhere_is_seen() {
        assert_eq!(no_unsafe("rollout-core/src/a.rs", "unsafe { x }").len(), 1);
        assert_eq!(no_unsafe("rollout-core/src/a.rs", "#![forbid(unsafe_code)]"), [""; 0]);
        assert_eq!(no_unsafe("tests/no-std/src/lib.rs", "unsafe { x }"), [""; 0]);
    }

    #[test]
    fn function_names_are_those_of_code() {
        let names =
            function_names("fn a() {}\n// fn b\nproptest! { fn c(x in 0..1) {} } type F = fn();");
        assert_eq!(names, ["a", "c"]);
    }
}
