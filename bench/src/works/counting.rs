//! What counting costs: W2 on servers that count and on servers that do not, in turn.

use std::io;

use crate::{
    frames::TEXT_BYTES,
    instructions::Counter,
    report::{Report, Setting, Verdict, grouped, median, say},
    server::{Place, Store},
    works::stage::{Form, Stage, in_flight},
};

/// What a server that counts may take, of what one takes that does not. Source: the promise of counting.
const COST_MAX: f64 = 1.03;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Pairs of servers whose instructions are counted.
    pub counted_rounds: usize,
    /// Messages of each.
    pub counted: u64,
    /// Pairs of servers whose CPU is measured.
    pub timed_rounds: usize,
    /// Messages of each.
    pub timed: u64,
}

impl Size {
    /// For a figure. Instructions differ little from server to server, so few are enough.
    #[must_use]
    pub fn full(rounds: u8, messages: u64) -> Size {
        let rounds = usize::from(rounds);
        Size { counted_rounds: rounds, counted: 50_000, timed_rounds: rounds, timed: messages }
    }

    /// To see that it works.
    #[must_use]
    pub fn short() -> Size {
        Size { counted_rounds: 0, counted: 0, timed_rounds: 1, timed: 20_000 }
    }
}

/// Measures W2a both ways and adds the rows.
///
/// # Errors
/// When the server cannot be told not to count, or anything that was sent did not arrive.
pub fn run(place: &Place, size: &Size, report: &mut Report) -> io::Result<()> {
    if !place.knows_no_counting() {
        return Err(io::Error::other("this server cannot be told not to count"));
    }
    let setting = Setting {
        engine: "sled",
        stage: "stored",
        payload: format!("{TEXT_BYTES} B"),
        in_flight: in_flight(),
        cores: place.cores.short(),
    };
    match Counter::here(&place.directory) {
        Some(counter) if size.counted_rounds > 0 => {
            let under = Place { under: counter.command(), ..place.clone() };
            let pairs = in_turn(&under, size.counted_rounds, "instructions per message", |place| {
                Stage::set(place, Form::Few, Store::Delivered)?.counted(size.counted, &counter)
            })?;
            row(report, "instructions", "instructions each", &pairs, Some(COST_MAX), &setting);
        }
        Some(_) => {}
        None => {
            report.note("Counting: valgrind is not installed, so instructions were not counted.".to_owned())
        }
    }
    let pairs = in_turn(place, size.timed_rounds, "CPU µs per message", |place| {
        let stage = Stage::set(place, Form::Few, Store::Delivered)?;
        let measured = stage.measure(size.timed, true)?;
        stage.strike()?;
        Ok(measured.cpu_s_per_million())
    })?;
    row(report, "CPU", "µs each", &pairs, None, &setting);
    Ok(())
}

/// What one pair of servers took by message.
#[derive(Debug, Clone, Copy)]
struct Pair {
    counting: f64,
    not_counting: f64,
}

impl Pair {
    fn ratio(self) -> f64 {
        self.counting / self.not_counting
    }
}

/// Pairs, of which now the one and now the other comes first.
fn in_turn(
    place: &Place,
    rounds: usize,
    what: &str,
    measure: impl Fn(&Place) -> io::Result<f64>,
) -> io::Result<Vec<Pair>> {
    let one = |counts| measure(&Place { counts, ..place.clone() });
    let pair = |round: usize| {
        let counts_first = round.is_multiple_of(2);
        let (first, second) = (one(counts_first)?, one(!counts_first)?);
        let (counting, not_counting) = if counts_first { (first, second) } else { (second, first) };
        let pair = Pair { counting, not_counting };
        say(&format!(
            "Counting, round {}: {what} {counting:.2} with, {not_counting:.2} without, {:.4} ×",
            round + 1,
            pair.ratio()
        ));
        Ok(pair)
    };
    (0..rounds).map(pair).collect()
}

fn row(report: &mut Report, what: &str, unit: &str, pairs: &[Pair], most: Option<f64>, setting: &Setting) {
    let middle = |of: fn(&Pair) -> f64| median(pairs.iter().map(of).collect());
    // Each kind by its middle: what disturbs one server of a pair does not count.
    let pair =
        Pair { counting: middle(|pair| pair.counting), not_counting: middle(|pair| pair.not_counting) };
    let verdict = most.map_or(Verdict::Information, |most| Verdict::at_most(pair.ratio(), most));
    let reach = most.map_or(String::new(), |most| format!("≤ {most} ×"));
    let digits = |value: f64| if value >= 1_000.0 { grouped(value) } else { format!("{value:.2}") };
    report.row(
        format!("W2a with counting against without, {what}"),
        format!(
            "{:.3} × ({} {unit} with, {} without)",
            pair.ratio(),
            digits(pair.counting),
            digits(pair.not_counting)
        ),
        reach,
        verdict,
        setting,
    );
    let rounds: Vec<String> = pairs.iter().map(|pair| format!("{:.3}", pair.ratio())).collect();
    report.note(format!("Counting, {what}, by round: {} ×.", rounds.join(", ")));
}
