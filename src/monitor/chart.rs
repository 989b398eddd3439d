//! One chart as inline SVG: lines with gaps, an axis of time, and a table of current, lowest and highest value.

use std::fmt::Write;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 130.0;
/// The plot lies between these, the labels of the axes outside.
const LEFT: f64 = 4.0;
const RIGHT: f64 = WIDTH - 4.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = HEIGHT - 18.0;
/// Colours that the style sheet has for lines; a chart has at most as many lines.
const LINES_MAX: usize = 5;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// A number of things.
    Count,
    /// A share; the axis always ends at 100.
    Percent,
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
}

/// One line of a chart.
#[derive(Debug)]
pub struct Line {
    /// What it shows, if the chart has several.
    pub label: &'static str,
    /// One value per minute, oldest first; `None` is a gap.
    pub points: Vec<Option<f64>>,
}

/// One chart.
#[derive(Debug)]
pub struct Chart {
    /// What it shows.
    pub title: &'static str,
    /// How its values are written.
    pub scale: Scale,
    /// At most five lines, each with a point per minute of the range.
    pub lines: Vec<Line>,
}

impl Chart {
    /// Appends the chart as a `section`. `range` are the minutes since 1970 of the points.
    pub fn write(&self, out: &mut String, range: std::ops::Range<i64>) {
        assert!(self.lines.len() <= LINES_MAX, "a chart has at most {LINES_MAX} lines");
        let title = escape(self.title);
        let highest = self.highest();
        push(out, format_args!("<section>\n<h2>{title}</h2>\n"));
        push(
            out,
            format_args!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n"),
        );
        write_axes(out, &range, &self.scale.text(highest));
        for (index, line) in self.lines.iter().enumerate() {
            let path = path(&line.points, highest);
            if !path.is_empty() {
                push(out, format_args!("<path class=\"line line-{index}\" d=\"{path}\"/>\n"));
            }
        }
        out.push_str("</svg>\n");
        self.write_table(out);
        out.push_str("</section>\n");
    }

    /// The value at the top of the plot; the bottom is 0.
    fn highest(&self) -> f64 {
        let values = self.lines.iter().flat_map(|line| line.points.iter().flatten());
        let highest = values.fold(0.0_f64, |highest, value| highest.max(*value));
        match self.scale {
            Scale::Percent => 100.0,
            _ if highest > 0.0 => highest,
            _ => 1.0,
        }
    }

    fn write_table(&self, out: &mut String) {
        out.push_str("<table>\n<thead><tr><th></th><th>now</th><th>lowest</th><th>highest</th></tr></thead>\n<tbody>\n");
        for (index, line) in self.lines.iter().enumerate() {
            let current = line.points.last().copied().flatten();
            let lowest = line.points.iter().flatten().copied().reduce(f64::min);
            let highest = line.points.iter().flatten().copied().reduce(f64::max);
            push(
                out,
                format_args!("<tr><th><span class=\"key key-{index}\"></span>{}</th>", escape(line.label)),
            );
            for value in [current, lowest, highest] {
                let text = value.map_or_else(|| "\u{2013}".to_owned(), |value| self.scale.text(value));
                push(out, format_args!("<td>{}</td>", escape(&text)));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n");
    }
}

impl Scale {
    /// A value in this scale, in at most four digits and a unit.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Scale::Count => scaled(value, 1000.0, &["", " k", " M", " G", " T"]),
            Scale::Percent => format!("{value:.1} %"),
            Scale::Micros => scaled(value, 1000.0, &[" \u{b5}s", " ms"]),
            Scale::Bytes => scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB"]),
        }
    }
}

/// A text as it stands in HTML, within an element or a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            plain => out.push(plain),
        }
    }
    out
}

/// Divides by `step` while a larger unit is left. Numbers below the first step are written as they are.
fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut shown = value;
    let mut index = 0;
    while shown.abs() >= step && index + 1 < units.len() {
        shown /= step;
        index += 1;
    }
    let unit = units[index];
    if index == 0 && shown.fract() == 0.0 || shown.abs() >= 100.0 {
        format!("{shown:.0}{unit}")
    } else {
        format!("{shown:.1}{unit}")
    }
}

/// The commands of an SVG path. A point without a neighbour becomes a dot, drawn by the round ends of the stroke.
fn path(points: &[Option<f64>], highest: f64) -> String {
    let mut out = String::with_capacity(points.len() * 12);
    #[expect(clippy::cast_precision_loss, reason = "a day has 1,440 points")]
    let step = (RIGHT - LEFT) / (points.len().max(2) - 1) as f64;
    let mut pen_is_down = false;
    let mut x = LEFT;
    for (index, point) in points.iter().enumerate() {
        if let Some(value) = point {
            // A gauge below 0 is a bug that its number in the table shows; the line stays in the plot.
            let y = BOTTOM - (value / highest).clamp(0.0, 1.0) * (BOTTOM - TOP);
            let alone = !pen_is_down && points.get(index + 1).copied().flatten().is_none();
            let command = if pen_is_down { 'L' } else { 'M' };
            push(&mut out, format_args!("{command}{x:.1} {y:.1}"));
            if alone {
                out.push_str("h0");
            }
        }
        pen_is_down = point.is_some();
        x += step;
    }
    out
}

fn write_axes(out: &mut String, range: &std::ops::Range<i64>, highest: &str) {
    push(out, format_args!("<path class=\"axis\" d=\"M{LEFT} {TOP}H{RIGHT}M{LEFT} {BOTTOM}H{RIGHT}\"/>\n"));
    push(out, format_args!("<text x=\"{LEFT}\" y=\"{}\">{}</text>\n", TOP - 4.0, escape(highest)));
    let middle = range.start + (range.end - range.start) / 2;
    let times =
        [(range.start, LEFT, "start"), (middle, WIDTH / 2.0, "middle"), (range.end - 1, RIGHT, "end")];
    for (minute, x, anchor) in times {
        let (hour, minute) = (minute.div_euclid(60).rem_euclid(24), minute.rem_euclid(60));
        push(
            out,
            format_args!(
                "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{hour:02}:{minute:02}</text>\n",
                HEIGHT - 4.0
            ),
        );
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string never fails");
}

#[cfg(test)]
mod tests;
