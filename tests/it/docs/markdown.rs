//! As much Markdown as the documents use: fenced blocks, tables, headings, links.
//!
//! Not here: nesting of any kind. Invariant: what stands in a fence is never taken for text.

/// A document: its path from the root, and its text.
pub struct Page {
    /// With `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'t> {
    /// What stands behind the opening fence, such as `sh tour`.
    pub tag: &'t str,
    /// Its lines.
    pub lines: Vec<&'t str>,
    /// Line of the opening fence, from 1.
    pub line: usize,
}

impl Page {
    /// The fenced blocks in order.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (place, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (Some(tag), None) => {
                    open = Some(Block { tag: tag.trim(), lines: Vec::new(), line: place + 1 });
                }
                (None, Some(mut block)) => {
                    block.lines.push(line);
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{} ends inside a fence", self.path);
        blocks
    }

    /// Lines outside of fences, numbered from 1.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut fenced = false;
        let mut found = Vec::new();
        for (place, line) in self.text.lines().enumerate() {
            let fence = line.starts_with("```");
            fenced ^= fence;
            if !fenced && !fence {
                found.push((place + 1, line));
            }
        }
        found
    }

    /// The rows of the tables below a heading, without heads and rulers, cell by cell.
    pub fn rows(&self, heading: &str) -> Vec<Vec<String>> {
        let section = self
            .prose()
            .into_iter()
            .skip_while(|(_, line)| line.trim_start_matches('#').trim() != heading)
            .skip(1)
            .take_while(|(_, line)| !line.starts_with('#'));
        let rows = section.filter(|(_, line)| line.starts_with('|'));
        let rows = rows.skip(1).filter(|(_, line)| !line.starts_with("|--"));
        rows.map(|(_, line)| cells(line)).collect()
    }

    /// The headings, without their marks.
    pub fn headings(&self) -> Vec<&str> {
        let lines = self.prose().into_iter().filter(|(_, line)| line.starts_with('#'));
        lines.map(|(_, line)| line.trim_start_matches('#').trim()).collect()
    }
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
}

/// What stands in backticks.
pub fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn fences_tables_and_headings_are_told_apart() {
    let text =
        "# A\n## Keys\n| k | v |\n|---|---|\n| `a` | 1 |\n```sh tour\n# not\n| x |\n```\n# B";
    let page = Page { path: "p.md".into(), text: text.into() };
    assert_eq!(page.headings(), ["A", "Keys", "B"]);
    assert_eq!(page.rows("Keys"), [["`a`", "1"]]);
    assert_eq!(page.blocks(), [Block { tag: "sh tour", lines: vec!["# not", "| x |"], line: 6 }]);
    assert_eq!(backticked("a `b` c `d`"), ["b", "d"]);
}
