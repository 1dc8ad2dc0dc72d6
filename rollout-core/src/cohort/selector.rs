//! A query as a tree, what it says of a device, and its one canonical text.
//!
//! Judging and explaining are the same walk, so they cannot disagree. Invariants: `All` and `Any`
//! hold at least two nodes and none of their own kind, which is why the canonical text parses to
//! the same tree. Not here: reading text (`parse.rs`) and comparing values (`value.rs`).

use super::{Attributes, Pattern, Value};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// A parsed query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    root: Node,
}

/// A part of a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// One question about one attribute.
    Compare(Comparison),
    /// True if every node is.
    All(Vec<Node>),
    /// True if one node is.
    Any(Vec<Node>),
}

/// One question about one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// The attribute asked for.
    pub attribute: String,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// `==`
    Equals(Pattern),
    /// `!=`
    Differs(Pattern),
    /// `<`, `<=`, `>`, `>=`
    Orders(Relation, Value),
    /// `=in=`
    In(Vec<Value>),
    /// `=out=`
    Out(Vec<Value>),
    /// `=null=`
    Null(Presence),
}

/// How a device's value must stand to the query's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// What `=null=` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// `=null=true`
    Absent,
    /// `=null=false`
    Present,
}

/// Why a device does not match: the first comparison that decided it, and what the device says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Miss<'s, 'd> {
    /// The comparison that does not hold.
    pub comparison: &'s Comparison,
    /// The device's value; `None` if it has none.
    pub found: Option<&'d str>,
}

impl Selector {
    /// The tree.
    pub fn root(&self) -> &Node {
        &self.root
    }

    pub(super) fn from_root(root: Node) -> Self {
        Self { root }
    }

    /// Whether a device belongs.
    pub fn matches<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        self.explain(attributes).is_none()
    }

    /// Why a device does not belong; `None` exactly if it does. Of alternatives that all fail, the
    /// first is named.
    pub fn explain<'d, A: Attributes + ?Sized>(&self, attributes: &'d A) -> Option<Miss<'_, 'd>> {
        self.root.explain(attributes)
    }

    /// The comparisons, from left to right.
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        let mut found = Vec::new();
        self.root.collect(&mut found);
        found.into_iter()
    }

    /// The attributes asked for, each once, in byte order.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let names = self.comparisons().map(|comparison| comparison.attribute.as_str());
        names.collect::<BTreeSet<_>>().into_iter()
    }
}

impl Node {
    fn explain<'d, A: Attributes + ?Sized>(&self, attributes: &'d A) -> Option<Miss<'_, 'd>> {
        match self {
            Self::Compare(comparison) => {
                let found = attributes.get(&comparison.attribute);
                (!comparison.holds(found)).then_some(Miss { comparison, found })
            }
            Self::All(nodes) => nodes.iter().find_map(|node| node.explain(attributes)),
            Self::Any(nodes) => {
                let mut first = None;
                for node in nodes {
                    let miss = node.explain(attributes)?;
                    first.get_or_insert(miss);
                }
                first
            }
        }
    }

    fn collect<'s>(&'s self, found: &mut Vec<&'s Comparison>) {
        match self {
            Self::Compare(comparison) => found.push(comparison),
            Self::All(nodes) | Self::Any(nodes) => {
                nodes.iter().for_each(|node| node.collect(found));
            }
        }
    }
}

