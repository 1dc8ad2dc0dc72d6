//! The description as a page to read: plain HTML from the document, nothing from other hosts.
//!
//! Invariant: every text of the document is escaped.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the page may load: its own style.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;\
    padding:0 1rem;color:#1b1b1b;background:#fff}h2{border-bottom:1px solid #ccc;margin-top:3rem}\
    summary{cursor:pointer;padding:.25rem 0}code,pre{font:14px/1.5 ui-monospace,monospace}\
    table{border-collapse:collapse;margin:.5rem 0}td,th{text-align:left;vertical-align:top;\
    padding:.15rem 1rem .15rem 0}section{margin:0 0 1rem 1.2rem}.m{display:inline-block;\
    min-width:4.2rem;font-weight:600}nav a{margin-right:1rem}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}a{color:#8ab4f8}}";

/// The page of a document.
pub(super) fn render(document: &Value) -> String {
    let mut page = String::new();
    let title = text(&document["info"]["title"]);
    let about = text(&document["info"]["description"]);
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1><p>{about}</p><p>As a document: <a href=\"/openapi.json\">OpenAPI 3.1\
         </a>.</p>"
    );
    let groups = groups(document);
    page.push_str("<nav>");
    for tag in groups.keys() {
        let _ = write!(page, "<a href=\"#{0}\">{0}</a>", escape(tag));
    }
    page.push_str("<a href=\"#schemas\">documents</a></nav>");
    for (tag, routes) in &groups {
        let _ = write!(page, "<h2 id=\"{0}\">{0}</h2>", escape(tag));
        for (method, path, route) in routes {
            operation(&mut page, method, path, route);
        }
    }
    page.push_str("<h2 id=\"schemas\">documents</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        let name = escape(name);
        let shown = serde_json::to_string_pretty(schema).unwrap_or_default();
        let _ = write!(
            page,
            "<details id=\"schema-{name}\"><summary><code>{name}</code> {}</summary>\
             <pre>{}</pre></details>",
            text(&schema["description"]),
            escape(&shown)
        );
    }
    page
}

/// Operations by their first tag, in the order of paths.
fn groups(document: &Value) -> BTreeMap<&str, Vec<(&str, &str, &Value)>> {
    let mut groups: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (path, item) in object(&document["paths"]) {
        for (method, route) in object(item) {
            let tag = route["tags"][0].as_str().unwrap_or_default();
            groups.entry(tag).or_default().push((method.as_str(), path.as_str(), route));
        }
    }
    groups
}

fn operation(page: &mut String, method: &str, path: &str, route: &Value) {
    let _ = write!(
        page,
        "<details><summary><span class=\"m\">{}</span> <code>{}</code> {}</summary><section>",
        escape(&method.to_uppercase()),
        escape(path),
        text(&route["summary"])
    );
    let asked = route["x-operations"].as_array().into_iter().flatten().map(text);
    let asked: Vec<_> = asked.collect();
    if !asked.is_empty() {
        let _ = write!(page, "<p>The token must allow to {}.</p>", asked.join(", or to "));
    }
    let params = route["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !params.is_empty() {
        page.push_str("<table>");
        for param in params {
            let _ = write!(
                page,
                "<tr><td><code>{}</code><td>{}<td>{}<td>such as <code>{}</code>",
                text(&param["name"]),
                text(&param["in"]),
                text(&param["description"]),
                escape(param["example"].as_str().unwrap_or(&param["example"].to_string()))
            );
        }
        page.push_str("</table>");
    }
    if !route["requestBody"].is_null() {
        let _ = write!(page, "<p>Reads {}</p>", content(&route["requestBody"]["content"]));
    }
    page.push_str("<table>");
    for (status, answer) in object(&route["responses"]) {
        let about = text(&answer["description"]);
        let problem = if answer["$ref"].is_string() { "a problem document" } else { "" };
        let content = content(&answer["content"]);
        let _ = write!(page, "<tr><td>{}<td>{about}{problem} {content}", escape(status));
    }
    page.push_str("</table></section></details>");
}

/// Types and documents of a body.
fn content(content: &Value) -> String {
    let one = |(kind, media): (&String, &Value)| {
        let name = media["schema"]["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        let kind = escape(kind);
        match name.map(escape) {
            Some(name) => format!("<code>{kind}</code> <a href=\"#schema-{name}\">{name}</a>"),
            None => format!("<code>{kind}</code>"),
        }
    };
    object(content).map(one).collect::<Vec<_>>().join(", ")
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
