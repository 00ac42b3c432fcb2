//! Counts the series of an exposition.

/// The families of a text exposition with their numbers of series. Each bucket of a histogram is a series.
pub(super) fn count(exposition: &[u8]) -> Vec<(String, usize)> {
    let mut families: Vec<(String, usize)> = Vec::new();
    for line in exposition.split(|byte| *byte == b'\n') {
        if let Some(rest) = line.strip_prefix(b"# TYPE ") {
            let name = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
            families.push((String::from_utf8_lossy(name).into_owned(), 0));
        } else if !line.is_empty()
            && !line.starts_with(b"#")
            && let Some((_, series)) = families.last_mut()
        {
            *series += 1;
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_series_and_comments_are_not() {
        let text =
            b"# HELP a Text.\n# TYPE a histogram\na_bucket{le=\"1\"} 0\na_bucket{le=\"+Inf\"} \
                     0\na_sum 0\na_count 0\n# TYPE b counter\nb 1\n";
        assert_eq!(count(text), [("a".to_owned(), 4), ("b".to_owned(), 1)]);
    }
}
