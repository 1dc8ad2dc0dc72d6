//! As much of a shell's grammar as the documents use: simple commands and their words.
//!
//! Not here: running anything. Invariant: quotes hold a word together, and what feeds a file or a
//! pipe is no argument.

/// The simple commands of a script, each as its words. Bodies of here-documents are left out.
pub fn commands(lines: &[&str]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut joined = String::new();
    let mut body_until: Option<String> = None;
    for line in lines {
        if let Some(end) = &body_until {
            if line.trim() == end {
                body_until = None;
            }
            continue;
        }
        if let Some(start) = line.strip_suffix('\\') {
            joined.push_str(start);
            joined.push(' ');
            continue;
        }
        joined.push_str(line);
        if let Some((_, end)) = joined.split_once("<<") {
            body_until = Some(end.trim().trim_matches('\'').to_string());
        }
        found.extend(of_line(&joined));
        joined.clear();
    }
    found
}

fn of_line(line: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => reader.word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if reader.word.is_empty() => break,
            (None, '|' | ';' | '&' | '(' | ')') => reader.end_command(),
            (None, '>' | '<') => {
                reader.end_word();
                reader.redirected = true;
            }
            (None, c) if c.is_whitespace() => reader.end_word(),
            (None, c) => reader.word.push(c),
        }
    }
    reader.end_command();
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: String,
    redirected: bool,
}

impl Reader {
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        if !std::mem::take(&mut self.redirected) {
            self.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirected = false;
        if !self.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.words));
        }
    }
}

#[test]
fn commands_are_found_wherever_they_stand() {
    let lines = [
        "A=1 rollout list | sed -n 's/a|b//p' > out # said",
        "export B=$(rollout show \"x y\") && rolloutd \\",
        "  serve --set poll=1s &",
        "cat > plan <<'PLAN'",
        "rollout nothing",
        "PLAN",
        "tests/run",
    ];
    let found: Vec<String> = commands(&lines).iter().map(|words| words.join("·")).collect();
    assert_eq!(
        found,
        [
            "A=1·rollout·list",
            "sed·-n·s/a|b//p",
            "export·B=$",
            "rollout·show·x y",
            "rolloutd·serve·--set·poll=1s",
            "cat",
            "tests/run",
        ]
    );
}
