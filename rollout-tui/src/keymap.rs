//! Every key of the dashboard, in one table; footer and help are made from it.
//!
//! Deliberately not here: what an action does, and whether it is allowed just now.
//!
//! Invariant: in each mode a key has at most one meaning, and what is typed into a field is text.

use crate::app::OrderKind;
use serde::{Deserialize, Serialize};

/// A key, as terminals tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A character.
    Char(char),
    /// A character with the control key.
    Ctrl(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// The same with shift.
    BackTab,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// Delete to the left.
    Backspace,
    /// Delete to the right.
    Delete,
}

impl Key {
    /// How it is written in footer and help.
    pub fn label(self) -> String {
        match self {
            Self::Char(' ') => "space".into(),
            Self::Char(c) => c.into(),
            Self::Ctrl(c) => format!("^{}", c.to_ascii_uppercase()),
            Self::Enter => "⏎".into(),
            Self::Esc => "Esc".into(),
            Self::Tab => "Tab".into(),
            Self::BackTab => "⇧Tab".into(),
            Self::Up => "↑".into(),
            Self::Down => "↓".into(),
            Self::Left => "←".into(),
            Self::Right => "→".into(),
            Self::PageUp => "PgUp".into(),
            Self::PageDown => "PgDn".into(),
            Self::Home => "Home".into(),
            Self::End => "End".into(),
            Self::Backspace => "⌫".into(),
            Self::Delete => "Del".into(),
        }
    }
}

/// What keys mean depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The first screen.
    Overview,
    /// One rollout.
    Rollout,
    /// What happened.
    Events,
    /// The list of devices.
    Devices,
    /// One device.
    Device,
    /// Model by version.
    Matrix,
    /// Releases and channels.
    Releases,
    /// The help.
    Help,
    /// A question is open.
    Ask,
    /// A search is typed.
    Search,
    /// The past is shown, in front of any screen.
    Travel,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Overview,
        Self::Rollout,
        Self::Events,
        Self::Devices,
        Self::Device,
        Self::Matrix,
        Self::Releases,
        Self::Help,
        Self::Ask,
        Self::Search,
        Self::Travel,
    ];

    /// Whether characters are text.
    pub const fn types(self) -> bool {
        matches!(self, Self::Ask | Self::Search)
    }

    /// Its name in the help.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Rollout => "rollout",
            Self::Events => "events",
            Self::Devices => "devices",
            Self::Device => "device",
            Self::Matrix => "matrix",
            Self::Releases => "releases",
            Self::Help => "help",
            Self::Ask => "question",
            Self::Search => "search",
            Self::Travel => "time travel",
        }
    }
}

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Moves the cursor of a list.
    Move(Move),
    /// Goes to a screen.
    Go(Go),
    /// Asks whether a rollout is given an order.
    Order(OrderKind),
    /// Changes a list.
    List(List),
    /// Edits what is typed.
    Edit(Edit),
    /// Moves in time.
    Time(Time),
    /// Looks closer.
    Open,
    /// Leaves the screen or the question.
    Back,
    /// Takes note of a halt.
    Acknowledge,
    /// Asks for a device to explain.
    Explain,
    /// Types a search or a filter.
    Search,
    /// Time of day here, or UTC.
    Clock,
    /// Says yes to the question, or runs the search.
    Submit,
    /// Leaves.
    Quit,
}

/// Ways to move the cursor of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Move {
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// Many lines up.
    PageUp,
    /// Many lines down.
    PageDown,
    /// To the first line.
    First,
    /// To the last line.
    Last,
}

/// Screens one can go to from anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Go {
    /// What happened.
    Events,
    /// The devices.
    Devices,
    /// The census.
    Matrix,
    /// The releases.
    Releases,
    /// The help, and back.
    Help,
}

/// Changes of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Another attribute for the rows.
    OtherRow,
    /// Another order.
    Sort,
    /// With everyday events, or without.
    Routine,
    /// The next page.
    NextPage,
    /// The first page again.
    FirstPage,
}

/// Changes of what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// To the next field.
    NextField,
    /// Deletes the character before.
    Erase,
    /// Deletes the character behind.
    EraseNext,
    /// Deletes everything before.
    EraseAll,
    /// The text cursor to the left.
    Left,
    /// The text cursor to the right.
    Right,
    /// The text cursor to the start.
    Start,
    /// The text cursor to the end.
    End,
}

