//! What is printed and written: a table, a JSON object, a page.

use crate::harness::Spread;
use serde_json::{Map, Value, json};

/// One figure beside the rival's.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// Nothing where there is nothing of ours to measure yet.
    pub(crate) ours: Option<Spread>,
    pub(crate) rival: Option<(&'static str, Spread)>,
}

/// Which direction is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

impl Row {
    /// The rival's median over ours, or the other way around where more is better: above 1 we are ahead.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (ours, rival) = (self.ours?.median, self.rival?.1.median);
        Some(match self.better {
            Better::Less => rival / ours,
            Better::More => ours / rival,
        })
    }
}

/// The table, as Markdown that is also readable in a terminal.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut lines = vec![
        ["measurement", "unit", "Sendgate", "rival", "ratio", "rival is", "Sendgate min-p90", "rival min-p90"]
            .map(str::to_owned),
    ];
    lines.extend(rows.iter().map(|row| {
        let median = |spread: Option<Spread>| spread.map_or("-".into(), |spread| figure(spread.median));
        let range = |spread: Option<Spread>| match spread {
            Some(Spread { least, ninth, .. }) if least < ninth => format!("{}-{}", figure(least), figure(ninth)),
            Some(_) | None => String::new(),
        };
        let rival = row.rival.map(|(_, spread)| spread);
        [
            format!("`{}`", row.name),
            row.unit.into(),
            median(row.ours),
            median(rival),
            row.ratio().map_or("-".into(), |ratio| format!("{} x", figure(ratio))),
            row.rival.map_or("-", |(name, _)| name).into(),
            range(row.ours),
            range(rival),
        ]
    }));
    align(&lines)
}

/// The figures as one flat object, `name -> {"value", "unit", "rival", "rival_value", "ratio"}`.
pub(crate) fn json(rows: &[Row]) -> String {
    let object: Map<String, Value> = rows
        .iter()
        .map(|row| {
            let value = json!({
                "value": row.ours.map(|spread| spread.median),
                "unit": row.unit,
                "rival": row.rival.map(|(name, _)| name),
                "rival_value": row.rival.map(|(_, spread)| spread.median),
                "ratio": row.ratio(),
            });
            (row.name.to_owned(), value)
        })
        .collect();
    format!("{:#}\n", Value::Object(object))
}

/// `docs/benchmarks.md`.
pub(crate) fn page(rows: &[Row], machine: &str) -> String {
    PAGE.replace("{{machine}}", machine.trim_end()).replace("{{table}}", table(rows).trim_end())
}

/// A line of cells for each row, in columns of one width; figures stand to the right.
fn align<const N: usize>(lines: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let cell =
                if FIGURES.contains(&column) { format!("| {cell:>width$} ") } else { format!("| {cell:<width$} ") };
            text.push_str(&cell);
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let colon = if FIGURES.contains(&column) { ':' } else { '-' };
                text.push_str(&format!("| {}{colon} ", "-".repeat(width - 1)));
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Three digits that count, and whole numbers above a hundred.
fn figure(value: f64) -> String {
    match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Columns that hold a figure.
const FIGURES: std::ops::RangeInclusive<usize> = 2..=4;

/// The words around the table.
const PAGE: &str = include_str!("../page.md");

#[cfg(test)]
mod tests {
    use super::*;

    fn row(better: Better) -> Row {
        Row {
            name: "a.b",
            unit: "ns",
            better,
            ours: Some(Spread { least: 3.0, median: 4.0, ninth: 5.0 }),
            rival: Some(("other", Spread::exactly(40.0))),
        }
    }

    #[test]
    fn the_ratio_is_above_one_where_we_are_ahead() {
        assert_eq!(row(Better::Less).ratio(), Some(10.0));
        assert_eq!(row(Better::More).ratio(), Some(0.1));
        assert_eq!(Row { ours: None, ..row(Better::Less) }.ratio(), None);
        assert_eq!(Row { rival: None, ..row(Better::Less) }.ratio(), None);
    }

    #[test]
    fn the_json_has_five_fields_a_name_and_null_for_no_rival() {
        let with: Value = serde_json::from_str(&json(&[row(Better::Less)])).unwrap();
        let wanted = json!({"a.b": {"value": 4.0, "unit": "ns", "rival": "other", "rival_value": 40.0, "ratio": 10.0}});
        assert_eq!(with, wanted);
        let without: Value = serde_json::from_str(&json(&[Row { rival: None, ..row(Better::Less) }])).unwrap();
        let wanted = json!({"a.b": {"value": 4.0, "unit": "ns", "rival": null, "rival_value": null, "ratio": null}});
        assert_eq!(without, wanted);
    }

    #[test]
    fn the_page_has_the_machine_and_the_table_in_place_of_its_blanks() {
        let page = page(&[row(Better::Less)], "a machine\n");
        assert!(page.contains("a machine") && page.contains("| `a.b`"));
        assert!(!page.contains("{{"));
    }
}
