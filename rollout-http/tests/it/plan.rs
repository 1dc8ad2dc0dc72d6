//! Plans as people write them.

use proptest::prelude::{any, prop_assert_eq, proptest};
use rollout_core::cohort::Selector;
use rollout_core::id::CohortId;
use rollout_core::journal::CohortRecord;
use rollout_core::release::ReleaseId;
use rollout_core::rollout::PlanError;
use rollout_core::time::Timestamp;
use rollout_http::body::v1::{
    parse_plan, parse_plan_with, parse_template, parse_when, plan_json, show_when,
};
use rollout_http::token::Token;

const EVERY_KEY: &str = r#"
name = "vacuum-2.4.1-eu"
release = "vacuum@2.4.1"
cohort = "model==v980;region=in=(eu-west,eu-central)"
require = "battery=ge=30;docked==true"
ladder = ["cohort:dogfood", "20", "1%", "5%", "25%", "100%"]
soak = "12h"
component = 2
start_at = 2027-03-01T09:00:00+01:00
stop_at = 2027-06-01T08:00:00Z
zone_default = "Europe/Berlin"
min_reach = "95%"
max_open = "7d"
min_matured_share = 0.6
min_bake = "30m"
on_small = "hold"
[pace]
max_in_flight = 5000
budget = 50
max_offers = 200
lease = "90m"
per_minute = { base = 50, factor = 1.5, every = 1000, max = 5000 }
[gate.failure]
p_max = "0.5%"
p_pass = 0.015
alpha = 0.05
beta = "2%"
min_failures = 2
[gate.silence]
after = "5 check-ins"
at_least = "2h"
confirm_window = "1h"
[stop]
max_bricked = 20
max_safety_faults = 2
max_consecutive_failures = 7
[approval]
before = ["25%", "100%"]
by = 2
[on_halt]
pending = "revoke"
installed = "roll_back"
[[window]]
days = "mon-fri"
from = "22:00"
to = "05:00"
[[window]]
days = "sun,sat"
from = "00:00"
to = "24:00"
zone = "America/New_York"
[freeze]
from = 2027-03-26T00:00:00Z
until = 1806451200
reason = "Easter"
[on_overdue]
then = "cancel"
after = "3d"
"#;

fn shown(error: &PlanError) -> String {
    format!("{} {error}\n    {}", error.code(), error.hint())
}

#[test]
fn every_key_is_read() {
    let plan = parse_plan(EVERY_KEY).expect("a good plan");
    insta::assert_json_snapshot!(plan_json(&plan));
}

#[test]
fn the_defaults_are_spelled_out() {
    let plan = parse_plan("release = \"vacuum@2.4.1\"").expect("a good plan");
    insta::assert_json_snapshot!(plan_json(&plan));
}

#[test]
fn what_is_shown_reads_back() {
    let window = "[window]\ndays = \"fri-mon\"\nfrom = \"23:00\"\nto = \"00:00\"\n";
    let urgent = format!("release = \"vacuum@2.4.1\"\nemergency = true\n{window}");
    for text in [
        EVERY_KEY,
        "release = \"vacuum@2.4.1\"\ndevices = [\"b\", \"a\"]",
        &urgent,
        "release = \"vacuum@2.4.1\"\npace = { per_minute = 7 }",
        "release = \"vacuum@2.4.1\"\n[pace.per_minute]\nbase = 7\nfactor = 1.001\nevery = 1",
    ] {
        let plan = parse_plan(text).expect("a good plan");
        assert_eq!(parse_plan(&plan_json(&plan).to_string()), Ok(plan));
    }
}

