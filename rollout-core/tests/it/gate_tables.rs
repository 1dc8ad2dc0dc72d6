//! The gates against answers of high precision, row by row.
//!
//! `GATE_TABLES` names another directory with tables of the same columns. A table that is missing
//! or empty fails. Tolerances are those of the specification; a number that is not one fails.

use rollout_core::gate::numerics::ln_beta;
use rollout_core::gate::operating::{Means, max_pass, min_abort, operating};
use rollout_core::gate::pacing::cap;
use rollout_core::gate::sprt::{Decision, Sprt};
use rollout_core::gate::{
    AtRisk, Baseline, Block, Budget, CountGate, Epoch, EventRate, EventTally, Evidence,
    FailureGate, GateSet, HardStops, HazardEvidence, HazardGate, Hours, LnE, MeanEvidence,
    MeanGate, Moment, Prior, Proportion, Rate, RatePrior, Ratio, Risk, StopCounts, Tally, Trust,
    TwoArmEvidence, TwoArmGate, Verdict, Weight, Weights,
};
use std::path::{Path, PathBuf};

/// Tolerance of logarithms, relative above 1.
const LOG: f64 = 1e-7;
/// Relative tolerance of bounds.
const BOUND: f64 = 1e-9;
/// Tolerance of exact operating characteristics, relative above 1.
const EXACT: f64 = 1e-9;

type Check = fn(&Row<'_>, &mut Report);

const TABLES: [(&str, Check); 13] = [
    ("ln_beta", check_ln_beta),
    ("failure_eprocess", check_eprocess),
    ("failure_bounds", check_bounds),
    ("failure_boundary", check_boundary),
    ("failure_oc_exact", check_operating),
    ("pacing_cap", check_pacing),
    ("gate_trace", check_trace),
    ("combine", check_combine),
    ("sprt", check_sprt),
    ("two_arm_eprocess", check_two_arm),
    ("count_eprocess", check_count),
    ("hazard_ratio_eprocess", check_hazard),
    ("bounded_mean_eprocess", check_mean),
];

struct Row<'a> {
    header: Vec<&'a str>,
    cells: Vec<&'a str>,
    number: usize,
}

impl Row<'_> {
    fn text(&self, column: &str) -> &str {
        let place = self.header.iter().position(|name| *name == column);
        self.cells[place.unwrap_or_else(|| panic!("no column {column}"))]
    }

    fn real(&self, column: &str) -> f64 {
        let text = self.text(column);
        text.parse().unwrap_or_else(|_| panic!("row {}: {column} is `{text}`", self.number))
    }

    fn count(&self, column: &str) -> u64 {
        let text = self.text(column);
        text.parse().unwrap_or_else(|_| panic!("row {}: {column} is `{text}`", self.number))
    }

    fn maybe_count(&self, column: &str) -> Option<u64> {
        (self.text(column) != "-1").then(|| self.count(column))
    }

    fn reals(&self, column: &str) -> Vec<f64> {
        self.text(column).split(';').map(|part| part.parse().expect("a number")).collect()
    }

    /// Groups of four numbers, in the order that the name of the column gives.
    fn quads(&self, column: &str) -> Vec<[&str; 4]> {
        let groups = self.text(column).split(';');
        groups.map(|part| part.split(':').collect::<Vec<_>>().try_into().expect("four")).collect()
    }

    fn ratio(&self, column: &str) -> Ratio {
        Ratio::new(self.real(column)).expect("a ratio")
    }

    fn rate(&self, column: &str) -> Rate {
        Rate::new(self.real(column)).expect("a rate")
    }

    fn risk(&self, column: &str) -> Risk {
        Risk::new(self.real(column)).expect("a risk")
    }

    fn gate(&self) -> FailureGate {
        let (p_max, p_pass) = (self.rate("p_max"), self.rate("p_pass"));
        FailureGate::new(p_max, p_pass, self.risk("alpha"), self.risk("beta"), 1).expect("a gate")
    }
}

#[derive(Default)]
struct Report {
    rows: usize,
    worst: f64,
    wrong: Vec<String>,
    /// Trace and verdict of the row before, for tables with a history.
    latched: Option<(u64, Verdict)>,
}

impl Report {
    fn near(&mut self, row: &Row<'_>, column: &str, actual: f64, tolerance: f64) {
        let expected = row.real(column);
        let error = (actual - expected).abs() / expected.abs().max(1.0);
        self.judge(row, column, error, tolerance, actual);
    }

    fn relative(&mut self, row: &Row<'_>, column: &str, actual: f64, tolerance: f64) {
        let expected = row.real(column);
        let error = if actual == expected { 0.0 } else { (actual / expected - 1.0).abs() };
        self.judge(row, column, error, tolerance, actual);
    }

