//! Rules over manifests: who depends on whom, and where versions live.
//!
//! Reads as much TOML as the house writes: sections, `key = value`, arrays over several lines.

/// A room, and what it may depend on among the rooms. Dev-dependencies are exempt.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("rollout-core", &[]),
    ("rollout-store", &["rollout-core"]),
    ("rollout-aws", &["rollout-core"]),
    ("rollout-tls", &[]),
    ("rollout-http", &["rollout-core", "rollout-tls"]),
    ("rollout-tui", &["rollout-core", "rollout-http"]),
    ("firmware-agent", &["rollout-core", "rollout-tls"]),
    (
        "rolloutd",
        &[
            "rollout-core",
            "rollout-store",
            "rollout-aws",
            "rollout-http",
            "rollout-tls",
            "rollout-tui",
            "firmware-agent",
        ],
    ),
];

/// What the daemon has only with its feature `demo`.
const DEMO: [&str; 2] = ["rollout-tui", "firmware-agent"];

/// A key of a section with its value and the comment behind it.
struct Entry {
    section: String,
    key: String,
    value: String,
    reason: String,
    line: usize,
}

impl Entry {
    /// The dependency this entry is about, if it is one that ships.
    fn shipped(&self) -> Option<&str> {
        self.dependency(&["dependencies", "build-dependencies"])
    }

    fn dependency(&self, kinds: &[&str]) -> Option<&str> {
        let parts: Vec<&str> = self.section.split('.').collect();
        let kind = |at: usize| parts.get(at).is_some_and(|part| kinds.contains(part));
        let place = (0..parts.len()).find(|at| kind(*at))?;
        let name = parts.get(place + 1).copied().unwrap_or(&self.key);
        Some(name.split('.').next().unwrap_or(name).trim_matches('"'))
    }
}

/// Rooms depend only on the rooms they may.
pub fn dependencies(path: &str, text: &str) -> Vec<String> {
    let room = path.trim_end_matches("/Cargo.toml");
    if room == "tests" {
        return Vec::new();
    }
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{path}: a room that the rules do not know")];
    };
    let mut complaints = Vec::new();
    for entry in entries(text) {
        let line = entry.line;
        if room == "firmware-agent" {
            complaints.extend(agent(path, &entry));
        }
        let Some(name) = entry.shipped() else { continue };
        let is_room = ALLOWED.iter().any(|(room, _)| *room == name);
        if is_room && !allowed.contains(&name) {
            complaints.push(format!("{path}:{line}: {room} may not depend on {name}"));
        }
        if room == "rolloutd" && DEMO.contains(&name) && !entry.value.contains("optional = true") {
            complaints.push(format!("{path}:{line}: {name} must be optional (feature demo)"));
        }
        if name.starts_with("aws-sdk") && room != "rollout-aws" {
            complaints.push(format!("{path}:{line}: only rollout-aws may depend on {name}"));
        }
        if ["rusqlite", "tokio-postgres", "sqlx"].contains(&name) && room != "rollout-store" {
            complaints.push(format!("{path}:{line}: only rollout-store may depend on {name}"));
        }
    }
    complaints
}

/// The agent takes the core bare and never learns to sign.
fn agent(path: &str, entry: &Entry) -> Vec<String> {
    let mut complaints = Vec::new();
    let line = entry.line;
    let text = format!("{} = {}", entry.key, entry.value);
    if entry.shipped() == Some("rollout-core")
        && (text.contains("default-features = true") || text.contains("features = ["))
    {
        complaints.push(format!("{path}:{line}: the agent takes rollout-core without features"));
    }
    if entry.section == "features" && entry.value.contains("rollout-core/sign") {
        complaints.push(format!("{path}:{line}: the agent never signs"));
    }
    complaints
}

/// A member takes every dependency from the workspace.
pub fn no_versions(path: &str, text: &str) -> Vec<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut complaints = Vec::new();
    for entry in entries(text) {
        let Some(name) = entry.dependency(&kinds) else { continue };
        let own_table = entry.section.ends_with(&format!(".{name}"));
        let inherited = entry.key.ends_with(".workspace") && entry.value == "true"
            || entry.value.contains("workspace = true")
            || own_table;
        let versioned = ["version", "path", "git"].iter().any(|key| {
            entry.value.contains(&format!("{key} = ")) || own_table && entry.key == *key
        });
        if !inherited || versioned {
            complaints.push(format!("{path}:{}: {name} is not from the workspace", entry.line));
        }
    }
    complaints
}

/// Each dependency of the root says why it is in the house; rooms need no reason.
pub fn reasons(path: &str, text: &str) -> Vec<String> {
    let entries = entries(text);
    let dependencies = entries.iter().filter(|entry| entry.section == "workspace.dependencies");
    let silent =
        dependencies.filter(|entry| entry.reason.is_empty() && !entry.value.contains("path = "));
    let says = |entry: &Entry| format!("{path}:{}: {} has no reason", entry.line, entry.key);
    silent.map(says).collect()
}

