//! The member `attributes` of canonical events: the values of the user's own attributes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json_members::{JsonString, LibraryString, MAX_NAME_BYTES};
use super::plain_json::{NotPlain, PlainReader, PlainValue};
use super::rejection::Rejection;
use crate::domain::event::StatedAttribute;

/// The attributes of an event, in the order of the record.
pub(super) struct Attributes<T>(Vec<(T, AttributeValue<T>)>);

enum AttributeValue<T> {
    None,
    Text(T),
    /// An attribute that is not configured may have any value.
    Invalid,
}

impl<'a> Attributes<&'a str> {
    /// Reads an object of plain JSON.
    pub(super) fn of_plain(reader: &mut PlainReader<'a>) -> Result<Self, NotPlain> {
        let mut attributes = Vec::new();
        reader.object(|_, name, value| {
            let value = match value {
                PlainValue::Null => AttributeValue::None,
                PlainValue::Bool(truth) => AttributeValue::Text(word(truth)),
                PlainValue::Text(text) | PlainValue::Integer(_, text) => AttributeValue::Text(text),
                PlainValue::Object => return Err(NotPlain),
            };
            attributes.push((name, value));
            Ok(())
        })?;
        Ok(Self(attributes))
    }
}

impl<T: AsRef<str>> Attributes<T> {
    /// The attributes with these names, sorted; `None`: all. Of two with the same name the last one counts.
    pub(super) fn into_stated<'a>(
        self,
        wanted: Option<&[String]>,
    ) -> Result<Vec<StatedAttribute<'a>>, Rejection>
    where
        T: Into<Cow<'a, str>>,
    {
        let is_wanted =
            |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|known| known == name));
        let mut stated = Vec::new();
        for (name, value) in self.0 {
            if is_wanted(name.as_ref()) {
                let (name, value) = (name.into(), value.into_stated()?);
                stated.push(StatedAttribute { name, value });
            }
        }
        stated.reverse();
        stated.sort_by(|one, other| one.name.cmp(&other.name));
        stated.dedup_by(|one, last| one.name == last.name);
        Ok(stated)
    }
}

impl<T: AsRef<str>> AttributeValue<T> {
    fn into_stated<'a>(self) -> Result<Option<Cow<'a, str>>, Rejection>
    where
        T: Into<Cow<'a, str>>,
    {
        match self {
            Self::None => Ok(None),
            Self::Text(text) if text.as_ref().is_empty() => Ok(None),
            Self::Text(text) if text.as_ref().len() <= MAX_NAME_BYTES => Ok(Some(text.into())),
            Self::Text(_) | Self::Invalid => Err(Rejection::InvalidAttributes),
        }
    }
}

fn word(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes<LibraryString<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut attributes = Vec::new();
        while let Some(name) = access.next_key::<JsonString<LibraryString<'de>>>()? {
            attributes.push((name.0, access.next_value()?));
        }
        Ok(Attributes(attributes))
    }
}

impl<'de> Deserialize<'de> for Attributes<LibraryString<'de>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct AttributeVisitor;

impl<'de> Visitor<'de> for AttributeVisitor {
    type Value = AttributeValue<LibraryString<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the value of an attribute")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(AttributeValue::None)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(AttributeValue::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(AttributeValue::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(AttributeValue::Text(Cow::Borrowed(word(truth))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(AttributeValue::Text(Cow::Owned(number.to_string())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(AttributeValue::Text(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(AttributeValue::Invalid)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(AttributeValue::Invalid)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(AttributeValue::Invalid)
    }
}

impl<'de> Deserialize<'de> for AttributeValue<LibraryString<'de>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AttributeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(json: &str, wanted: Option<&[String]>) -> Result<Vec<String>, Rejection> {
        let attributes: Attributes<LibraryString<'_>> = serde_json::from_str(json).unwrap();
        let stated = attributes.into_stated(wanted)?;
        let shown = stated
            .iter()
            .map(|one| format!("{}={}", one.name, one.value.as_deref().unwrap_or("-")));
        Ok(shown.collect())
    }

    #[test]
    fn texts_integers_and_booleans_are_values() {
        assert_eq!(
            stated(
                r#"{"a":"x","b":-7,"c":true,"d":null,"e":"","a":"\u0079"}"#,
                None
            ),
            Ok(vec![
                "a=y".to_owned(),
                "b=-7".to_owned(),
                "c=true".to_owned(),
                "d=-".to_owned(),
                "e=-".to_owned()
            ])
        );
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_NAME_BYTES + 1));
        for wrong in [r#"{"a":1.5}"#, r#"{"a":[1]}"#, r#"{"a":{"b":1}}"#, &long] {
            assert_eq!(
                stated(wrong, None),
                Err(Rejection::InvalidAttributes),
                "{wrong}"
            );
        }
    }

    #[test]
    fn attributes_that_are_not_configured_may_have_any_value() {
        let wanted = ["a".to_owned()];
        assert_eq!(
            stated(r#"{"b":[{"c":[1]}],"a":1,"c":1.5}"#, Some(&wanted)),
            Ok(vec!["a=1".to_owned()])
        );
        assert_eq!(stated(r#"{"a":"x"}"#, Some(&[])), Ok(Vec::new()));
    }
}
