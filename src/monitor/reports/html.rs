//! A report as HTML: for a mail, and as a page of its own. Tables with text; no script, nothing from elsewhere.

use std::fmt::Write;

use super::{pictures::Picture, report::Report, text::shown};
use crate::{model::reports::PeriodKind, monitor::chart::escape};

/// Styles stand at the elements, since mail programs drop those of the head. No colour of text or page is set, so that both
/// follow whoever reads; lines are grey, which is seen on white and on black.
const CELL: &str = "padding:4px 10px;border-bottom:1px solid #999";
const FONT: &str = "font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:15px;line-height:1.4";

/// The report. `name` is what the server is called and may be empty; `address` says where a picture lies, by its place.
#[must_use]
pub fn html(
    report: &Report,
    name: &str,
    pictures: &[Picture],
    address: impl Fn(usize, &Picture) -> String,
) -> String {
    let (period, before) = (report.period, report.period.before());
    let title = escape(&if name.is_empty() { format!("{period}") } else { format!("{name}: {period}") });
    let mut out = String::with_capacity(16 * 1024);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
    push(&mut out, format_args!("<title>{title}</title>\n<style>:root{{color-scheme:light dark}}</style>\n"));
    push(
        &mut out,
        format_args!("</head>\n<body style=\"{FONT};max-width:640px;margin:0 auto;padding:12px\">\n"),
    );
    push(&mut out, format_args!("<h1 style=\"font-size:20px\">{title}</h1>\n"));
    for remark in report.remarks() {
        push(&mut out, format_args!("<p>{}</p>\n", escape(&remark)));
    }
    figures(&mut out, report);
    if !pictures.is_empty() {
        push(
            &mut out,
            format_args!("<p>Blue is {period}, grey {before}; red is time of {period} without points.</p>\n"),
        );
    }
    for (place, picture) in pictures.iter().enumerate() {
        one(&mut out, report, picture, &address(place, picture));
    }
    out.push_str("<p style=\"font-size:13px\">Days and hours are UTC.</p>\n</body>\n</html>\n");
    out
}

fn figures(out: &mut String, report: &Report) {
    let head = |text: &str, align: &str| {
        format!(
            "<th style=\"{CELL};text-align:{align};white-space:nowrap\" scope=\"col\">{}</th>",
            escape(text)
        )
    };
    out.push_str("<table style=\"border-collapse:collapse;width:100%\">\n<thead><tr>");
    out.push_str(&head("", "left"));
    out.push_str(&head(&report.period.to_string(), "right"));
    out.push_str(&head(&report.period.before().to_string(), "right"));
    out.push_str(&head("change", "right"));
    out.push_str("</tr></thead>\n<tbody>\n");
    for told in &report.figures {
        let says = escape(told.says);
        push(
            out,
            format_args!(
                "<tr><th style=\"{CELL};text-align:left;font-weight:normal\" scope=\"row\">{says}</th>"
            ),
        );
        for (text, wraps) in [
            (shown(told.value), "nowrap"),
            (shown(told.before), "nowrap"),
            // What cannot be compared is a sentence, and a phone is narrow.
            (told.compared.says(), "normal"),
        ] {
            let style = format!("{CELL};text-align:right;white-space:{wraps}");
            push(out, format_args!("<td style=\"{style}\">{}</td>", escape(&text)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

fn one(out: &mut String, report: &Report, picture: &Picture, address: &str) {
    let (title, grid) = (escape(picture.title), escape(&picture.grid.join(", ")));
    let highest = picture.highest.as_deref().unwrap_or("not known");
    let highest = escape(highest);
    push(out, format_args!("<h2 style=\"font-size:16px;margin:20px 0 4px\">{title}</h2>\n"));
    push(
        out,
        format_args!("<p style=\"font-size:13px;margin:0 0 4px\">Highest: {highest}. Lines at {grid}.</p>\n"),
    );
    push(
        out,
        format_args!(
            "<img src=\"{}\" width=\"600\" height=\"150\" alt=\"{title}, highest {highest}\" \
             style=\"width:100%;max-width:600px;height:auto;display:block;background:#fff;border:1px solid #999\">\n",
            escape(address)
        ),
    );
    push(out, format_args!("<table style=\"width:100%;max-width:600px;font-size:12px\"><tr>"));
    let marks: &[&str] = match report.period.kind {
        PeriodKind::Day => &["00:00", "06:00", "12:00", "18:00"],
        PeriodKind::Week => &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    };
    for mark in marks {
        push(out, format_args!("<td style=\"width:{}%;padding:0\">{mark}</td>", 100 / marks.len()));
    }
    out.push_str("</tr></table>\n");
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string never fails");
}
