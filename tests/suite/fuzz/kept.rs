//! The corpus of the coverage-guided fuzzer, through the functions that it fuzzes.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/targets.rs"]
pub(super) mod targets;

/// The fuzz targets.
mod subject {
    pub use ticket_exporter::app::inference;
    pub use ticket_exporter::{config, decode, domain};
}

/// The size of the corpus, because every clone contains it.
const MOST_BYTES: usize = 300_000;

#[test]
fn every_input_of_the_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut bytes = 0;
    for (name, target) in targets::ALL {
        let mut inputs = 0;
        for entry in fs::read_dir(root.join(name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            let input = fs::read(&path).unwrap();
            bytes += input.len();
            inputs += 1;
            target(&input);
        }
        assert!(inputs >= 10, "{name} has {inputs} inputs only");
    }
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}
