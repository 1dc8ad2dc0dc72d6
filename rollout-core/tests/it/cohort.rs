//! Queries as operators write them: one canonical text, exact semantics, errors with a column.
//!
//! The oracle here judges a query the slow way, from the rules alone, and shares no code with the
//! crate. Not here: single comparisons of values, which are table tests beside the code.

use proptest::prelude::*;
use rollout_core::cohort::{Attributes, Selector, SelectorFault, from_fn};
use rollout_core::limits::QUERY_BYTES;
use std::collections::BTreeMap;

/// A query as the generator knows it, before any text.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(Leaf),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

#[derive(Clone, Debug)]
enum Leaf {
    Equals(String, String),
    Differs(String, String),
    AtLeast(String, i32),
    In(String, Vec<String>),
    Out(String, Vec<String>),
    Absent(String),
    Prefix(String, String),
}

type Device = BTreeMap<String, String>;

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["model", "region", "device.id", "bat_tery"]).prop_map(String::from)
}

/// Few values, so that queries and devices meet; some need quotes and escapes.
fn text() -> impl Strategy<Value = String> {
    let plain = vec!["v980", "7", "07.0", "-3", "", "a b", "x*y", "it's", "\"q\"'", "\\", "é;,"];
    prop::sample::select(plain).prop_map(String::from)
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let texts = || prop::collection::vec(text(), 1..4);
    prop_oneof![
        (name(), text()).prop_map(|(name, value)| Leaf::Equals(name, value)),
        (name(), text()).prop_map(|(name, value)| Leaf::Differs(name, value)),
        (name(), -5..10i32).prop_map(|(name, value)| Leaf::AtLeast(name, value)),
        (name(), texts()).prop_map(|(name, values)| Leaf::In(name, values)),
        (name(), texts()).prop_map(|(name, values)| Leaf::Out(name, values)),
        name().prop_map(Leaf::Absent),
        (name(), text()).prop_map(|(name, value)| Leaf::Prefix(name, value)),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_map(Tree::Leaf).prop_recursive(4, 24, 4, |inner| {
        let several = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![several().prop_map(Tree::And), several().prop_map(Tree::Or)]
    })
}

fn device() -> impl Strategy<Value = Device> {
    prop::collection::btree_map(name(), text(), 0..4)
}

fn quoted(value: &str) -> String {
    let escape = |c: char| if "'\\*".contains(c) { format!("\\{c}") } else { c.to_string() };
    format!("'{}'", value.chars().map(escape).collect::<String>())
}

/// Text of a tree, with more parentheses and spaces than it needs.
fn written(tree: &Tree) -> String {
    let list = |values: &[String]| values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(" ,");
    let join = |trees: &[Tree], symbol| {
        let each = trees.iter().map(|tree| format!("( {})", written(tree)));
        each.collect::<Vec<_>>().join(symbol)
    };
    match tree {
        Tree::Leaf(Leaf::Equals(name, value)) => format!("{name}=={}", quoted(value)),
        Tree::Leaf(Leaf::Differs(name, value)) => format!("{name} != {}", quoted(value)),
        Tree::Leaf(Leaf::AtLeast(name, value)) => format!("{name}=ge={value}"),
        Tree::Leaf(Leaf::In(name, values)) => format!("{name}=in=({})", list(values)),
        Tree::Leaf(Leaf::Out(name, values)) => format!("{name} =out= ( {})", list(values)),
        Tree::Leaf(Leaf::Absent(name)) => format!("{name}=null=true"),
        Tree::Leaf(Leaf::Prefix(name, value)) => {
            let text = quoted(value);
            format!("{name}=={}*'", &text[..text.len() - 1])
        }
        Tree::And(trees) => join(trees, " and "),
        Tree::Or(trees) => join(trees, ","),
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn same(found: &str, value: &str) -> bool {
    number(found).zip(number(value)).map_or(found == value, |(found, value)| found == value)
}

fn judged(tree: &Tree, device: &Device) -> bool {
    let leaf = match tree {
        Tree::Leaf(leaf) => leaf,
        Tree::And(trees) => return trees.iter().all(|tree| judged(tree, device)),
        Tree::Or(trees) => return trees.iter().any(|tree| judged(tree, device)),
    };
    let has =
        |name: &str, test: &dyn Fn(&str) -> bool| device.get(name).is_some_and(|found| test(found));
    match leaf {
        Leaf::Equals(name, value) => has(name, &|found| same(found, value)),
        Leaf::Differs(name, value) => has(name, &|found| !same(found, value)),
        Leaf::AtLeast(name, value) => has(name, &|found| {
            number(found).map_or(found >= &*value.to_string(), |found| found >= f64::from(*value))
        }),
        Leaf::In(name, values) => has(name, &|found| values.iter().any(|v| same(found, v))),
        Leaf::Out(name, values) => has(name, &|found| !values.iter().any(|v| same(found, v))),
        Leaf::Absent(name) => !device.contains_key(name),
        Leaf::Prefix(name, value) => has(name, &|found| found.starts_with(value.as_str())),
    }
}

proptest! {
    /// What is displayed parses to the same selector, and is never longer than what was written.
    #[test]
    fn display_parses_to_the_same_selector(tree in tree()) {
        let text = written(&tree);
        let selector = Selector::parse(&text)?;
        let canonical = selector.to_string();
        prop_assert!(canonical.len() <= text.len(), "{canonical} grew from {text}");
        let again = Selector::parse(&canonical)?;
        prop_assert_eq!(&again, &selector);
        prop_assert_eq!(again.to_string(), canonical);
    }

    /// A device matches exactly if the rules say so, and exactly if nothing explains why not.
    #[test]
    fn a_match_is_what_has_no_explanation(tree in tree(), device in device()) {
        let selector = Selector::parse(&written(&tree))?;
        let miss = selector.explain(&device);
        prop_assert_eq!(selector.matches(&device), judged(&tree, &device));
        prop_assert_eq!(miss.is_none(), selector.matches(&device));
        if let Some(miss) = miss {
            prop_assert!(!miss.comparison.holds(miss.found));
            prop_assert_eq!(miss.found, device.get(&miss.comparison.attribute).map(|v| &**v));
        }
    }

    /// No text makes the parser panic; what it refuses it refuses at a place in the text.
    #[test]
    fn no_text_breaks_the_parser(text in "\\PC{0,60}|[a-z=!<>()*;,'\"\\\\ ]{0,60}") {
        match Selector::parse(&text) {
            Ok(selector) => prop_assert_eq!(Selector::parse(&selector.to_string())?, selector),
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{}", error);
                prop_assert!(!error.expected.is_empty() && !error.found.is_empty());
            }
        }
    }

    /// However deep it nests, a text ends in an answer.
    #[test]
    fn no_depth_breaks_the_parser(depth in 0..QUERY_BYTES) {
        prop_assert!(Selector::parse(&"(".repeat(depth)).is_err());
    }
}

/// `not (a==1 and b==1)` is not `a!=1 or b!=1` for a device that has neither.
#[test]
fn de_morgan_does_not_hold_for_absent_attributes() -> Result<(), Box<dyn std::error::Error>> {
    let both = Selector::parse("a==1;b==1")?;
    let either_differs = Selector::parse("a!=1,b!=1")?;
    let nothing = Device::new();
    assert!(!both.matches(&nothing) && !either_differs.matches(&nothing));
    let said = Selector::parse("a=null=true,a!=1,b=null=true,b!=1")?;
    assert!(said.matches(&nothing), "absence has to be asked for");
    Ok(())
}

#[test]
fn attributes_come_from_maps_pairs_and_functions() -> Result<(), Box<dyn std::error::Error>> {
    let selector = Selector::parse("model==v980;region=in=(eu-west,eu-central)")?;
    let pairs = [("model", "v980"), ("region", "eu-west")];
    let map: Device = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let model = String::from("v980");
    let function = from_fn(|name| match name {
        "model" => Some(model.as_str()),
        "region" => Some("eu-west"),
        _ => None,
    });
    assert!(selector.matches(&map) && selector.matches(&pairs) && selector.matches(&function));
    assert!(selector.matches(pairs.as_slice()));
    assert_eq!(Attributes::get(&function, "x"), None);
    Ok(())
}

#[test]
fn errors_name_their_column_and_what_was_expected() {
    for (query, code, says) in [
        ("", "SE-002", "column 1: expected an attribute name, found the end"),
        ("  ", "SE-002", "column 3: expected an attribute name, found the end"),
        ("1==1", "SE-002", "column 1: expected an attribute name, found `1`"),
        ("a==1;", "SE-002", "column 6: expected an attribute name, found the end"),
        ("a==1;;b==2", "SE-002", "column 6: expected an attribute name, found `;`"),
        ("model", "SE-003", "column 6: expected an operator such as `==`, found the end"),
        ("model=v980", "SE-003", "column 6: expected an operator such as `==`, found `=v980`"),
        ("bat=gte=3", "SE-003", "column 4: expected an operator such as `=ge=`, found `=gte=`"),
        ("bat =IN= 3", "SE-003", "column 5: expected an operator such as `=in=`, found `=IN=`"),
        ("bat~3", "SE-003", "column 4: expected an operator such as `==`, found `~`"),
        ("a==", "SE-004", "column 4: expected a value, found the end"),
        ("a==(b)", "SE-004", "column 4: expected a value, found `(`"),
        ("a=='x", "SE-004", "column 6: expected a closing `'`, found the end"),
        (
            "a=='x\\n'",
            "SE-004",
            "column 7: expected `\\`, `\"`, `'` or `*` after a backslash, found `n`",
        ),
        ("a=='x\ty'", "SE-004", "column 6: expected no control characters, found `\\t`"),
        ("a=in=b", "SE-004", "column 6: expected `(` and a list of values, found `b`"),
        ("a=in=()", "SE-004", "column 7: expected a value, found `)`"),
        ("a=null=yes", "SE-004", "column 8: expected `true` or `false`, found `yes`"),
        ("a=in=(b", "SE-005", "column 8: expected `,` or `)`, found the end"),
        ("(a==1", "SE-005", "column 6: expected `;`, `,` or `)`, found the end"),
        ("a==1)", "SE-005", "column 5: expected `;`, `,` or the end, found `)`"),
        ("a==1 b==2", "SE-005", "column 6: expected `;`, `,` or the end, found `b`"),
        ("a==é andb==2", "SE-005", "column 6: expected `;`, `,` or the end, found `andb`"),
        ("a=lt=5*", "SE-006", "column 6: expected a value without `*`, found `5*`"),
        ("a=in=(b,c*)", "SE-006", "column 9: expected a value without `*`, found `c*`"),
        ("version>v2", "SE-007", "column 9: expected a semantic version, found `v2`"),
    ] {
        let error = Selector::parse(query).err();
        assert_eq!(error.as_ref().map(|error| error.code()), Some(code), "{query}");
        assert_eq!(error.as_ref().map(ToString::to_string).as_deref(), Some(says), "{query}");
        assert!(error.is_some_and(|error| !error.hint().is_empty()));
    }
}

#[test]
fn bounds_are_refused_where_they_are_passed() {
    let terms = ["a==1"; 257].join(";");
    let list = format!("a=in=({})", ["1"; 1001].join(","));
    for (query, says) in [
        ("(".repeat(17), "column 17: expected at most 16 levels of parentheses, found `(`"),
        (terms, "column 1281: expected at most 256 comparisons, found `a`"),
        (list, "column 2007: expected at most 1000 values, found `1`"),
        ("x".repeat(4097), "column 1: expected at most 4096 bytes, found 4097 bytes"),
    ] {
        let error = Selector::parse(&query).err();
        assert_eq!(error.as_ref().map(|error| error.code()), Some("SE-001"));
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(says));
    }
}

#[test]
fn what_is_no_attribute_is_refused_where_it_is_written_and_read_where_it_was() {
    for (text, column, expected) in [
        ("id==dev-1", 1, "`device`, which"),
        ("model==v980;(id=in=(a,b))", 14, "`device`, which"),
        ("last_seen<5", 1, "an attribute; by when"),
    ] {
        let error = Selector::parse_new(text).expect_err(text);
        assert_eq!((error.fault, error.column), (SelectorFault::Attribute, column), "{text}");
        assert!(error.expected.starts_with(expected), "{error}");
        assert!(Selector::parse(text).is_ok(), "a journal may have it: {text}");
    }
    assert!(Selector::parse_new("device==id;ids==1").is_ok(), "a value is no name");
}
