//! Points between the steps of a write, where a test may look, wait or kill the process.
//!
//! Invariant: a probe is called by the thread that writes, so while it does not return nothing
//! is written and nothing is answered.

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $side:ident;)*) => {
        /// A point between two steps of a write.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point {
            $($(#[$doc])* $name,)*
        }

        impl Point {
            /// All of them, each write in the order of its steps.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in scripts.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether a transaction is open at it: what was written so far is lost if the
            /// process ends here.
            pub const fn is_inside_commit(self) -> bool {
                match self { $(Self::$name => points!(@$side),)* }
            }
        }
    };
    (@inside) => { true };
    (@outside) => { false };
}

points! {
    /// A group of appends has begun; nothing is written.
    AppendBegin = "append_begin", inside;
    /// All entries of the group are written, not committed.
    AppendInserted = "append_inserted", inside;
    /// The group is durable; nobody has been answered.
    AppendCommitted = "append_committed", outside;
    /// A decision has begun; the journal's end is not compared yet.
    DecideBegin = "decide_begin", inside;
    /// Its entries and effects are written, not committed.
    DecideInserted = "decide_inserted", inside;
    /// It is durable and not answered.
    DecideCommitted = "decide_committed", outside;
    /// A beat has begun.
    BeatBegin = "beat_begin", inside;
    /// It is written, not committed.
    BeatInserted = "beat_inserted", inside;
    /// It is durable and not answered.
    BeatCommitted = "beat_committed", outside;
    /// A named value has begun.
    SetBegin = "set_begin", inside;
    /// It is written, not committed.
    SetInserted = "set_inserted", inside;
    /// It is durable and not answered.
    SetCommitted = "set_committed", outside;
    /// Forgetting an effect has begun.
    DoneBegin = "done_begin", inside;
    /// It is deleted, not committed.
    DoneInserted = "done_inserted", inside;
    /// It is durable and not answered.
    DoneCommitted = "done_committed", outside;
}

impl Point {
    /// The point of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|point| point.name() == name)
    }
}

/// Is told when a write reaches a point.
pub trait Probe: Send + Sync {
    /// Called by the thread that writes, which goes on when this returns.
    fn at(&self, point: Point);
}

/// Nobody looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Probe for Unobserved {
    fn at(&self, _point: Point) {}
}

/// The three points of one kind of write.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) begin: Point,
    pub(crate) inserted: Point,
    pub(crate) committed: Point,
}

macro_rules! steps {
    ($($name:ident: $begin:ident, $inserted:ident, $committed:ident;)*) => {
        impl Steps {
            $(pub(crate) const $name: Self = Self {
                begin: Point::$begin,
                inserted: Point::$inserted,
                committed: Point::$committed,
            };)*
        }
    };
}

steps! {
    APPEND: AppendBegin, AppendInserted, AppendCommitted;
    DECIDE: DecideBegin, DecideInserted, DecideCommitted;
    BEAT: BeatBegin, BeatInserted, BeatCommitted;
    SET: SetBegin, SetInserted, SetCommitted;
    DONE: DoneBegin, DoneInserted, DoneCommitted;
}
