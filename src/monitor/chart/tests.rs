use super::*;

fn written(lines: Vec<Line>) -> String {
    let mut out = String::new();
    Chart { title: "A & B <b>", scale: Scale::Count, lines }.write(&mut out, 0..60);
    out
}

#[test]
fn missing_points_break_the_line_and_a_lonely_point_is_a_dot() {
    let points = [Some(0.0), Some(2.0), None, Some(1.0), None, Some(2.0), Some(2.0)];
    let path = path(&points, 2.0);
    assert_eq!(path.matches('M').count(), 3, "{path}");
    assert_eq!(path.matches('L').count(), 2, "{path}");
    assert_eq!(path.matches("h0").count(), 1, "{path}");
    assert!(path.starts_with(&format!("M4.0 {BOTTOM:.1}L69.3 {TOP:.1}M200.0 64.0h0M")), "{path}");
    assert!(path.ends_with(&format!("L396.0 {TOP:.1}")), "{path}");
    assert_eq!(super::path(&[None, None], 1.0), "");
}

#[test]
fn the_table_says_now_lowest_and_highest() {
    let out = written(vec![
        Line { label: "one", points: vec![Some(5.0), None, Some(1.0), Some(3.0)] },
        Line { label: "<two>", points: vec![Some(2_500_000.0), Some(0.0), None, None] },
        Line { label: "none", points: vec![None; 4] },
    ]);
    assert!(out.contains("one</th><td>3</td><td>1</td><td>5</td>"), "{out}");
    assert!(out.contains("&lt;two&gt;</th><td>\u{2013}</td><td>0</td><td>2.5 M</td>"), "{out}");
    assert!(out.contains("none</th><td>\u{2013}</td><td>\u{2013}</td><td>\u{2013}</td>"), "{out}");
    assert_eq!(out.matches("class=\"line ").count(), 2, "a line without points is not drawn");
    assert!(out.contains("A &amp; B &lt;b&gt;") && !out.contains("<b>"));
}

#[test]
fn values_are_written_short() {
    let texts = [0.0, 12.0, 999.0, 1234.0, 123_456.0, 2.5e9].map(|value| Scale::Count.text(value));
    assert_eq!(texts, ["0", "12", "999", "1.2 k", "123 k", "2.5 G"]);
    assert_eq!(Scale::Micros.text(0.25), "0.2 \u{b5}s");
    assert_eq!(Scale::Micros.text(12_340.0), "12.3 ms");
    assert_eq!(Scale::Bytes.text(1024.0 * 1536.0), "1.5 MiB");
    assert_eq!(Scale::Percent.text(99.96), "100.0 %");
    assert_eq!(Scale::Count.text(-3.0), "-3");
}
