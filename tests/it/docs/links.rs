//! Relative links: the file is there, and so is the heading behind the `#`.
//!
//! Not here: links to other sites, which a test must not ask.

use super::markdown::Page;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Links that lead nowhere.
pub fn check(root: &Path, pages: &BTreeMap<String, Page>) -> Vec<String> {
    let mut complaints = Vec::new();
    for page in pages.values() {
        for (line, link) in links(page) {
            if let Err(why) = follow(root, pages, page, link) {
                complaints.push(format!("{}:{line}: `{link}` {why}", page.path));
            }
        }
    }
    complaints
}

fn links(page: &Page) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, text) in page.prose() {
        for part in text.split("](").skip(1) {
            let link = part.split(')').next().unwrap_or(part);
            if !link.contains("://") {
                found.push((line, link));
            }
        }
    }
    found
}

fn follow(
    root: &Path,
    pages: &BTreeMap<String, Page>,
    page: &Page,
    link: &str,
) -> Result<(), &'static str> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(p, a)| (p, Some(a)));
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    let target =
        if path.is_empty() { PathBuf::from(&page.path) } else { plain(&folder.join(path)) };
    if !root.join(&target).exists() {
        return Err("does not exist");
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let target = target.display().to_string();
    let heads = pages.get(&target).map(Page::headings).unwrap_or_default();
    if heads.iter().any(|head| slug(head) == anchor) { Ok(()) } else { Err("has no such heading") }
}

/// A path without `..`, as far as it can be.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// How a heading is called in links.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn a_link_to_nothing_is_seen() {
    let text = "[a](gone.md) [b](#here-i-am) [c](#gone) [d](https://example.org/x)\n# Here I am!";
    let page = Page { path: "docs/errors/x.md".into(), text: text.into() };
    let pages = BTreeMap::from([(page.path.clone(), page)]);
    let found = check(Path::new("/"), &pages);
    assert_eq!(found.len(), 3, "no file is there: {found:?}");
    assert_eq!(slug("SV-001"), "sv-001");
    assert_eq!(
        plain(Path::new("docs/errors/../operating/plan.md")).display().to_string(),
        "docs/operating/plan.md"
    );
}
