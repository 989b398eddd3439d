//! The curves of a report as PNG: the period in blue above the one before in grey, red where its minutes are missing.
//!
//! There is no text in a picture, so no font is needed: what the lines stand for is said beside it. The background is
//! always light, so a picture reads the same in a mail that is shown dark.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};

use super::gathered::{Gathered, Stretch};
use crate::{
    model::reports::PeriodKind,
    monitor::{chart::Scale, histogram::LATENCY_BOUNDS_US},
};

/// Size in pixels. Source: twice the width at which a mail is read, so that it is sharp on a phone.
const WIDTH: u32 = 1200;
const HEIGHT: u32 = 300;
/// The plot lies so far from the edges.
const MARGIN: f32 = 12.0;
/// Lines across the plot above the one for 0.
const GRID: usize = 4;

const INK: [u8; 3] = [0x1a, 0x5f, 0xb4];
const BEFORE: [u8; 3] = [0x9a, 0xa3, 0xad];
const LINE: [u8; 3] = [0xdd, 0xe2, 0xe7];
const AXIS: [u8; 3] = [0x8b, 0x94, 0x9e];
const MISSING: [u8; 3] = [0xf2, 0xc9, 0xc4];

/// A picture, and what is said beside it.
#[derive(Debug, Clone)]
pub struct Picture {
    /// What programs call it, as a part of an address.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What the lines across it stand for, lowest first.
    pub grid: [String; GRID],
    /// The highest of the period, if it has a value.
    pub highest: Option<String>,
    /// The picture.
    pub png: Vec<u8>,
}

struct Curve {
    name: &'static str,
    title: &'static str,
    scale: Scale,
    value: fn(&Stretch) -> Option<f64>,
}

const CURVES: [Curve; 4] = [
    Curve {
        name: "messages",
        title: "Messages stored per minute",
        scale: Scale::Count,
        value: |of| Some(share(of.messages, i64::from(of.minutes))),
    },
    Curve {
        name: "online",
        title: "Open connections",
        scale: Scale::Count,
        value: |of| Some(share(of.online, 1)),
    },
    Curve {
        name: "sign-ins",
        title: "Sign-ins per hour",
        scale: Scale::Count,
        value: |of| Some(share(of.sign_ins * 60, i64::from(of.minutes))),
    },
    Curve {
        name: "commits",
        title: "Sync of a batch of messages, slowest of 100",
        scale: Scale::Micros,
        value: |of| slowest_of_a_hundred(&of.syncs),
    },
];

/// The four pictures of a period beside the one before. `now_minute` is the first that has not ended: what comes then is
/// empty, and not missing.
#[must_use]
pub fn pictures(now: &Gathered, before: &Gathered, now_minute: i64) -> Vec<Picture> {
    CURVES.iter().map(|curve| picture(curve, now, before, now_minute)).collect()
}

fn picture(curve: &Curve, now: &Gathered, before: &Gathered, now_minute: i64) -> Picture {
    let points = |of: &Gathered| -> Vec<Option<f64>> {
        let value = |stretch: &Stretch| if stretch.minutes == 0 { None } else { (curve.value)(stretch) };
        of.stretches().iter().map(value).collect()
    };
    let (newer, older) = (points(now), points(before));
    let highest = newer.iter().flatten().copied().reduce(f64::max);
    let top = round_above(older.iter().flatten().copied().fold(highest.unwrap_or_default(), f64::max));
    let plot = Plot { top, places: newer.len() };
    let mut pixels = Pixmap::new(WIDTH, HEIGHT).expect("a picture has a size");
    pixels.fill(Color::WHITE);
    let first_minute = now.period().minutes().start;
    let is_missing = |place: usize| {
        let begins = first_minute + place as i64 * now.stretch_minutes();
        now.stretches()[place].minutes == 0 && begins < now_minute
    };
    for place in (0..newer.len()).filter(|place| is_missing(*place)) {
        plot.missing(&mut pixels, place);
    }
    plot.grid(&mut pixels, if now.period().kind == PeriodKind::Day { 4 } else { 7 });
    plot.line(&mut pixels, &older, BEFORE, 3.0);
    plot.area(&mut pixels, &newer);
    plot.line(&mut pixels, &newer, INK, 4.0);
    Picture {
        name: curve.name,
        title: curve.title,
        grid: std::array::from_fn(|line| curve.scale.text(top * (line + 1) as f64 / GRID as f64)),
        highest: highest.map(|highest| curve.scale.text(highest)),
        png: pixels.encode_png().expect("a picture in memory is always written"),
    }
}

/// Where values lie in a picture.
struct Plot {
    /// The value at the upper edge; the lower is 0.
    top: f64,
    places: usize,
}

