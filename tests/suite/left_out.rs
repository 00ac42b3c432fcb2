//! Prints after each `cargo test` which tests were left out. It is no test, and never fails.

#![allow(clippy::print_stdout, reason = "this is what it is for")]

mod tiers {
    pub(crate) mod count;
}

fn main() {
    println!(
        "\nLEFT OUT: {} tests that need real tools (Kafka, Prometheus, Helm, a browser and others).\n\
         `tests/run` sets the tools up and runs everything; after that,\n\
         `cargo test --test with_tools` runs these tests.\n",
        tiers::count::with_tools()
    );
}
