//! From FIQL/RSQL text to a [`Selector`].
//!
//! By hand and by recursive descent: the language is small, and an operator deserves a column and
//! an expectation. Invariant: whatever is typed, time and stack are bounded by
//! [`crate::limits`], and nothing panics. Not here: what a query means (`selector.rs`).

use super::selector::{Comparison, Node, Presence, Relation, Selector, Test};
use super::value::{Pattern, Value, is_bare};
use super::{NO_ATTRIBUTES, is_version_attribute, nearest};
use crate::limits;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A text that is no query, and where it stops being one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: expected {expected}, found {found}")]
pub struct SelectorError {
    /// Which rule was broken.
    pub fault: SelectorFault,
    /// Where, in characters; the first is 1.
    pub column: usize,
    /// What stands there.
    pub found: String,
    /// What could have stood there.
    pub expected: String,
}

/// The kinds of mistake in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SelectorFault {
    /// Longer, deeper or more than a query may be.
    Bound,
    /// No attribute name.
    Attribute,
    /// No operator.
    Operator,
    /// No value.
    Value,
    /// Parentheses, `;` and `,` do not fit.
    Shape,
    /// A `*` where nothing is matched by pattern.
    Wildcard,
    /// A version attribute is compared with something that is no version.
    Version,
}

impl SelectorError {
    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self.fault {
            SelectorFault::Bound => "SE-001",
            SelectorFault::Attribute => "SE-002",
            SelectorFault::Operator => "SE-003",
            SelectorFault::Value => "SE-004",
            SelectorFault::Shape => "SE-005",
            SelectorFault::Wildcard => "SE-006",
            SelectorFault::Version => "SE-007",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.fault {
            SelectorFault::Bound => "use named cohorts or an attribute that groups the devices",
            SelectorFault::Attribute => "a comparison reads `attribute operator value`",
            SelectorFault::Operator => {
                "operators are == != < <= > >= =lt= =le= =gt= =ge= =in= =out= =null="
            }
            SelectorFault::Value => "put a value with spaces or ()<>=!~,; in quotes",
            SelectorFault::Shape => "join with `;` (and) or `,` (or); `;` binds tighter",
            SelectorFault::Wildcard => "use == or !=, or write `\\*` in quotes for a star",
            SelectorFault::Version => "write a version such as 2.4.1, or compare with == and !=",
        }
    }
}

impl Selector {
    /// Reads a query.
    ///
    /// # Errors
    /// [`SelectorError`] with the column of the first mistake.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Self::parse_without(text, &[])
    }

    /// Reads a query that is written now: fields of a device that are no attributes are refused.
    ///
    /// # Errors
    /// [`SelectorError`] as of [`Selector::parse`], which reads what was written before this.
    pub fn parse_new(text: &str) -> Result<Self, SelectorError> {
        Self::parse_without(text, &NO_ATTRIBUTES)
    }

    fn parse_without(text: &str, refused: &'static [(&str, &str)]) -> Result<Self, SelectorError> {
        let mut parser = Parser { text, at: 0, depth: 0, terms: 0, refused };
        if text.len() > limits::QUERY_BYTES {
            let expected = format!("at most {} bytes", limits::QUERY_BYTES);
            let found = format!("{} bytes", text.len());
            return Err(SelectorError { fault: SelectorFault::Bound, column: 1, found, expected });
        }
        let root = parser.any()?;
        if parser.peek().is_some() {
            return Err(parser.error(SelectorFault::Shape, "`;`, `,` or the end"));
        }
        Ok(Self::from_root(root))
    }
}

struct Parser<'t> {
    text: &'t str,
    /// Names that are refused, and what is expected in their place.
    refused: &'static [(&'static str, &'static str)],
    at: usize,
    depth: usize,
    terms: usize,
}

/// What follows an attribute name.
#[derive(Clone, Copy)]
enum Operator {
    Equals,
    Differs,
    Orders(Relation),
    In,
    Out,
    Null,
}

/// Longest first, so that none hides another.
const SYMBOLS: [(&str, Operator); 6] = [
    ("==", Operator::Equals),
    ("!=", Operator::Differs),
    ("<=", Operator::Orders(Relation::AtMost)),
    (">=", Operator::Orders(Relation::AtLeast)),
    ("<", Operator::Orders(Relation::Below)),
    (">", Operator::Orders(Relation::Above)),
];

