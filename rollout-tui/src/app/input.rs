//! A line of text that is being typed.
//!
//! Deliberately not here: which key does what.
//!
//! Invariants: the cursor is between two characters; the text has at most [`MOST`] of them and no
//! control character.

/// Most characters of a field: longer reasons belong in a ticket.
pub const MOST: usize = 400;

/// A line of text and a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    chars: Vec<char>,
    at: usize,
}

impl Input {
    /// A line that holds a text already.
    pub fn new(text: &str) -> Self {
        let mut input = Self::default();
        input.insert(text);
        input
    }

    /// The text.
    pub fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// The text without spaces around it.
    pub fn trimmed(&self) -> String {
        self.text().trim().into()
    }

    /// The text before the cursor.
    pub fn before(&self) -> String {
        self.chars.iter().take(self.at).collect()
    }

    /// The text behind the cursor.
    pub fn behind(&self) -> String {
        self.chars.iter().skip(self.at).collect()
    }

    /// Inserts a text at the cursor; line ends become spaces, other control characters are dropped.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars() {
            let c = if matches!(c, '\n' | '\t') { ' ' } else { c };
            if !c.is_control() && self.chars.len() < MOST {
                self.chars.insert(self.at, c);
                self.at += 1;
            }
        }
    }

    /// Deletes the character before the cursor.
    pub fn erase(&mut self) {
        if let Some(place) = self.at.checked_sub(1) {
            self.chars.remove(place);
            self.at = place;
        }
    }

    /// Deletes the character behind the cursor.
    pub fn erase_next(&mut self) {
        if self.at < self.chars.len() {
            self.chars.remove(self.at);
        }
    }

    /// Deletes everything before the cursor.
    pub fn erase_all(&mut self) {
        self.chars.drain(..self.at);
        self.at = 0;
    }

    /// Moves the cursor by so many characters.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.chars.len());
    }

    /// Moves the cursor to the start.
    pub fn to_start(&mut self) {
        self.at = 0;
    }

    /// Moves the cursor to the end.
    pub fn to_end(&mut self) {
        self.at = self.chars.len();
    }
}
