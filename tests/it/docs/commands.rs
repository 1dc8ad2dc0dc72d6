//! Commands that documents show: the program, its subcommand and every option exist.
//!
//! Held against `--help`, which is made from the very arguments that are read. Not here: whether
//! values are good; the tour runs its commands.

use super::markdown::Page;
use super::programs::{PROGRAMS, Programs};
use super::shell;
use std::path::Path;

/// Where a build leaves the programs.
const BUILT: &str = "target/release/";

/// Commands of a page's `sh` blocks that nobody could type.
pub fn check(root: &Path, programs: &Programs, page: &Page) -> Vec<String> {
    let mut complaints = Vec::new();
    for block in page.blocks().iter().filter(|block| block.tag.split(' ').next() == Some("sh")) {
        for words in shell::commands(&block.lines) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let Err(why) = look_at(root, programs, &words) {
                complaints.push(format!("{}:{}: {why}", page.path, block.line));
            }
        }
    }
    complaints
}

fn look_at(root: &Path, programs: &Programs, words: &[&str]) -> Result<(), String> {
    let given = |word: &&&str| word.contains('=') && !word.starts_with('-');
    let set = words.iter().take_while(given).count();
    let Some((program, rest)) = words[set..].split_first() else { return Ok(()) };
    match program.strip_prefix(BUILT).unwrap_or(program) {
        "cargo" => cargo(root, programs, rest),
        name if PROGRAMS.contains(&name) => options(programs, name, rest),
        path if path.contains('/') && !root.join(path).exists() => {
            Err(format!("`{path}` does not exist"))
        }
        _ => Ok(()),
    }
}

/// The packages exist, and so does what is passed on to the program of the only one.
fn cargo(root: &Path, programs: &Programs, words: &[&str]) -> Result<(), String> {
    let end = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let packages: Vec<&str> = words[..end]
        .windows(2)
        .filter_map(|pair| if pair[0] == "-p" { Some(pair[1]) } else { None })
        .collect();
    for package in &packages {
        if !root.join(package).join("Cargo.toml").exists() {
            return Err(format!("there is no package `{package}`"));
        }
    }
    match packages[..] {
        [package] if end < words.len() => options(programs, package, &words[end + 1..]),
        _ => Ok(()),
    }
}

fn options(programs: &Programs, program: &str, words: &[&str]) -> Result<(), String> {
    let mut path: Vec<&str> = Vec::new();
    let mut help = programs.help(program, &path)?;
    while let Some(names) = subcommands(&help) {
        let shown = format!("{program} {}", path.join(" "));
        let Some(next) = words.get(path.len()).filter(|word| !word.starts_with('-')) else {
            return Err(format!("`{}` needs a command", shown.trim()));
        };
        if !names.iter().any(|name| name == next) {
            return Err(format!("`{}` has no command `{next}`", shown.trim()));
        }
        path.push(next);
        help = programs.help(program, &path)?;
    }
    let known: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
    for word in words.iter().filter(|word| word.starts_with('-')) {
        let name = word.split('=').next().unwrap_or(word);
        if !known.contains(&name) {
            return Err(format!("`{program} {}` has no option `{name}`", path.join(" ")));
        }
    }
    Ok(())
}

/// The commands that a help lists; `None` if it is the end of the path.
fn subcommands(help: &str) -> Option<Vec<String>> {
    let (_, list) = help.split_once("\nCommands:\n")?;
    let lines = list.lines().take_while(|line| !line.is_empty());
    // Names are indented by two; further lines of a description by more.
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|l| !l.starts_with(' ')));
    Some(names.filter_map(|line| line.split(' ').next()).map(String::from).collect())
}

#[test]
fn the_list_of_commands_is_read() {
    let help = concat!(
        "Does.\n\nUsage: x <COMMAND>\n\nCommands:\n  key  Make\n",
        "       and more\n  root  Show\n\nOptions:\n  -h, --help\n"
    );
    assert_eq!(subcommands(help), Some(vec!["key".to_string(), "root".to_string()]));
    assert_eq!(subcommands("Usage: x\n\nOptions:\n"), None);
}