impl Plot {
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn x(&self, place: f32) -> f32 {
        MARGIN + (WIDTH as f32 - 2.0 * MARGIN) * place / self.places.max(1) as f32
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "pixels")]
    fn y(&self, value: f64) -> f32 {
        let share = (value / self.top).clamp(0.0, 1.0) as f32;
        HEIGHT as f32 - MARGIN - share * (HEIGHT as f32 - 2.0 * MARGIN)
    }

    /// The middle of a stretch.
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn at(&self, place: usize, value: f64) -> (f32, f32) {
        (self.x(place as f32 + 0.5), self.y(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn missing(&self, pixels: &mut Pixmap, place: usize) {
        let (left, right) = (self.x(place as f32), self.x(place as f32 + 1.0));
        if let Some(rect) = Rect::from_ltrb(left, self.y(self.top), right, self.y(0.0)) {
            // Without smooth edges: those of neighbours would show.
            let paint = Paint { anti_alias: false, ..paint(MISSING, 255) };
            pixels.fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    /// Lines across for values, and down for parts of the period.
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn grid(&self, pixels: &mut Pixmap, parts: usize) {
        let (left, right) = (self.x(0.0), self.x(self.places as f32));
        for line in (0..=GRID).rev() {
            let y = self.y(self.top * line as f64 / GRID as f64);
            let colour = if line == 0 { AXIS } else { LINE };
            stroke(pixels, &[(left, y), (right, y)], colour, 2.0);
        }
        for part in 0..=parts {
            let x = self.x(self.places as f32 * part as f32 / parts as f32);
            stroke(pixels, &[(x, self.y(0.0)), (x, self.y(self.top))], LINE, 2.0);
            stroke(pixels, &[(x, self.y(0.0)), (x, self.y(0.0) - 10.0)], AXIS, 3.0);
        }
    }

    fn line(&self, pixels: &mut Pixmap, points: &[Option<f64>], colour: [u8; 3], width: f32) {
        for run in self.runs(points) {
            stroke(pixels, &run, colour, width);
        }
    }

    fn area(&self, pixels: &mut Pixmap, points: &[Option<f64>]) {
        for run in self.runs(points) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let around = [(last.0, self.y(0.0)), (first.0, self.y(0.0))];
            let all: Vec<(f32, f32)> = run.iter().chain(&around).copied().collect();
            if let Some(path) = path(&all, true) {
                let transform = Transform::identity();
                pixels.fill_path(&path, &paint(INK, 28), FillRule::Winding, transform, None);
            }
        }
    }

    /// The points that follow each other without a gap.
    fn runs(&self, points: &[Option<f64>]) -> Vec<Vec<(f32, f32)>> {
        let placed: Vec<Option<(f32, f32)>> = points
            .iter()
            .enumerate()
            .map(|(place, value)| value.map(|value| self.at(place, value)))
            .collect();
        placed
            .split(Option::is_none)
            .filter(|run| !run.is_empty())
            .map(|run| run.iter().copied().flatten().collect())
            .collect()
    }
}

fn stroke(pixels: &mut Pixmap, points: &[(f32, f32)], colour: [u8; 3], width: f32) {
    let line = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
    // A point without a neighbour is a dot, by the round ends of a line that is hardly one.
    let dot = points.first().map(|(x, y)| [(*x, *y), (x + 0.1, *y)]);
    let points = match (points, &dot) {
        ([_], Some(dot)) => &dot[..],
        _ => points,
    };
    if let Some(path) = path(points, false) {
        pixels.stroke_path(&path, &paint(colour, 255), &line, Transform::identity(), None);
    }
}

fn path(points: &[(f32, f32)], is_closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (place, (x, y)) in points.iter().enumerate() {
        if place == 0 { builder.move_to(*x, *y) } else { builder.line_to(*x, *y) }
    }
    if is_closed {
        builder.close();
    }
    builder.finish()
}

fn paint([red, green, blue]: [u8; 3], alpha: u8) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, alpha);
    paint
}

/// The next of 2, 4 or 8 times a power of ten, which four lines divide evenly; at least 0.2.
fn round_above(highest: f64) -> f64 {
    let mut power = 0.1;
    while power * 8.0 < highest {
        power *= 10.0;
    }
    [2.0, 4.0].into_iter().map(|step| step * power).find(|top| *top >= highest).unwrap_or(power * 8.0)
}

#[expect(clippy::cast_precision_loss, reason = "a picture shows four digits")]
fn share(value: i64, of: i64) -> f64 {
    value as f64 / of.max(1) as f64
}

/// How long, in µs, 99 of 100 took at most: within a band they lie evenly. Nothing where nothing was.
#[expect(clippy::cast_precision_loss, reason = "a picture shows four digits")]
pub(super) fn slowest_of_a_hundred(bands: &[i64]) -> Option<f64> {
    let all: i64 = bands.iter().sum();
    let wanted = all as f64 * 0.99;
    let (mut below, mut from) = (0.0, 0.0);
    for (band, count) in bands.iter().enumerate() {
        // What is above the last bound is told as that bound.
        let to = LATENCY_BOUNDS_US.get(band).map_or(from, |bound| *bound as f64);
        let count = *count as f64;
        if count > 0.0 && below + count >= wanted {
            return Some(from + (to - from) * (wanted - below) / count);
        }
        (below, from) = (below + count, to);
    }
    None
}
