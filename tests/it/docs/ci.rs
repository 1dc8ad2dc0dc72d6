//! The page on CI: its commands, its script and its workflow, run as they are written.
//!
//! A real daemon and 312 host agents; the horizon is seconds, by channels of the same names. Every
//! end that the page shows is reached: a good release, the same again, a bad one. Not here: what
//! GitHub does around the steps of a workflow.

use super::markdown::{Block, Page};
use super::programs::Programs;
use super::tour::Shell;

/// A server with a root, and images: two good ones and one that fails its self-test.
const STAGE: &str = r#"rolloutd init server > token.txt
export ROLLOUT_TOKEN=$(sed -n 3p token.txt)
rolloutd serve --config server/rolloutd.toml --set poll=1s &
"#;
const KEYS: &str = r#"export ROLLOUT_SERVER=http://127.0.0.1:8470 COMMIT=0123456789abcdef
rollout key new --role root --out root.pem
rollout key new --role release --out release.pem
rollout key new --role binding --out binding.pem
rollout root new --fleet acme --root-key root.pem --release-key release.pem \
  --binding-key binding.pem --out root.cose
rollout root publish root.cose
mkdir build
image() { firmware-agent image --product vacuum --image-version $1 --out build/vacuum-$1.bin $2; }
image 1.0.0 && image 1.1.0 && image 1.2.0 --fail-ppm=1000000 && image 1.3.0
rollout release publish --product vacuum --image build/vacuum-1.0.0.bin:v980 --key release.pem \
  --way-back none
i=0; echo id,model,ring > devices.csv
while [ $i -lt 312 ]; do
  i=$((i + 1)); ring=beta; [ $i -le 300 ] || ring=stable
  printf 'dev-%04d,v980,%s\n' $i $ring >> devices.csv
done
"#;
/// Channels of the page with horizons of seconds, and the devices.
const FAST: &str = r#"printf '[gate.silence]\nat_least = "3s"\n' > fast.toml
for channel in beta stable; do
  sed 's/^soak .*/soak = "0s"/' $channel.toml | cat - fast.toml > $channel-fast.toml
done
rollout channel set vacuum beta --plan beta-fast.toml
rollout channel set vacuum stable --plan stable-fast.toml --after beta
export ROLLOUT_ENROLL_TOKEN=$(rollout device enroll-token --hardware v980 --count 312 \
  | sed -n 's/^token *//p')
firmware-agent fleet --server http://127.0.0.1:8471 --dir devices --root root.cose \
  --factory build/vacuum-1.0.0.bin --product vacuum --hardware v980 --count 312 > devices.log &
export ROLLOUT_TOKEN=$(sed -n 's/^token *//p' ci-token.txt)
export RELEASE_KEY="$(cat release.pem)"
"#;

/// The first release that is proven: nothing proven is there to go back to.
const FIRST: &str = "1.1.0 --way-back 1.0.0";

/// Walks the page and the workflow; panics where they go wrong.
pub fn walk(programs: &Programs, page: &Page, workflow: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shell = Shell::start(programs, folder.path(), &page.path);
    assert!(page.text.contains(&format!("`sh release.sh {FIRST}`")), "the page says it");
    let blocks = page.blocks();
    run(&mut shell, STAGE, &["operators …", "devices …"]);
    run(&mut shell, KEYS, &["published vacuum@1.0.0, counter 1"]);
    for (place, block) in blocks.iter().enumerate() {
        if block.tag == "sh ci" {
            let says = blocks.get(place + 1).filter(|next| next.tag == "text");
            shell.run(block, says.map_or(&[], |next| &next.lines));
        }
    }
    run(&mut shell, FAST, &[]);
    let script = lines(&blocks, "sh script").join("\n");
    std::fs::write(folder.path().join("work/release.sh"), script).expect("written");
    for (version, end, says) in
        [(FIRST, 0, "text good"), ("1.1.0", 0, "text again"), ("1.2.0", 1, "text bad")]
    {
        let command = format!("sh release.sh {version} 2>&1 && echo exit 0 || echo exit $?");
        let end = format!("exit {end}");
        let says = [&lines(&blocks, says)[..], &[end.as_str()]].concat();
        run(&mut shell, &command, &says);
    }
    let steps = steps(workflow);
    assert_eq!(steps.len(), 3, "steps that run something: {steps:?}");
    run(&mut shell, "export TAG=v1.3.0", &[]);
    let ends = ["published vacuum@1.3.0, …", "proven by …", "completed, …"];
    for (step, says) in steps.iter().zip(ends) {
        // As GitHub does: a shell of its own, which ends at the first failure.
        std::fs::write(folder.path().join("work/step.sh"), step).expect("written");
        run(&mut shell, "bash -e step.sh", &[says]);
    }
    shell.stop();
}

fn run(shell: &mut Shell, text: &str, says: &[&str]) {
    shell.run(&Block { tag: "sh", lines: text.lines().collect(), line: 0 }, says);
}

fn lines<'p>(blocks: &[Block<'p>], tag: &str) -> Vec<&'p str> {
    let found = blocks.iter().find(|block| block.tag == tag);
    found.unwrap_or_else(|| panic!("the page has no block `{tag}`")).lines.clone()
}

/// What the steps of a workflow run, by its indentation.
fn steps(workflow: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    let mut rest = workflow.lines().peekable();
    while let Some(line) = rest.next() {
        if line.trim_start() != "run: |" {
            continue;
        }
        let (mut step, deep) = (String::new(), indent(line));
        while let Some(line) = rest.next_if(|line| line.is_empty() || indent(line) > deep) {
            step.push_str(line.get(deep + 2..).unwrap_or_default());
            step.push('\n');
        }
        found.push(step);
    }
    found
}

#[test]
fn steps_are_read_by_their_indentation() {
    let workflow = [
        "steps:",
        "  - run: x",
        "  - name: a",
        "    run: |",
        "      b \\",
        "        c",
        "",
        "      d",
        "  - name: e",
        "    run: |",
        "      f",
    ];
    assert_eq!(steps(&workflow.join("\n")), ["b \\\n  c\n\nd\n", "f\n"]);
}
