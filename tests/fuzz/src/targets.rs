//! The fuzz targets: any bytes go in, no target panics, and the output is consistent. The test suite runs
//! the corpus through the same functions.

use std::path::Path;
use std::sync::OnceLock;

use super::subject::config::{self, PRESETS};
use super::subject::decode::{
    self, Decoded, Decoder, Record, SchemaId, SchemaLanguage, SchemaText, Schemas,
};
use super::subject::domain::timestamp::Timestamp;
use super::subject::inference::propose_own_mapping;

pub type Target = fn(&[u8]);

/// The targets, by the names of their corpus folders.
pub const ALL: [(&str, Target); 5] = [
    ("canonical", canonical),
    ("presets", presets),
    ("mapping", mapping),
    ("schemas", schemas),
    ("inference", inference),
];

/// The timestamp of the records: 2026-01-01T00:00:00Z.
const TIMESTAMP: i64 = 1_767_225_600_000;

/// Separates two parts of an input.
const NEXT: &[u8] = b"\n---\n";

/// A canonical event.
pub fn canonical(input: &[u8]) {
    if let Ok(event) = decode::decode(input, None) {
        assert!((1..=256).contains(&event.ticket_id.len()));
        let fine = Timestamp::EARLIEST..=Timestamp::LATEST;
        assert!(fine.contains(&event.at) && event.created_at.is_none_or(|at| fine.contains(&at)));
        assert!(event.handle.is_none_or(|handle| handle >= 0));
        let again = decode::decode(input, None);
        assert_eq!(again.ok().as_ref(), Some(&event));
        let latest = decode::decode(input, Some(event.at));
        assert!(latest.is_ok(), "not later than itself");
    }
}

/// One record with every preset.
pub fn presets(input: &[u8]) {
    static DECODERS: OnceLock<Vec<Decoder>> = OnceLock::new();
    let decoders = DECODERS.get_or_init(|| {
        let of = |name: &str| load(&format!("mapping: {{preset: {name}}}"));
        PRESETS.iter().filter_map(|(name, _)| of(name)).collect()
    });
    assert_eq!(decoders.len(), PRESETS.len());
    for decoder in decoders {
        check(decoder, input, TIMESTAMP);
    }
}

/// A configuration, and a record for it.
pub fn mapping(input: &[u8]) {
    let (yaml, record) = split(input);
    if let Ok(yaml) = std::str::from_utf8(yaml)
        && let Some(decoder) = load(yaml)
    {
        check(&decoder, record, TIMESTAMP);
    }
}

/// A schema, and a value of it.
pub fn schemas(input: &[u8]) {
    let Some((first, input)) = input.split_first() else {
        return;
    };
    let (text, value) = split(input);
    let language = match first % 3 {
        0 => SchemaLanguage::Avro,
        1 => SchemaLanguage::Protobuf,
        _ => SchemaLanguage::JsonSchema,
    };
    let schemas = Schemas::default();
    let schema = SchemaText {
        language,
        text: String::from_utf8_lossy(text).into_owned(),
        references: Vec::new(),
    };
    if schemas.learn(SchemaId::Number(1), &schema).is_ok() {
        let value = [&[0, 0, 0, 0, 1], value].concat();
        let once = schemas.content(&value, &[]);
        assert_eq!(once, schemas.content(&value, &[]), "another time");
    }
}

/// Samples, one per line. The proposal must be a valid configuration.
pub fn inference(input: &[u8]) {
    let records: Vec<Record<'_>> = input
        .split(|byte| *byte == b'\n')
        .take(20)
        .map(Record::of)
        .collect();
    if let Some(yaml) = propose_own_mapping(&records) {
        match try_load(&yaml) {
            Ok(decoder) => records.iter().for_each(|record| {
                check(&decoder, record.value.unwrap_or_default(), TIMESTAMP);
            }),
            Err(problem) => panic!("{problem}\nin\n{yaml}"),
        }
    }
}

/// Both parts of an input; the second may be empty.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let place = input.windows(NEXT.len()).position(|window| window == NEXT);
    place.map_or((input, &[]), |place| {
        (&input[..place], &input[place + NEXT.len()..])
    })
}

fn load(yaml: &str) -> Option<Decoder> {
    try_load(yaml).ok()
}

fn try_load(yaml: &str) -> Result<Decoder, String> {
    let file = Path::new("config.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |path| {
        if path == file {
            Ok(yaml.to_owned())
        } else {
            Ok("id,name\n360001,Network\n".to_owned())
        }
    });
    match loaded {
        Ok(loaded) => Ok(Decoder::new(&loaded.config.mapping)),
        Err(errors) => {
            let errors = errors.to_string();
            assert!(!errors.is_empty(), "refused without a reason");
            Err(errors)
        }
    }
}

/// Asserts that the decoder's result for a value, and for the same value in key and headers, is consistent
/// and repeatable.
pub fn check(decoder: &Decoder, value: &[u8], timestamp: i64) {
    let record = Record {
        key: Some(value),
        headers: vec![("ce_type", value), ("ce_id", b"1"), ("x", value)],
        timestamp: Some(timestamp),
        topic: "t",
        ..Record::of(value)
    };
    let decoded = decoder.decode(&record, None);
    let fine = Timestamp::EARLIEST..=Timestamp::LATEST;
    for event in decoded.events() {
        assert!((1..=256).contains(&event.ticket_id.len()));
        assert!(fine.contains(&event.at) && event.created_at.is_none_or(|at| fine.contains(&at)));
        assert!(event.handle.is_none_or(|handle| handle >= 0));
    }
    if let Decoded::Mapped(mapped) = &decoded {
        let said = !mapped.events.is_empty()
            || !mapped.rejected_events.is_empty()
            || mapped.rejected.is_some()
            || mapped.ignored.is_some();
        assert!(said, "neither an event nor a reason");
    }
    let again = decoder.explain(&record);
    assert_eq!(decoded.events(), again.events(), "another time");
    assert_eq!(decoded.rejection(), again.rejection());
}
