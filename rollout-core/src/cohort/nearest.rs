//! The word someone probably meant.
//!
//! Used wherever a name is unknown: operators of a query, keys of a plan, services of a contract.
//! Invariant: work is bounded by the longest word considered (64 characters), whatever is typed.
//! Not here: any guess that changes a decision; the answer is for people.

/// Longest word a guess is made for, in characters.
const LONGEST: usize = 64;

/// The candidate closest to `word` if it is close enough to be a slip of the finger: one edit for
/// up to 3 characters, two up to 8, three beyond. The first of equals wins; letter case is free.
/// An edit inserts, drops or replaces a character, or swaps two neighbors.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let (letters, length) = letters(word)?;
    let word = &letters[..length];
    let allowed = match length {
        0 => return None,
        1..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let Some((letters, length)) = self::letters(candidate) else { continue };
        let edits = distance(word, &letters[..length]);
        // Changing every letter of a word is no likeness.
        let alike = edits <= allowed && edits < word.len().max(length);
        if alike && best.is_none_or(|(least, _)| edits < least) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn letters(word: &str) -> Option<([char; LONGEST], usize)> {
    let mut letters = ['\0'; LONGEST];
    let mut length = 0;
    for letter in word.chars() {
        *letters.get_mut(length)? = letter.to_ascii_lowercase();
        length += 1;
    }
    Some((letters, length))
}

/// Edits between two words of at most [`LONGEST`] characters (optimal string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before = [0; LONGEST + 1];
    let mut above = [0; LONGEST + 1];
    let mut row = [0; LONGEST + 1];
    for (column, cell) in above.iter_mut().enumerate() {
        *cell = column;
    }
    for (i, a) in left.iter().enumerate() {
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = above[j] + usize::from(a != b);
            row[j + 1] = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = above;
        above = row;
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = ["name", "release", "cohort", "ladder", "soak", "le", "ge", "api"];
        for (word, meant) in [
            ("nmae", Some("name")),
            ("relase", Some("release")),
            ("cohorts", Some("cohort")),
            ("SOAK", Some("soak")),
            ("gte", Some("ge")),
            ("lte", Some("le")),
            ("x", None),
            ("xy", None),
            ("", None),
            ("window", None),
            ("aip", Some("api")),
        ] {
            assert_eq!(nearest(word, keys), meant, "{word}");
        }
    }

    #[test]
    fn the_first_of_equals_wins_and_no_candidate_is_no_guess() {
        assert_eq!(nearest("cat", ["bat", "rat"]), Some("bat"));
        assert_eq!(nearest("cat", []), None);
    }

    #[test]
    fn a_word_beyond_the_bound_gets_no_guess() {
        let long: String = core::iter::repeat_n('a', LONGEST + 1).collect();
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest(&long[1..], [&long[1..]]), Some(&long[1..]));
    }
}
