//! Reads `limits.series`, and compares it with the series that the configuration makes.

use super::problem::ConfigErrors;
use super::view::YamlView;
use crate::engine::{Rules, precreated_cohorts, series_of_one_cohort};

const DEFAULT_SERIES: usize = 500_000;
/// No Prometheus scrapes more from one target.
const MOST_SERIES: usize = 100_000_000;

/// Reads the key, after everything else of `rules`.
pub(super) fn read(view: &YamlView<'_>, rules: &mut Rules, errors: &mut ConfigErrors) {
    let limit = view.count(1, MOST_SERIES, errors).unwrap_or(DEFAULT_SERIES);
    if !errors.errors.is_empty() {
        return; // the rules may be incomplete
    }
    let one = series_of_one_cohort(rules).max(1);
    let known = precreated_cohorts(rules);
    rules.limits.cohorts = known.max(limit / one);
    if known.saturating_mul(one) <= limit {
        return;
    }
    let message = format!(
        "{known} combinations of known teams, priorities and values of attributes make {one} series each, which \
         is more than {limit} series; remove values, make an attribute no label, or raise the limit"
    );
    // Without labels of attributes, nothing limits the combinations.
    if rules.attributes.iter().any(|attribute| attribute.is_label) {
        view.error(errors, message);
    } else {
        view.warning(errors, message);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{bad, good, warned};
    use crate::engine::series_of_one_cohort;

    const KNOWN: &str = "teams: { known: [a, b] }\npriorities: [p, q]\n";

    #[test]
    fn the_limit_of_series_limits_the_cohorts() {
        let attribute = "attributes: { tier: { values: [x, y, z], label: true } }\n";
        let rules = good(&format!("{KNOWN}{attribute}")).rules;
        let one = series_of_one_cohort(&rules);
        assert_eq!(rules.limits.cohorts, 500_000 / one);
        let limited = |limit: usize| format!("{KNOWN}{attribute}limits: {{ series: {limit} }}");
        assert_eq!(good(&limited(12 * one)).rules.limits.cohorts, 12);
        let errors = bad(&limited(12 * one - 1));
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].starts_with("4:19: limits.series: 12 combinations"),
            "{errors:?}"
        );
    }

    #[test]
    fn without_labels_of_attributes_it_is_a_warning() {
        let warnings = warned(&format!("{KNOWN}limits: {{ series: 1 }}"));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }
}