/// The core is bare unless a member asks for more: features are united over the workspace.
pub fn bare_core(path: &str, text: &str) -> Vec<String> {
    let entries = entries(text);
    let bare = entries.iter().any(|entry| {
        entry.section == "workspace.dependencies"
            && entry.key == "rollout-core"
            && entry.value.contains("default-features = false")
    });
    if bare { Vec::new() } else { vec![format!("{path}: rollout-core has default features")] }
}

fn entries(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut section = String::new();
    let mut open = 0;
    for (place, line) in text.lines().enumerate() {
        let (content, reason) = split_comment(line);
        let opens = content.matches(['[', '{']).count();
        let balance = opens as i64 - content.matches([']', '}']).count() as i64;
        if open > 0 {
            if let Some(last) = found.last_mut() {
                last.value.push_str(content);
                last.reason = reason.to_string();
            }
            open += balance;
        } else if let Some(name) = content.strip_prefix('[') {
            section = name.trim_start_matches('[').trim_end_matches(']').to_string();
        } else if let Some((key, value)) = content.split_once('=') {
            let (key, value) = (key.trim().to_string(), value.trim().to_string());
            let (section, reason) = (section.clone(), reason.to_string());
            found.push(Entry { section, key, value, reason, line: place + 1 });
            open = balance;
        }
    }
    found
}

/// A line without its comment, and the comment; a `#` within quotes is none.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quotes = 0;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quotes += 1,
            '#' if quotes % 2 == 0 => return (line[..at].trim(), line[at + 1..].trim()),
            _ => {}
        }
    }
    (line.trim(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_dependencies_are_seen() {
        for (room, text) in [
            ("rollout-core", "[dependencies]\nrollout-store.workspace = true"),
            ("rollout-store", "[dependencies]\nrollout-aws = { workspace = true }"),
            ("rollout-aws", "[dependencies.rollout-http]\nworkspace = true"),
            ("rollout-http", "[build-dependencies]\nrollout-store.workspace = true"),
            ("rollout-tui", "[target.'cfg(unix)'.dependencies]\nrolloutd.workspace = true"),
            ("firmware-agent", "[dependencies]\nrollout-http.workspace = true"),
            (
                "firmware-agent",
                "[dependencies]\nrollout-core = { workspace = true, features = [\"decide\"] }",
            ),
            ("firmware-agent", "[features]\nhost = [\n  \"rollout-core/sign\",\n]"),
            ("rolloutd", "[dependencies]\nrollout-tui.workspace = true"),
            ("rolloutd", "[dependencies]\naws-sdk-iot.workspace = true"),
            ("rollout-http", "[dependencies]\nrusqlite.workspace = true"),
            ("rollout-new", ""),
        ] {
            let path = format!("{room}/Cargo.toml");
            assert_eq!(dependencies(&path, text).len(), 1, "{room} {text}");
        }
        for (room, text) in [
            ("rollout-store", "[dev-dependencies]\nrollout-aws.workspace = true"),
            ("rollout-tui", "[dependencies]\nrollout-http = { workspace = true }"),
            ("rolloutd", "[dependencies]\nrollout-tui = { workspace = true, optional = true }"),
            ("firmware-agent", "[dependencies]\nrollout-core.workspace = true"),
            ("tests", "[dependencies]\nrollout-store.workspace = true"),
        ] {
            assert_eq!(dependencies(&format!("{room}/Cargo.toml"), text), [""; 0], "{text}");
        }
    }

    #[test]
    fn versions_in_members_are_seen() {
        for text in [
            "[dependencies]\nserde = \"1\"",
            "[dev-dependencies]\nserde = { version = \"1\" }",
            "[dependencies]\nserde = { workspace = true, version = \"1\" }",
            "[dependencies]\nx = { path = \"../x\" }",
            "[dependencies.serde]\nversion = \"1\"",
        ] {
            assert_eq!(no_versions("a/Cargo.toml", text).len(), 1, "{text}");
        }
        for text in [
            "[package]\nversion.workspace = true",
            "[dependencies]\nserde.workspace = true",
            "[dependencies]\nserde = { workspace = true, features = [\n  \"alloc\",\n] }",
            "[dependencies.serde]\nworkspace = true\nfeatures = [\"alloc\"]",
        ] {
            assert_eq!(no_versions("a/Cargo.toml", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn dependencies_without_a_reason_are_seen() {
        let section = "[workspace.dependencies]\n";
        for text in ["a = \"1\"", "a = \"1\" #", "a = { features = [\n\"#x\",\n] }"] {
            assert_eq!(reasons("Cargo.toml", &format!("{section}{text}")).len(), 1, "{text}");
        }
        for text in ["a = \"1\" # why", "a = { path = \"a\" }", "a = { features = [\n] } # why"] {
            assert_eq!(reasons("Cargo.toml", &format!("{section}{text}")), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_core_with_default_features_is_seen() {
        let text = "[workspace.dependencies]\nrollout-core = { path = \"rollout-core\" }";
        assert_eq!(bare_core("Cargo.toml", text).len(), 1);
    }
}
