//! Ids of host programs as families of their own, under a prefix that no family of the server has.

use super::{Format, HostValues, Kind, declare, unit_suffix, write_sample, write_value};

/// First part of the names. Source: no family of the server begins with `app_`, which a test holds.
const PREFIX: &str = "highwater_app";

pub(super) fn write(out: &mut String, host: &HostValues, format: Format) {
    for (id, value) in host.each() {
        let name = format!("{PREFIX}_{}{}", id.name.replace('.', "_"), unit_suffix(id.unit));
        let (kind, suffix) = if id.kind == Kind::Sum { ("counter", "_total") } else { ("gauge", "") };
        let help = format!("What a program beside the server counts as {}.", id.name);
        declare(out, &name, kind, id.unit, &help, format);
        write_sample(out, &name, suffix, &[], None);
        write_value(out, id.unit, value);
    }
}