#[test]
fn a_named_cohort_means_what_it_means_now() {
    let text = "release = \"vacuum@2.4.1\"\ncohort = \"cohort:dogfood\"";
    let name = CohortId::new("dogfood").expect("a name");
    let query = Selector::parse("region==eu-west").expect("a query");
    let known = |asked: &CohortId| (*asked == name).then(|| CohortRecord::Query(query.clone()));
    let plan = parse_plan_with(text, &known).expect("a good plan");
    assert_eq!(plan_json(&plan)["cohort"], "region==eu-west");
    let missing = parse_plan(text).expect_err("nobody knows it");
    assert_eq!(missing.to_string(), "`cohort`: there is no cohort `dogfood` here");
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let mut report = String::new();
    for line in [
        "",
        "release = 3",
        "release = \"vacuum\"",
        "relaese = \"vacuum@1.0.0\"",
        "color = \"red\"",
        "[stop]\nfrobnicate = 3",
        "[pace]\nmax_inflight = 3",
        "[gate.failure]\npmax = 0.1",
        "[gate]\nfailures = 1",
        "[approval]\nbefor = []",
        "[on_halt]\npending = \"keep\"",
        "[on_halt]\ninstalled = \"rollback\"",
        "stratify = [\"model\"]",
        "[gate.crashes]\nmetric = \"crashes\"",
        "[pace]\nper_minute = { factor = 1.5 }",
        "[pace]\nper_minute = { base = 50, factor = 1.5 }",
        "[pace]\nper_minute = { base = 50, every = 1000 }",
        "[pace]\nper_minute = { base = 50, factor = 7, every = 1000 }",
        "[pace]\nper_minute = { base = 50, factor = 1.0005, every = 1000 }",
        "[pace]\nper_minute = { base = 50, faktor = 2 }",
        "[pace]\nper_minute = 0",
        "[pace]\nper_minute = \"50\"",
        "[on_overdue]\nthen = \"resumes\"",
        "[on_overdue]\nafter = 24",
        "hold_back = \"5%\"",
        "keep_way_back = \"7d\"",
        "pace = 3",
        "cohort = \"model=v980\"",
        "cohort = \"version==1.0.0\"",
        "cohort = \"cohort:Dogfood\"",
        "cohort = \"model==a\"\ndevices = [\"a\"]",
        "devices = []",
        "devices = [\"a b\"]",
        "require = \"battery=gt=\"",
        "ladder = [\"5%\", \"1%\"]",
        "ladder = [\"all\"]",
        "ladder = \"100%\"",
        "soak = \"6 hours\"",
        "soak = 6",
        "start_at = \"tomorrow\"",
        "min_reach = 1.5",
        "min_reach = \"lots\"",
        "on_small = \"wait\"",
        "[pace]\nbudget = 1",
        "[pace]\nmax_in_flight = 0",
        "[pace]\nlease = \"0s\"",
        "[gate.failure]\np_max = 0.1\np_pass = 0.05",
        "[gate.failure]\np_max = 0",
        "[gate.failure]\nalpha = 0.9",
        "[gate.silence]\nafter = \"soon\"",
        "[stop]\nmax_bricked = 0",
        "[approval]\nbefore = [\"30%\"]\nby = 1",
        "[approval]\nbefore = [\"25%\"]",
        "name =",
        "name = \"a\"\nname = \"b\"",
    ] {
        let has_release = line.is_empty() || line.contains("rel");
        let release = if has_release { "" } else { "release = \"vacuum@1.0.0\"\n" };
        let error = parse_plan(&format!("{release}{line}")).expect_err(line);
        report += &format!("{}\n  {}\n", line.replace('\n', " / "), shown(&error));
    }
    for json in [r#"{"release": }"#, r#"{"soak": "1h", "soak": "2h"}"#, r#"{"soak": null}"#] {
        let error = parse_plan(json).expect_err(json);
        report += &format!("{json}\n  {}\n", shown(&error));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn a_mistake_about_time_is_named_with_its_place() {
    let mut report = String::new();
    for line in [
        "[window]\ndays = \"mon-fri\"",
        "[window]\nfrom = \"1:00\"\nto = \"05:00\"",
        "[window]\nfrom = \"05:00\"\nto = \"05:00\"",
        "[window]\nday = \"mon\"",
        "[window]\ndays = \"weekdays\"\nfrom = \"01:00\"\nto = \"05:00\"",
        "[[window]]\nfrom = \"01:00\"\nto = \"05:00\"\n[[window]]\nform = \"01:00\"",
        "[[window]]\nfrom = \"01:00\"\nto = \"05:00\"\nzone = \"Europe/Berln\"",
        "window = 3",
        "zone_default = \"UTC\"",
        "zone_default = \"Berlin\"",
        "[freeze]\nfrom = 1\nuntil = 2",
        "[freeze]\nfrom = 2\nuntil = 2\nreason = \"why\"",
        "emergency = \"yes\"",
        "start_at = 2\nstop_at = 2",
        "stop_at = \"soon\"",
    ] {
        let plan = format!("release = \"vacuum@1.0.0\"\n{line}");
        let error = parse_plan(&plan).expect_err(line);
        report += &format!("{}\n  {} {error}\n", line.replace('\n', " / "), error.code());
    }
    insta::assert_snapshot!(report);
}

proptest! {
    /// Whatever is typed, it is read or refused; nothing panics.
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), key in "[a-z_.]{1,12}") {
        let _ = parse_plan(&text);
        let _ = parse_plan(&format!("release = \"a@1.0.0\"\n{key} = {text}"));
        let _ = parse_when(&text);
        prop_assert_eq!(Token::parse(&text), None);
    }

    /// What is shown of an instant reads back as the same second.
    #[test]
    fn an_instant_reads_back(secs in 0u64..253_402_300_800) {
        let at = Timestamp(secs * 1000);
        prop_assert_eq!(parse_when(&show_when(at)), Some(at));
    }
}

#[test]
fn a_template_is_a_plan_that_waits_for_its_release() {
    let id = ReleaseId::parse("vacuum@2.4.1").expect("an id");
    let text = "cohort = \"ring==beta\"\nladder = [\"5\", \"100%\"]\n";
    let plan = parse_template(text, &id, "vacuum@2.4.1 to beta", &|_| None).expect("a plan");
    let whole = format!("release = \"vacuum@2.4.1\"\nname = \"vacuum@2.4.1 to beta\"\n{text}");
    assert_eq!(plan, parse_plan(&whole).expect("a plan"));
    for key in ["release", "name"] {
        let text = format!("{key} = \"vacuum@2.4.1\"\n{text}");
        let error = parse_template(&text, &id, "x", &|_| None).expect_err("given later");
        assert!(error.to_string().contains(key), "{error}");
    }
    assert!(parse_template("ladder = 3", &id, "x", &|_| None).is_err());
}

#[test]
fn a_rate_that_cannot_be_doubled_says_which_key_is_missing() {
    let plan = |more: &str| {
        parse_plan(&format!("release = \"vacuum@1.0.0\"\n[gate.failure]\np_max = 0.5\n{more}"))
    };
    let told = plan("").expect_err("twice a half is all of them").to_string();
    assert!(told.contains("`gate.failure.p_pass`") && told.contains("twice `p_max`"), "{told}");
    assert_ne!(plan("p_pass = 0.6").err().map(|error| error.to_string()), Some(told));
}
