//! Codes of the sources against the pages of `docs/errors`.
//!
//! Invariant: a code is two capitals, a dash and three digits in quotes, wherever it is written;
//! it has exactly one section, on the page of its prefix.

use super::markdown::Page;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every code in a `src` folder of a member.
pub fn of_sources(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<_> = fs::read_dir(root)
        .expect("the root of the workspace")
        .map(|entry| entry.expect("an entry of the root").path().join("src"))
        .filter(|folder| folder.is_dir())
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.extend(quoted(&fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    found
}

/// Codes in quotes, plain or escaped as in a text of JSON.
fn quoted(text: &str) -> Vec<String> {
    text.split('"')
        .map(|part| part.trim_end_matches('\\'))
        .filter(|part| is_code(part))
        .map(String::from)
        .collect()
}

fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 6
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2] == b'-'
        && bytes[3..].iter().all(u8::is_ascii_digit)
}

/// What is missing on either side.
pub fn compare(known: &BTreeSet<String>, pages: &[Page]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut told = BTreeSet::new();
    for page in pages {
        for heading in page.headings().into_iter().filter(|heading| is_code(heading)) {
            let (prefix, path) = (&heading[..2], &page.path);
            if !path.ends_with(&format!("/{prefix}.md")) {
                complaints.push(format!("{path}: {heading} belongs to {prefix}.md"));
            }
            if !told.insert(heading.to_string()) {
                complaints.push(format!("{path}: {heading} is there twice"));
            }
        }
    }
    let missing = known.difference(&told).map(|code| {
        format!("docs/errors/{}.md: {code} is in the sources and has no section", &code[..2])
    });
    let stale = told
        .difference(known)
        .map(|code| format!("docs/errors/{}.md: {code} is in no source", &code[..2]));
    complaints.extend(missing.chain(stale));
    complaints
}

#[test]
fn a_code_without_a_section_and_a_section_without_a_code_are_seen() {
    let known = quoted(r#"Self::A => "RO-001", "RO-0011", b"{\"code\":\"SV-003\"}", RO-004"#);
    assert_eq!(known, ["RO-001", "SV-003"]);
    let text = "# RO\n## RO-001\n## RO-002\n## SV-001\n## RO-001\n";
    let page = Page { path: "docs/errors/RO.md".into(), text: text.into() };
    let found = compare(&known.into_iter().collect(), &[page]);
    assert_eq!(
        found,
        [
            "docs/errors/RO.md: SV-001 belongs to SV.md",
            "docs/errors/RO.md: RO-001 is there twice",
            "docs/errors/SV.md: SV-003 is in the sources and has no section",
            "docs/errors/RO.md: RO-002 is in no source",
            "docs/errors/SV.md: SV-001 is in no source",
        ]
    );
}