    fn judge(&mut self, row: &Row<'_>, column: &str, error: f64, tolerance: f64, actual: f64) {
        self.worst = self.worst.max(error);
        // An error that is not a number is no small error.
        if error.is_nan() || error > tolerance {
            let expected = row.text(column);
            self.wrong.push(format!("row {}: {column} {actual} for {expected}", row.number));
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        row: &Row<'_>,
        column: &str,
        actual: T,
        expected: T,
    ) {
        if actual != expected {
            self.wrong.push(format!("row {}: {column} {actual:?} for {expected:?}", row.number));
        }
    }
}

fn run(text: &str, check: impl Fn(&Row<'_>, &mut Report)) -> Report {
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap_or("").split(',').collect();
    let mut report = Report::default();
    for (place, line) in lines.enumerate() {
        let cells: Vec<_> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "row {}", place + 2);
        check(&Row { header: header.clone(), cells, number: place + 2 }, &mut report);
        report.rows += 1;
    }
    report
}

fn directory() -> PathBuf {
    match std::env::var_os("GATE_TABLES") {
        Some(directory) => directory.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gates"),
    }
}

fn table(name: &str) -> String {
    let path = directory().join(format!("{name}.csv"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
#[expect(clippy::print_stdout, reason = "the number of rows is what a reader wants to see")]
fn gate_tables() {
    let mut wrong = Vec::new();
    for (name, check) in TABLES {
        let report = run(&table(name), check);
        println!("{name}: {} rows, largest error {:.1e}", report.rows, report.worst);
        assert!(report.rows > 0, "{name} has no rows");
        wrong.extend(report.wrong.into_iter().map(|line| format!("{name} {line}")));
    }
    assert!(wrong.is_empty(), "{} wrong, first {:#?}", wrong.len(), &wrong[..wrong.len().min(9)]);
}

fn tally(bad: u64, of: u64) -> Tally {
    Tally::new(bad, of).expect("bad ones are among all")
}

fn check_ln_beta(row: &Row<'_>, report: &mut Report) {
    report.near(row, "ln_beta", ln_beta(row.real("a"), row.real("b")), LOG);
}

/// What computes both e-values of a row from its `s` and `n`.
type Evidences = fn(&FailureGate, u64, u64) -> (f64, f64);

fn both_sides(gate: &FailureGate, s: u64, n: u64) -> (f64, f64) {
    let tally = tally(s, n);
    (gate.ln_e_abort(tally).get(), gate.ln_e_pass(tally).get())
}

fn check_eprocess(row: &Row<'_>, report: &mut Report) {
    check_eprocess_by(row, report, both_sides);
}

fn check_eprocess_by(row: &Row<'_>, report: &mut Report, evidences: Evidences) {
    let (p_max, p_pass) = (row.rate("p_max"), row.rate("p_pass"));
    check_priors(row, report, p_max, p_pass);
    let gate = FailureGate::new(p_max, p_pass, some_risk(), some_risk(), 1).expect("a gate");
    let (abort, pass) = evidences(&gate, row.count("s"), row.count("n"));
    report.near(row, "ln_e_abort", abort, LOG);
    report.near(row, "ln_e_pass", pass, LOG);
}

fn check_priors(row: &Row<'_>, report: &mut Report, p_max: Rate, p_pass: Rate) {
    report.relative(row, "a_abort", Prior::for_abort(p_max).a(), 1e-12);
    report.relative(row, "b_abort", Prior::for_abort(p_max).b(), 1e-12);
    report.relative(row, "a_pass", Prior::for_pass(p_pass).a(), 1e-12);
    report.relative(row, "b_pass", Prior::for_pass(p_pass).b(), 1e-12);
}

fn check_bounds(row: &Row<'_>, report: &mut Report) {
    let design = row.rate("p_design");
    check_priors(row, report, design, design);
    let (alpha, beta) = (row.risk("alpha"), row.risk("beta"));
    let gate = FailureGate::new(design, design, alpha, beta, 1).expect("a gate");
    let tally = tally(row.count("s"), row.count("n"));
    report.relative(row, "lower", gate.lower(tally).get(), BOUND);
    report.relative(row, "upper", gate.upper(tally).get(), BOUND);
}

fn check_boundary(row: &Row<'_>, report: &mut Report) {
    let (gate, n) = (row.gate(), row.count("n"));
    let (abort, pass) = (row.maybe_count("min_abort_s"), row.maybe_count("max_pass_s"));
    report.same(row, "min_abort_s", min_abort(&gate, n), abort);
    report.same(row, "max_pass_s", max_pass(&gate, n), pass);
}

fn check_operating(row: &Row<'_>, report: &mut Report) {
    let truth = Proportion::new(row.real("p_true")).expect("a share");
    let actual = operating(&row.gate(), truth, row.count("n_max"));
    report.near(row, "p_abort", actual.p_abort, EXACT);
    report.near(row, "p_pass_gate", actual.p_pass, EXACT);
    report.near(row, "p_undecided", actual.p_undecided, EXACT);
    check_means(row, report, ["mean_n_at_abort", "mean_bad_at_abort"], actual.at_abort);
    check_means(row, report, ["mean_n_at_pass", "mean_bad_at_pass"], actual.at_pass);
    report.same(row, "n_median_decided", actual.median, row.maybe_count("n_median_decided"));
    report.same(row, "n_95_decided", actual.n95, row.maybe_count("n_95_decided"));
}

fn check_means(row: &Row<'_>, report: &mut Report, columns: [&str; 2], means: Option<Means>) {
    let given = columns.map(|column| !row.text(column).is_empty());
    report.same(row, columns[0], [means.is_some(); 2], given);
    if let (Some(means), [true, true]) = (means, given) {
        report.near(row, columns[0], means.devices, EXACT);
        report.near(row, columns[1], means.bad, EXACT);
    }
}

fn check_pacing(row: &Row<'_>, report: &mut Report) {
    let (p_pass, beta) = (row.rate("p_pass"), row.risk("beta"));
    report.relative(row, "a_pass", Prior::for_pass(p_pass).a(), 1e-12);
    report.relative(row, "b_pass", Prior::for_pass(p_pass).b(), 1e-12);
    let gate = FailureGate::new(p_pass, p_pass, beta, beta, 1).expect("a gate");
    let set = GateSet::single(gate.clone(), HardStops::default());
    let budget = Budget::new(row.count("budget"), &set, Epoch(0)).expect("a budget");
    let tally = tally(row.count("s"), row.count("n"));
    report.relative(row, "upper", gate.upper(tally).get(), BOUND);
    let cap = cap(&gate, tally, budget);
    report.same(row, "in_flight_cap", cap, row.count("in_flight_cap"));
}

fn check_trace(row: &Row<'_>, report: &mut Report) {
    let set = GateSet::single(row.gate(), HardStops::default());
    let evidence = Evidence::new(
        row.count("exposed"),
        row.count("failed_known"),
        row.count("matured"),
        row.count("matured_bad"),
    );
    let evidence = [evidence.expect("counters agree")];
    let now = set.evaluate(Epoch(0), &evidence, &StopCounts::default());
    report.near(row, "ln_e_abort", now.ln_e_abort.get(), LOG);
    report.near(row, "ln_e_pass", now.ln_e_pass.get(), LOG);
    let trace = row.count("trace");
    let verdict = match report.latched.take() {
        Some((before, verdict)) if before == trace => verdict.latched(now.verdict),
        Some(_) | None => now.verdict,
    };
    report.same(row, "verdict", verdict.name(), row.text("verdict"));
    report.latched = Some((trace, verdict));
}

fn check_combine(row: &Row<'_>, report: &mut Report) {
    let weights = row.reals("weights").into_iter().map(|w| Weight::new(w).expect("a weight"));
    let weights = Weights::new(weights.collect()).expect("weights sum to 1");
    let ln_e: Vec<_> = row.reals("ln_e").into_iter().map(LnE::of).collect();
    report.near(row, "ln_e_combined", weights.combine(&ln_e).get(), LOG);
}

fn check_sprt(row: &Row<'_>, report: &mut Report) {
    let (p0, p1) = (row.rate("p0"), row.rate("p1"));
    let test = Sprt::new(p0, p1, row.risk("alpha"), row.risk("beta")).expect("a test");
    let tally = tally(row.count("s"), row.count("n"));
    report.near(row, "llr", test.ln_ratio(tally), LOG);
    let decision = match test.decide(tally) {
        Decision::Abort => "reject_h0",
        Decision::Pass => "accept_h0",
        Decision::Continue => "continue",
    };
    report.same(row, "decision", decision, row.text("decision"));
}

/// A risk for gates whose evidence alone is compared.
fn some_risk() -> Risk {
    Risk::new(0.01).expect("a risk")
}

fn whole(text: &str) -> u64 {
    text.parse().expect("a whole number")
}

fn check_two_arm(row: &Row<'_>, report: &mut Report) {
    let kappa = Trust::new(row.real("kappa")).expect("a number of devices");
    let (r_abort, r_pass) = (row.ratio("r_abort"), row.ratio("r_pass"));
    let baseline = Baseline { p_ref: row.rate("p_ref"), kappa };
    let gate = TwoArmGate::new(r_abort, r_pass, baseline, some_risk(), some_risk());
    let (gate, mut seen) = (gate.expect("a gate"), TwoArmEvidence::default());
    for block in row.quads("blocks_na:ya:nb:yb") {
        let [na, ya, nb, yb] = block.map(whole);
        gate.record(&mut seen, Block { control: tally(ya, na), canary: tally(yb, nb) });
    }
    report.near(row, "ln_e_abort", gate.ln_e_abort(&seen).get(), LOG);
    report.near(row, "ln_e_pass", gate.ln_e_pass(&seen).get(), LOG);
    // The second design ratio of the abort side is twice r_abort, the last of the pass side is 1.
    report.near(row, "ln_e_abort_r2", seen.abort().sums()[1].get(), LOG);
    report.near(row, "ln_e_pass_r1", seen.pass().sums()[3].get(), LOG);
}

fn check_count(row: &Row<'_>, report: &mut Report) {
    let limit = EventRate::new(row.real("lambda0")).expect("a rate");
    for (side, prior) in
        [("abort", RatePrior::for_abort(limit)), ("pass", RatePrior::for_pass(limit))]
    {
        report.relative(row, &format!("a_{side}"), prior.a(), 1e-12);
        report.relative(row, &format!("b_{side}"), prior.b(), 1e-12);
    }
    let gate = CountGate::new(limit, limit, row.risk("alpha"), row.risk("alpha")).expect("a gate");
    let hours = Hours::new(row.real("exposure")).expect("hours");
    let seen = EventTally::new(row.count("k"), hours).expect("events in an exposure");
    report.near(row, "ln_e_abort", gate.ln_e_abort(seen).get(), LOG);
    report.near(row, "ln_e_pass", gate.ln_e_pass(seen).get(), LOG);
    report.relative(row, "lower", gate.lower(seen), BOUND);
    report.relative(row, "upper", gate.upper(seen).unwrap_or(f64::NAN), BOUND);
}

fn check_hazard(row: &Row<'_>, report: &mut Report) {
    let gate = HazardGate::new(row.ratio("r_abort"), row.ratio("r_pass"), some_risk(), some_risk());
    let (gate, mut seen) = (gate.expect("a gate"), HazardEvidence::default());
    for [canaries, controls, events, on_canaries] in row.quads("events_n1:n0:d:y") {
        let at_risk = |text: &str| AtRisk::new(text.parse().expect("a number")).expect("an amount");
        let (events, on_canaries) = (whole(events), whole(on_canaries));
        let on_controls = events - on_canaries;
        let moment = Moment::new(at_risk(canaries), at_risk(controls), on_canaries, on_controls);
        gate.record(&mut seen, moment.expect("events of those at risk"));
    }
    report.near(row, "ln_e_abort", gate.ln_e_abort(&seen).get(), LOG);
    report.near(row, "ln_e_pass", gate.ln_e_pass(&seen).get(), LOG);
}

fn check_mean(row: &Row<'_>, report: &mut Report) {
    let gate = MeanGate::new(row.rate("m_abort"), row.rate("m_pass"), some_risk(), some_risk());
    let (gate, mut seen) = (gate.expect("a gate"), MeanEvidence::default());
    for value in row.reals("x") {
        gate.record(&mut seen, Proportion::new(value).expect("a share"));
    }
    report.near(row, "ln_e_abort", gate.ln_e_abort(&seen).get(), LOG);
    report.near(row, "ln_e_pass", gate.ln_e_pass(&seen).get(), LOG);
}

/// A comparison that cannot fail proves nothing, so it is shown to fail.
#[test]
fn a_planted_swap_of_s_and_n_fails() {
    let text = table("failure_eprocess");
    assert_eq!(run(&text, check_eprocess).wrong, Vec::<String>::new());
    // Swapped counts are refused where the type knows better, and not a number elsewhere.
    let swapped: Evidences = |gate, s, n| match Tally::new(n, s) {
        Ok(tally) => (gate.ln_e_abort(tally).get(), gate.ln_e_pass(tally).get()),
        Err(_) => (f64::NAN, f64::NAN),
    };
    // Good ones counted as bad, which is a valid tally.
    let mistaken: Evidences = |gate, s, n| both_sides(gate, n - s, n);
    for planted in [swapped, mistaken] {
        let report = run(&text, |row, report| check_eprocess_by(row, report, planted));
        assert!(report.wrong.len() > report.rows, "{} of {}", report.wrong.len(), report.rows);
    }
    assert!(Tally::new(17, 3).is_err());
}