impl Comparison {
    /// Whether it holds for a device's value.
    //= design §5: an absent attribute makes every comparison false (test with `=null=`)
    pub fn holds(&self, found: Option<&str>) -> bool {
        let Some(found) = found else { return self.test == Test::Null(Presence::Absent) };
        match &self.test {
            Test::Equals(pattern) => pattern.matches(found),
            Test::Differs(pattern) => !pattern.matches(found),
            Test::Orders(relation, value) => {
                value.order(found).is_some_and(|order| relation.holds(order))
            }
            Test::In(values) => values.iter().any(|value| value.equals(found)),
            Test::Out(values) => !values.iter().any(|value| value.equals(found)),
            Test::Null(Presence::Absent) => false,
            Test::Null(Presence::Present) => true,
        }
    }
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(comparison) => comparison.fmt(f),
            Self::Any(nodes) => write_list(f, nodes, ","),
            Self::All(nodes) => {
                for (place, node) in nodes.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { ";" })?;
                    match node {
                        Self::Any(_) => write!(f, "({node})")?,
                        Self::Compare(_) | Self::All(_) => node.fmt(f)?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attribute)?;
        match &self.test {
            Test::Equals(pattern) => write!(f, "=={pattern}"),
            Test::Differs(pattern) => write!(f, "!={pattern}"),
            Test::Orders(relation, value) => write!(f, "{relation}{value}"),
            Test::In(values) => write_values(f, "=in=", values),
            Test::Out(values) => write_values(f, "=out=", values),
            Test::Null(Presence::Absent) => f.write_str("=null=true"),
            Test::Null(Presence::Present) => f.write_str("=null=false"),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        })
    }
}

/// `battery>=30 does not hold: battery is 12`
impl fmt::Display for Miss<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.comparison.attribute;
        write!(f, "{} does not hold: {name} is ", self.comparison)?;
        match self.found {
            Some("") => f.write_str("empty"),
            Some(found) => write!(f, "{}", found.escape_debug()),
            None => f.write_str("absent"),
        }
    }
}

fn write_values(f: &mut fmt::Formatter<'_>, operator: &str, values: &[Value]) -> fmt::Result {
    write!(f, "{operator}(")?;
    write_list(f, values, ",")?;
    f.write_str(")")
}

fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    between: &str,
) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        f.write_str(if place == 0 { "" } else { between })?;
        item.fmt(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn judge(query: &str, attributes: &[(&str, &str)]) -> Option<String> {
        match Selector::parse(query) {
            Ok(selector) => selector.explain(attributes).map(|miss| miss.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    #[test]
    fn a_device_matches_or_is_told_why_not() {
        let device = [("model", "v980"), ("battery", "29.5"), ("version", "2.10.0"), ("note", "")];
        for (query, why) in [
            ("model==v980", None),
            ("model==V980", Some("model==V980 does not hold: model is v980")),
            ("model==v9*;version>2.9", None),
            ("battery>=30,model==v980", None),
            ("battery>=30;model==v980", Some("battery>=30 does not hold: battery is 29.5")),
            ("battery=lt=29.50", Some("battery<29.50 does not hold: battery is 29.5")),
            ("battery==29.50", None),
            ("battery=in=(1,29.500)", None),
            ("battery=out=(29.5)", Some("battery=out=(29.5) does not hold: battery is 29.5")),
            ("a!=1", Some("a!=1 does not hold: a is absent")),
            ("a=out=(1)", Some("a=out=(1) does not hold: a is absent")),
            ("a=null=true;model=null=false", None),
            ("note==''", None),
            ("note!=''", Some("note!=\"\" does not hold: note is empty")),
            ("a==1,battery>99", Some("a==1 does not hold: a is absent")),
            ("model>v97", None),
            ("version<2.9", Some("version<2.9 does not hold: version is 2.10.0")),
        ] {
            assert_eq!(judge(query, &device).as_deref(), why, "{query}");
        }
    }

    #[test]
    fn a_version_that_is_none_has_no_order() {
        let device = [("version", "factory")];
        for query in ["version<1", "version<=1", "version>1", "version>=1"] {
            assert!(judge(query, &device).is_some(), "{query}");
        }
        assert_eq!(judge("version==fact*", &device), None);
    }

    #[test]
    fn attributes_are_named_once() {
        let names = Selector::parse("b==1;(a==1,b!=2);c=null=true")
            .map(|selector| selector.attributes().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(names, Ok(["a", "b", "c"].map(String::from).to_vec()));
    }
}