/// Ways to move in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Time {
    /// Into the past, and back.
    Toggle,
    /// Plays or stops.
    Play,
    /// One change back.
    StepBack,
    /// One change forward.
    StepForward,
    /// Plays faster.
    Faster,
    /// Plays slower.
    Slower,
    /// To the start.
    ToStart,
    /// To the end.
    ToEnd,
    /// Shows what the operator of the recording saw.
    Follow,
}

/// Some keys, where they work, and their words.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What they stand for.
    pub action: Action,
    /// The keys; the first is the one that is shown.
    pub keys: &'static [Key],
    /// Where they work.
    pub modes: &'static [Mode],
    /// A word or two for the footer; empty if it is never there.
    pub brief: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// What is dropped first from a narrow footer: the higher, the sooner.
    pub rank: u8,
}

use Action as A;
use Action::{Edit as E, Go as G, List as L, Move as Mv, Order as O, Time as T};
use Key::{Char, Ctrl};
use Mode as M;

const LISTS: &[Mode] =
    &[M::Overview, M::Rollout, M::Events, M::Devices, M::Device, M::Matrix, M::Releases, M::Help];
const SCREENS: &[Mode] =
    &[M::Overview, M::Rollout, M::Events, M::Devices, M::Device, M::Matrix, M::Releases];
const INNER: &[Mode] =
    &[M::Rollout, M::Events, M::Devices, M::Device, M::Matrix, M::Releases, M::Help];
const STEER: &[Mode] = &[M::Overview, M::Rollout];
const TYPED: &[Mode] = &[M::Ask, M::Search];

macro_rules! bindings {
    ($($action:expr, [$($key:expr),+] $modes:expr, $brief:literal, $rank:literal, $help:literal;)*)
    => {
        /// The table, in the order of footer and help.
        pub const BINDINGS: &[Binding] = &[$(Binding {
            action: $action, keys: &[$($key),+], modes: $modes, brief: $brief, help: $help,
            rank: $rank,
        },)*];
    };
}