/// `le` and `ge` come first: they are what `lte` and `gte` mean.
const WORDS: [(&str, Operator); 7] = [
    ("=le=", Operator::Orders(Relation::AtMost)),
    ("=ge=", Operator::Orders(Relation::AtLeast)),
    ("=lt=", Operator::Orders(Relation::Below)),
    ("=gt=", Operator::Orders(Relation::Above)),
    ("=in=", Operator::In),
    ("=out=", Operator::Out),
    ("=null=", Operator::Null),
];

impl<'t> Parser<'t> {
    fn any(&mut self) -> Result<Node, SelectorError> {
        let first = self.all()?;
        let mut nodes = Vec::new();
        spread(first, &mut nodes, Join::Any);
        while self.joined(',', "or") {
            let next = self.all()?;
            spread(next, &mut nodes, Join::Any);
        }
        Ok(group(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, SelectorError> {
        let first = self.term()?;
        let mut nodes = Vec::new();
        spread(first, &mut nodes, Join::All);
        while self.joined(';', "and") {
            let next = self.term()?;
            spread(next, &mut nodes, Join::All);
        }
        Ok(group(nodes, Node::All))
    }

    fn term(&mut self) -> Result<Node, SelectorError> {
        if self.peek() != Some('(') {
            return self.comparison().map(Node::Compare);
        }
        if self.depth == limits::QUERY_DEPTH {
            let expected = format!("at most {} levels of parentheses", limits::QUERY_DEPTH);
            return Err(self.error(SelectorFault::Bound, &expected));
        }
        self.at += 1;
        self.depth += 1;
        let node = self.any()?;
        if self.peek() != Some(')') {
            return Err(self.error(SelectorFault::Shape, "`;`, `,` or `)`"));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Comparison, SelectorError> {
        let attribute = self.attribute()?;
        if self.terms == limits::QUERY_TERMS {
            self.at -= attribute.len();
            let expected = format!("at most {} comparisons", limits::QUERY_TERMS);
            return Err(self.error(SelectorFault::Bound, &expected));
        }
        self.terms += 1;
        let test = match self.operator()? {
            Operator::Equals => Test::Equals(Pattern::of(attribute, self.pieces()?)),
            Operator::Differs => Test::Differs(Pattern::of(attribute, self.pieces()?)),
            Operator::Orders(relation) => Test::Orders(relation, self.ordered(attribute)?),
            Operator::In => Test::In(self.list(attribute)?),
            Operator::Out => Test::Out(self.list(attribute)?),
            Operator::Null => Test::Null(self.presence()?),
        };
        Ok(Comparison { attribute: attribute.to_string(), test })
    }

    fn attribute(&mut self) -> Result<&'t str, SelectorError> {
        let starts = self.peek().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts {
            return Err(self.error(SelectorFault::Attribute, "an attribute name"));
        }
        let name = self.take_while(is_name);
        if name.len() > limits::ATTRIBUTE_BYTES {
            self.at -= name.len();
            let expected = format!("a name of at most {} bytes", limits::ATTRIBUTE_BYTES);
            return Err(self.error(SelectorFault::Attribute, &expected));
        }
        if let Some((_, expected)) = self.refused.iter().find(|(refused, _)| *refused == name) {
            self.at -= name.len();
            return Err(self.error(SelectorFault::Attribute, expected));
        }
        Ok(name)
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        self.skip_spaces();
        let rest = &self.text[self.at..];
        let known = SYMBOLS.iter().chain(&WORDS).find(|(text, _)| rest.starts_with(text));
        if let Some((text, operator)) = known {
            self.at += text.len();
            return Ok(*operator);
        }
        let mut expected = "an operator such as `==`".to_string();
        if let Some(word) = fiql_word(rest)
            && let Some(near) = nearest(word, WORDS.iter().map(|(text, _)| *text))
        {
            expected = format!("an operator such as `{near}`");
        }
        Err(self.error(SelectorFault::Operator, &expected))
    }

    fn ordered(&mut self, attribute: &str) -> Result<Value, SelectorError> {
        let (value, start) = self.value(attribute)?;
        if is_version_attribute(attribute) && !value.is_version() {
            self.at = start;
            return Err(self.error(SelectorFault::Version, "a semantic version"));
        }
        Ok(value)
    }

    fn list(&mut self, attribute: &str) -> Result<Vec<Value>, SelectorError> {
        if self.peek() != Some('(') {
            return Err(self.error(SelectorFault::Value, "`(` and a list of values"));
        }
        let mut values = Vec::new();
        loop {
            self.at += 1;
            let (value, start) = self.value(attribute)?;
            if values.len() == limits::QUERY_LIST {
                self.at = start;
                let expected = format!("at most {} values", limits::QUERY_LIST);
                return Err(self.error(SelectorFault::Bound, &expected));
            }
            values.push(value);
            match self.peek() {
                Some(',') => {}
                Some(')') => break,
                Some(_) | None => return Err(self.error(SelectorFault::Shape, "`,` or `)`")),
            }
        }
        self.at += 1;
        Ok(values)
    }

    fn presence(&mut self) -> Result<Presence, SelectorError> {
        self.skip_spaces();
        let start = self.at;
        match self.take_while(is_bare) {
            "true" => Ok(Presence::Absent),
            "false" => Ok(Presence::Present),
            _ => {
                self.at = start;
                Err(self.error(SelectorFault::Value, "`true` or `false`"))
            }
        }
    }

    /// A value without wildcards, and where it starts.
    fn value(&mut self, attribute: &str) -> Result<(Value, usize), SelectorError> {
        self.skip_spaces();
        let start = self.at;
        let mut pieces = self.pieces()?;
        match pieces.pop() {
            Some(text) if pieces.is_empty() => Ok((Value::of(attribute, text), start)),
            Some(_) | None => {
                self.at = start;
                Err(self.error(SelectorFault::Wildcard, "a value without `*`"))
            }
        }
    }

    /// A value as the texts between its unescaped stars.
    fn pieces(&mut self) -> Result<Vec<String>, SelectorError> {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            return self.quoted(quote);
        }
        let word = self.take_while(is_bare);
        if word.is_empty() {
            return Err(self.error(SelectorFault::Value, "a value"));
        }
        Ok(word.split('*').map(ToString::to_string).collect())
    }

    fn quoted(&mut self, quote: char) -> Result<Vec<String>, SelectorError> {
        self.at += 1;
        let mut pieces = Vec::new();
        let mut piece = String::new();
        loop {
            match self.next() {
                None => {
                    let expected = format!("a closing `{quote}`");
                    return Err(self.error(SelectorFault::Value, &expected));
                }
                Some(c) if c == quote => break,
                Some('*') => pieces.push(core::mem::take(&mut piece)),
                Some('\\') => piece.push(self.escaped()?),
                Some(c) if c.is_control() => {
                    self.at -= c.len_utf8();
                    return Err(self.error(SelectorFault::Value, "no control characters"));
                }
                Some(c) => piece.push(c),
            }
        }
        pieces.push(piece);
        Ok(pieces)
    }

    fn escaped(&mut self) -> Result<char, SelectorError> {
        match self.text[self.at..].chars().next() {
            Some(c @ ('\\' | '"' | '\'' | '*')) => {
                self.at += 1;
                Ok(c)
            }
            Some(_) | None => {
                Err(self.error(SelectorFault::Value, "`\\`, `\"`, `'` or `*` after a backslash"))
            }
        }
    }

    /// Takes a symbol, or the word that means the same.
    fn joined(&mut self, symbol: char, word: &str) -> bool {
        let found = self.peek();
        let rest = &self.text[self.at..];
        let spelled = rest.strip_prefix(word).is_some_and(|after| !after.starts_with(is_name));
        self.at += match found {
            Some(c) if c == symbol => symbol.len_utf8(),
            Some(_) if spelled => word.len(),
            Some(_) | None => return false,
        };
        true
    }

    fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// The next character that is no space, not taken.
    fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_while(&mut self, is_part: fn(char) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn error(&self, fault: SelectorFault, expected: &str) -> SelectorError {
        SelectorError {
            fault,
            column: self.text[..self.at].chars().count() + 1,
            found: found(&self.text[self.at..]),
            expected: expected.to_string(),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-".contains(c)
}

/// `=word=` or `=word` at the start of a text.
fn fiql_word(rest: &str) -> Option<&str> {
    let after = rest.strip_prefix('=')?;
    let length = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
    let closed = usize::from(after[length..].starts_with('='));
    (length > 0).then(|| &rest[..1 + length + closed])
}

/// What stands at the start of a text: its end, a word (cut to 24 characters) or a symbol.
fn found(rest: &str) -> String {
    let Some(first) = rest.chars().next() else { return "the end".to_string() };
    if let Some(word) = fiql_word(rest) {
        return format!("`{}`", word.chars().take(24).collect::<String>());
    }
    let word = rest.chars().take_while(|c| is_bare(*c)).take(24).collect::<String>();
    if word.is_empty() { format!("`{}`", first.escape_debug()) } else { format!("`{word}`") }
}

#[derive(Clone, Copy)]
enum Join {
    All,
    Any,
}

/// Adds a node; one of the same kind gives its nodes, so nesting that means nothing is not kept.
fn spread(node: Node, nodes: &mut Vec<Node>, join: Join) {
    match (node, join) {
        (Node::All(inner), Join::All) | (Node::Any(inner), Join::Any) => nodes.extend(inner),
        (node @ (Node::Compare(_) | Node::All(_) | Node::Any(_)), Join::All | Join::Any) => {
            nodes.push(node);
        }
    }
}

/// One node as it is, several as a group.
fn group(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            join(nodes)
        }
        None => join(nodes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_have_one_canonical_text() {
        for (text, canonical) in [
            ("a==1", "a==1"),
            (" a == 1 and b=ge=2 or c=lt=3 ", "a==1;b>=2,c<3"),
            ("a==1;(b==2,c==3)", "a==1;(b==2,c==3)"),
            ("((a==1));((b==2;c==3))", "a==1;b==2;c==3"),
            ("(a==1,b==2),c==3", "a==1,b==2,c==3"),
            ("(a==1;b==2),c==3", "a==1;b==2,c==3"),
            ("a=in=( x , 'y z' )", "a=in=(x,\"y z\")"),
            ("a=='it\\'s \"x\"'", "a=='it\\'s \"x\"'"),
            ("a=='it\\'s'", "a==\"it's\""),
            ("a=='plain'", "a==plain"),
            ("a=='x*'", "a==x*"),
            ("a=='x\\*'", "a==\"x\\*\""),
            ("a==x**y", "a==x*y"),
            ("and==1 and or==2", "and==1;or==2"),
            ("(a==1)and(b==2)or(c==3)", "a==1;b==2,c==3"),
            ("device.id=out=(a:b,c)", "device.id=out=(a:b,c)"),
            ("a=null=false", "a=null=false"),
            ("a==-5;b<-5", "a==-5;b<-5"),
        ] {
            let parsed = Selector::parse(text).map(|selector| selector.to_string());
            assert_eq!(parsed.as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn bounds_hold_at_their_edge() {
        let nested = |depth| format!("{}a==1{}", "(".repeat(depth), ")".repeat(depth));
        let terms = |count: usize| ["a==1"].repeat(count).join(";");
        let list = |count: usize| format!("a=in=({})", ["1"].repeat(count).join(","));
        let long = |bytes: usize| format!("a=={}", "x".repeat(bytes - 3));
        let name = |bytes: usize| format!("{}==1", "n".repeat(bytes));
        for (fits, over) in [
            (nested(limits::QUERY_DEPTH), nested(limits::QUERY_DEPTH + 1)),
            (terms(limits::QUERY_TERMS), terms(limits::QUERY_TERMS + 1)),
            (list(limits::QUERY_LIST), list(limits::QUERY_LIST + 1)),
            (long(limits::QUERY_BYTES), long(limits::QUERY_BYTES + 1)),
            (name(limits::ATTRIBUTE_BYTES), name(limits::ATTRIBUTE_BYTES + 1)),
        ] {
            assert!(Selector::parse(&fits).is_ok());
            assert!(Selector::parse(&over).is_err());
        }
    }
}
