//! Prints the metric catalog as a Markdown table or in plain columns.

use std::fmt::Write;

use crate::domain::catalog::{FAMILIES, Family};

/// The catalog as a Markdown table, with a line feed at its end.
pub fn catalog_table() -> String {
    let mut table =
        String::from("| Metric | Type | Labels | Adds up | Meaning |\n|---|---|---|---|---|\n");
    for family in FAMILIES {
        let labels: Vec<String> = family
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        // Writing into a string cannot fail.
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} | {} |",
            family.name,
            family.kind.name(),
            labels.join(" "),
            family.aggregation.name(),
            family.help.replace('|', "\\|"),
        );
    }
    table
}

/// The catalog in aligned columns, with a line feed at its end.
pub fn catalog_text() -> String {
    let labels = |family: &Family| family.labels.join(",");
    let width =
        |of: &dyn Fn(&Family) -> usize| FAMILIES.iter().map(|family| of(family)).max().unwrap_or(0);
    let name_width = width(&|family| family.name.len());
    let label_width = width(&|family| labels(family).len());
    let mut text = String::new();
    for family in FAMILIES {
        let _ = writeln!(
            text,
            "{:name_width$}  {:9}  {:label_width$}  {:12}  {}",
            family.name,
            family.kind.name(),
            labels(family),
            family.aggregation.name(),
            family.help,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_its_row() {
        let table = catalog_table();
        assert_eq!(table.lines().count(), FAMILIES.len() + 2);
        assert!(table.contains(
            "| `ticket_backlog` | gauge | `team` `priority` `status` | sum | Unsolved tickets |\n"
        ));
        for line in table.lines() {
            assert_eq!(line.replace("\\|", "").matches('|').count(), 6, "{line}");
        }
    }

    #[test]
    fn columns_are_aligned() {
        let text = catalog_text();
        assert_eq!(text.lines().count(), FAMILIES.len());
        let columns: Vec<usize> = text
            .lines()
            .zip(FAMILIES)
            .map(|(line, family)| line.rfind(family.help).unwrap())
            .collect();
        assert!(columns.iter().all(|column| *column == columns[0]));
    }
}
