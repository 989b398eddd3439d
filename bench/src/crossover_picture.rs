//! Draws lines over sizes, both on scales of powers of ten, as a picture that needs nothing else.

use std::fmt::Write as _;

use crate::report::grouped;

/// One line.
pub struct Line {
    /// What it is.
    pub name: String,
    /// Users, and microseconds of CPU for a message.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;

/// Room for the numbers of the axes and for the names of the lines.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 50.0;

/// Told apart without colour too: channels are dashed. Source: the palette of Okabe and Ito.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#56b4e9", "#e69f00"];

/// The picture as SVG.
#[must_use]
pub fn draw(lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (across, up) = (Scale::of(points().map(|point| point.0)), Scale::of(points().map(|point| point.1)));
    let x = |users: f64| LEFT + across.part(users) * (WIDTH - LEFT - RIGHT);
    let y = |cpu_us: f64| HEIGHT - BOTTOM - up.part(cpu_us) * (HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>Server CPU of a message by size of the conversation</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    // Writing to a string does not fail.
    for users in across.tens() {
        let (at, end) = (x(users), HEIGHT - BOTTOM);
        let _ = writeln!(out, "<path d=\"M{at:.1} {TOP}V{end}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            end + 18.0,
            grouped(users)
        );
    }
    for cpu_us in up.tens() {
        let (at, end) = (y(cpu_us), WIDTH - RIGHT);
        let _ = writeln!(out, "<path d=\"M{LEFT} {at:.1}H{end}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{} µs</text>",
            LEFT - 6.0,
            at + 4.0,
            grouped(cpu_us)
        );
    }
    for (place, line) in lines.iter().enumerate() {
        let way: Vec<String> =
            line.points.iter().map(|(users, cpu_us)| format!("{:.1},{:.1}", x(*users), y(*cpu_us))).collect();
        let colour = COLOURS[place % COLOURS.len()];
        let dashes = if line.name.starts_with("channel") { " stroke-dasharray=\"6 4\"" } else { "" };
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>",
            way.join(" ")
        );
        let last = line.points.last().map_or(TOP, |(_, cpu_us)| y(*cpu_us));
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            WIDTH - RIGHT + 8.0,
            last + 4.0,
            line.name
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">users of the conversation</text>\n</svg>",
        LEFT + (WIDTH - LEFT - RIGHT) / 2.0,
        HEIGHT - 12.0
    );
    out
}

/// Whole powers of ten, from below the least number to above the greatest.
struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    fn of(numbers: impl Iterator<Item = f64>) -> Scale {
        let logs = numbers.map(f64::log10);
        let (least, most) = logs
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), log| (least.min(log), most.max(log)));
        let (from, to) = (least.floor(), most.ceil());
        // One number alone, or none, still has a scale around it.
        if from < to { Scale { from, to } } else { Scale { from: 0.0, to: from.max(1.0) } }
    }

    fn part(&self, number: f64) -> f64 {
        (number.log10() - self.from) / (self.to - self.from)
    }

    fn tens(&self) -> impl Iterator<Item = f64> {
        (self.from as i32..=self.to as i32).map(|log| 10f64.powi(log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_within_their_scales() {
        let line =
            Line { name: "group, all there".to_owned(), points: vec![(10.0, 100.0), (1_000.0, 9_000.0)] };
        let picture = draw(&[line]);
        assert!(picture.contains("points=\"80.0,370.0 570.0,"), "{picture}");
        for text in [">10<", ">1,000<", ">100 µs<", ">10,000 µs<", ">group, all there<"] {
            assert!(picture.contains(text), "{text} in {picture}");
        }
    }

    #[test]
    fn one_point_has_a_scale() {
        let line = Line { name: "channel".to_owned(), points: vec![(1.0, 1.0)] };
        assert!(!draw(&[line]).contains("NaN"));
    }
}
