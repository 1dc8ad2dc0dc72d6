//! Rules over ARCHITECTURE.md: the map shows what is there, and a promise names its test.
//!
//! In a section whose heading says "code map", every path in backticks, and the first word of
//! every line of a fenced block if it is a path, must exist; an indented line is below the last
//! line that is not. In a section whose heading says "invariants" or "promises", the last cell of
//! every row names a test in backticks, or says `not yet`.

use std::collections::BTreeSet;

/// Every path of the code map exists.
pub fn code_map(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut paths = 0;
    for (line, entry) in map_paths(text) {
        paths += 1;
        if !exists(&entry) {
            complaints.push(format!("{path}:{line}: `{entry}` does not exist"));
        }
    }
    if paths == 0 {
        complaints.push(format!("{path}: no path below a heading that says \"code map\""));
    }
    complaints
}

/// Every promise names tests that exist, or says that it is not held yet.
pub fn promises(path: &str, text: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut rows = 0;
    for (line, cell) in promise_cells(text) {
        rows += 1;
        if cell.contains("not yet") {
            continue;
        }
        let names = backticked(cell);
        if names.is_empty() {
            complaints.push(format!("{path}:{line}: names no test and does not say `not yet`"));
        }
        for name in names {
            let name = name.rsplit("::").next().unwrap_or(name);
            if !tests.contains(name) {
                complaints.push(format!("{path}:{line}: there is no test `{name}`"));
            }
        }
    }
    if rows == 0 {
        complaints.push(format!("{path}: no table of invariants or promises"));
    }
    complaints
}

/// Lines below a heading that has one of `words`, numbered from 1. Deeper headings belong to it.
fn section<'t>(text: &'t str, words: &[&str]) -> Vec<(usize, &'t str)> {
    let mut inside = None;
    let mut fenced = false;
    let mut found = Vec::new();
    for (place, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        let depth = line.len() - line.trim_start_matches('#').len();
        if depth > 0 && !fenced {
            let title = line.to_lowercase();
            if words.iter().any(|word| title.contains(word)) {
                inside = inside.or(Some(depth));
            } else if inside.is_some_and(|outer| depth <= outer) {
                inside = None;
            }
        } else if inside.is_some() {
            found.push((place + 1, line));
        }
    }
    found
}

fn map_paths(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut folder = "";
    for (line, content) in section(text, &["code map"]) {
        if content.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let spans = backticked(content).into_iter().filter(|span| is_path(span));
            found.extend(spans.map(|span| (line, span.to_string())));
        } else if let Some(word) = content.split_whitespace().next().filter(|word| is_path(word)) {
            if content.starts_with(' ') {
                found.push((line, format!("{folder}{word}")));
            } else {
                folder = if word.ends_with('/') { word } else { "" };
                found.push((line, word.to_string()));
            }
        }
    }
    found
}

fn is_path(word: &str) -> bool {
    let ends = [".rs", ".toml", ".md", ".sql", ".json", ".txt", ".yml"];
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    plain
        && !word.starts_with('/')
        && (word.contains('/') || ends.iter().any(|e| word.ends_with(e)))
}

/// The last cell of each row of each table of promises, without heads and rulers.
fn promise_cells(text: &str) -> Vec<(usize, &str)> {
    let lines = section(text, &["invariant", "promise"]);
    let is_ruler = |line: &str| line.starts_with('|') && line.chars().all(|c| "|-: ".contains(c));
    let mut found = Vec::new();
    for (place, (number, line)) in lines.iter().enumerate() {
        let line = line.trim();
        let head = lines.get(place + 1).is_some_and(|(_, next)| is_ruler(next.trim()));
        if line.starts_with('|') && !is_ruler(line) && !head {
            let cell = line.trim_end_matches('|').rsplit('|').next().unwrap_or(line);
            found.push((*number, cell.trim()));
        }
    }
    found
}

fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_gone_is_seen() {
        let text = [
            "# A\n`gone/x.rs`\n## Code map\n`a/b.rs`, `Type`, `gone.rs`",
            "```\na/  the a\n  b.rs  x\n  gone.rs\n```",
            "### More\n`c/`\n## Other\n`gone/too.rs`\n",
        ]
        .join("\n");
        let exists = |path: &str| ["a/b.rs", "a/", "c/"].contains(&path);
        let found = code_map("M", &text, &exists);
        assert_eq!(found, ["M:4: `gone.rs` does not exist", "M:8: `a/gone.rs` does not exist"]);
    }

    #[test]
    fn a_map_without_paths_is_seen() {
        assert_eq!(code_map("M", "# Code map\nnothing", &|_| true).len(), 1);
    }

    #[test]
    fn a_promise_without_a_test_is_seen() {
        let text = [
            "## The ten promises\n| promise | test |\n|---|---|\n| a | `it_holds` |",
            "| b | `step::gone` |\n| c | not yet |\n| d | soon |",
            "## Other\n| e | `gone` |\n",
        ]
        .join("\n");
        let tests = BTreeSet::from(["it_holds".to_string()]);
        let found = promises("M", &text, &tests);
        assert_eq!(
            found,
            ["M:5: there is no test `gone`", "M:7: names no test and does not say `not yet`"]
        );
        assert_eq!(promises("M", "# Promises\nnone", &tests).len(), 1);
    }
}