bindings! {
    Mv(Move::Up), [Key::Up, Char('k')] LISTS, "choose", 30, "one up";
    Mv(Move::Down), [Key::Down, Char('j')] LISTS, "choose", 30, "one down";
    Mv(Move::PageUp), [Key::PageUp] LISTS, "", 99, "a page up";
    Mv(Move::PageDown), [Key::PageDown] LISTS, "", 99, "a page down";
    Mv(Move::First), [Char('g')] LISTS, "", 99, "to the first";
    Mv(Move::Last), [Char('G')] LISTS, "", 99, "to the last";
    A::Open, [Key::Enter] &[M::Overview, M::Events, M::Devices], "open", 1, "look closer";
    O(OrderKind::Start), [Char('s')] STEER, "start", 20, "start a draft";
    O(OrderKind::Pause), [Char('p')] STEER, "pause", 21,
        "stop offers and permits for a while; one person resumes";
    O(OrderKind::Resume), [Char('r')] STEER, "resume", 20,
        "go on: one person after a pause, two after a halt";
    O(OrderKind::Approve), [Char('y')] STEER, "approve", 19, "agree that the next rung opens";
    O(OrderKind::Advance), [Char('a')] STEER, "advance", 23,
        "open the next rung without waiting; never past an abort or the evidence cap";
    O(OrderKind::Halt), [Char('h')] STEER, "halt", 18, "stop; only two people together resume";
    O(OrderKind::RollBack), [Char('b')] STEER, "roll back", 25,
        "draft the way back for devices that run it";
    O(OrderKind::Cancel), [Char('c')] STEER, "cancel", 28, "end the rollout";
    A::Acknowledge, [Char('x')] STEER, "noted", 17, "take note of a halt: it stops blinking here";
    A::Explain, [Char('e')] &[M::Overview, M::Rollout, M::Device], "explain", 26,
        "why has a device this image, or not? Asks for its id";
    G(Go::Events), [Char('l')] SCREENS, "log", 34, "everything that happened, with a filter";
    G(Go::Devices), [Char('d')] SCREENS, "devices", 32, "search devices, open one";
    G(Go::Matrix), [Char('m')] SCREENS, "matrix", 36,
        "how many devices of each model run which version";
    G(Go::Releases), [Char('v')] SCREENS, "releases", 38,
        "releases, their channels, images and ways back";
    A::Search, [Char('/')] &[M::Overview, M::Events, M::Devices, M::Releases], "search", 16,
        "search devices; filter events, releases or rollouts";
    L(List::Sort), [Char('o')] &[M::Devices], "order", 33, "sort by another column";
    L(List::Routine), [Char('o')] &[M::Events], "everyday", 12, "with everyday events, or without";
    L(List::NextPage), [Char('n')] &[M::Devices], "next page", 22, "what comes behind these";
    L(List::FirstPage), [Char('N')] &[M::Devices], "first page", 37, "back to the first page";
    L(List::OtherRow), [Char('r')] &[M::Matrix], "rows", 10, "another attribute for the rows";
    T(Time::Toggle), [Char('t')] LISTS, "time travel", 40,
        "look at what this screen showed before, and back";
    A::Clock, [Char('u')] LISTS, "", 99, "times in UTC, or in your own time zone";
    A::Back, [Key::Esc, Key::Backspace] INNER, "back", 4, "back to the screen before";
    G(Go::Help), [Char('?')] LISTS, "help", 0, "this help, and out of it";
    A::Quit, [Char('q'), Ctrl('c')] LISTS, "quit", 45, "leave; rollouts go on without you";

    T(Time::Play), [Char(' ')] &[M::Travel], "play/pause", 1, "let time run, or stop it";
    T(Time::StepBack), [Key::Left] &[M::Travel], "step", 2, "to the change before";
    T(Time::StepForward), [Key::Right] &[M::Travel], "step", 2, "to the next change";
    T(Time::Faster), [Char('+'), Char('=')] &[M::Travel], "speed", 6, "twice as fast, up to ×64";
    T(Time::Slower), [Char('-')] &[M::Travel], "speed", 6, "half as fast, down to ×1";
    T(Time::ToStart), [Key::Home] &[M::Travel], "ends", 8, "to the start";
    T(Time::ToEnd), [Key::End] &[M::Travel], "ends", 8, "to the end";
    T(Time::Follow), [Char('f')] &[M::Travel], "as it was seen", 9,
        "show the screens the operator looked at then";

    A::Submit, [Key::Enter] TYPED, "yes", 1, "do it; run the search";
    A::Back, [Key::Esc] TYPED, "leave everything as it is", 0, "leave everything as it is";
    E(Edit::NextField), [Key::Tab, Key::Down] TYPED, "next field", 3, "to the next field";
    E(Edit::Erase), [Key::Backspace] TYPED, "", 99, "delete the character before";
    E(Edit::EraseNext), [Key::Delete] TYPED, "", 99, "delete the character behind";
    E(Edit::EraseAll), [Ctrl('u')] TYPED, "", 99, "delete everything before";
    E(Edit::Left), [Key::Left] TYPED, "", 99, "one character to the left";
    E(Edit::Right), [Key::Right] TYPED, "", 99, "one character to the right";
    E(Edit::Start), [Key::Home, Ctrl('a')] TYPED, "", 99, "to the start of the field";
    E(Edit::End), [Key::End, Ctrl('e')] TYPED, "", 99, "to the end of the field";
    A::Quit, [Ctrl('c')] TYPED, "", 99, "leave; rollouts go on without you";
}

/// What a key stands for in a mode.
pub fn action(mode: Mode, key: Key) -> Option<Action> {
    let meant = |binding: &&Binding| binding.modes.contains(&mode) && binding.keys.contains(&key);
    BINDINGS.iter().find(meant).map(|binding| binding.action)
}

/// What works in a mode, in the order of the table.
pub fn bindings(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.modes.contains(&mode))
}

/// Bindings with the same word beside each other, as one: their keys and the word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Its keys, such as `↑↓`.
    pub keys: String,
    /// Its word.
    pub brief: &'static str,
    /// What the first of them stands for.
    pub action: Action,
    /// See [`Binding::rank`].
    pub rank: u8,
}

/// What a footer may show in a mode.
pub fn hints(mode: Mode) -> Vec<Hint> {
    let mut hints: Vec<Hint> = Vec::new();
    for binding in bindings(mode).filter(|binding| !binding.brief.is_empty()) {
        let label = binding.keys.first().map(|key| key.label()).unwrap_or_default();
        match hints.last_mut().filter(|last| last.brief == binding.brief) {
            Some(last) => {
                // Names of keys are told apart; signs need not be.
                if label.chars().count() > 1 {
                    last.keys.push('/');
                }
                last.keys.push_str(&label);
            }
            None => hints.push(Hint {
                keys: label,
                brief: binding.brief,
                action: binding.action,
                rank: binding.rank,
            }),
        }
    }
    hints
}
