//! Source text without what only looks like code.
//!
//! Invariant: every view has the lines of the original, so positions stay true. Not a parser:
//! it knows comments and literals, nothing else.

/// Two views of a source.
pub struct Views {
    /// Comments and the insides of literals are blank.
    pub code: String,
    /// Only comments are blank.
    pub spoken: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    Literal,
}

/// Makes the views of a source.
pub fn scrub(text: &str) -> Views {
    let mut views = Views { code: String::new(), spoken: String::new() };
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let (part, length) = match part_at(rest, before) {
            Some(found) => found,
            None => (Part::Code, first.len_utf8()),
        };
        let (taken, left) = rest.split_at(length);
        for c in taken.chars() {
            let blank = if c == '\n' { '\n' } else { ' ' };
            views.code.push(if part == Part::Code { c } else { blank });
            views.spoken.push(if part == Part::Comment { blank } else { c });
        }
        before = taken.chars().next_back().unwrap_or(' ');
        rest = left;
    }
    views
}

/// The comment or literal that starts here, and its length in bytes.
fn part_at(rest: &str, before: char) -> Option<(Part, usize)> {
    if rest.starts_with("//") {
        return Some((Part::Comment, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return Some((Part::Comment, block_comment(rest)));
    }
    let joined = before.is_alphanumeric() || before == '_';
    let literal = match rest.as_bytes() {
        [b'"', ..] => Some(quoted(rest, '"', 1)),
        [b'\'', ..] => character(rest),
        [b'b' | b'c', b'"', ..] if !joined => Some(quoted(rest, '"', 2)),
        [b'b', b'\'', ..] if !joined => Some(quoted(rest, '\'', 2)),
        [b'r', ..] if !joined => raw(rest, 1),
        [b'b' | b'c', b'r', ..] if !joined => raw(rest, 2),
        _ => None,
    };
    literal.map(|length| (Part::Literal, length))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char, start: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(start) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut after = rest.char_indices().skip(1);
    let (_, first) = after.next()?;
    if first == '\\' {
        return Some(quoted(rest, '\'', 1));
    }
    after.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

fn raw(rest: &str, prefix: usize) -> Option<usize> {
    let body = &rest[prefix..];
    let hashes = body.len() - body.trim_start_matches('#').len();
    body[hashes..].strip_prefix('"')?;
    let start = prefix + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()))
}

#[test]
fn only_code_is_left_of_code() {
    for (text, code) in [
        ("a // b {\nc", "a       \nc"),
        ("a /* { /* } */ */ b", "a b"),
        ("f(\"}\\\"{\")", "f(       )"),
        ("r#\"}\"# + 1", "+ 1"),
        ("('{', 'a, b'\\'')", "(   , 'a,      )"),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("br\"{\" b'{' b\"{\"", ""),
    ] {
        let views = scrub(text);
        assert_eq!(views.code.lines().count(), text.lines().count());
        assert_eq!(views.code.replace(' ', ""), code.replace(' ', ""), "{text}");
        assert_eq!(views.code.chars().count(), text.chars().count(), "{text}");
    }
    assert_eq!(scrub("x \"SQL\" // y").spoken, "x \"SQL\"     ");
}
