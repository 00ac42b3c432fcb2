//! A JSON value that borrows its texts from the record. An object is a list of members: most are small,
//! and a mapping reads them only a few times.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::wanted::{WantedParts, is_same_name};

/// The most members of an object for which the reader reserves memory in advance.
const MANY_MEMBERS: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads the wanted parts of a JSON text. `None`: it is not JSON.
    pub(super) fn parse(text: &'a str, wanted: &WantedParts) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let json = JsonSeed(wanted).deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(json)
    }

    /// Reads a whole JSON text that does not live as long as the result.
    pub(super) fn parse_owned(text: &str) -> Option<Self> {
        Json::parse(text, &WantedParts::everything()).map(Json::into_owned)
    }

    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A member of an object. Of two with the same name the last one counts, as for most readers.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => Some(&members[index_of(members, name)?].1),
            _ => None,
        }
    }

    /// The value that the names lead to.
    pub(super) fn at(&self, names: &[String]) -> Option<&Self> {
        names.iter().try_fold(self, |json, name| json.get(name))
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(members) => {
                let index = index_of(members, name)?;
                Some(&mut members[index].1)
            }
            _ => None,
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => {
                let index = index_of(members, name)?;
                Some(members.swap_remove(index).1)
            }
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn into_owned<'b>(self) -> Json<'b> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(truth) => Json::Bool(truth),
            Self::Number(number) => Json::Number(number),
            Self::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Self::List(items) => Json::List(items.into_iter().map(Json::into_owned).collect()),
            Self::Object(members) => Json::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned()))
                    .collect(),
            ),
        }
    }
}

fn index_of(members: &[(Cow<'_, str>, Json<'_>)], name: &str) -> Option<usize> {
    members
        .iter()
        .rposition(|(member, _)| is_same_name(member, name))
}

/// Reads the wanted parts and skips the rest.
#[derive(Clone, Copy)]
struct JsonSeed<'w>(&'w WantedParts);

impl<'de> DeserializeSeed<'de> for JsonSeed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        if let Some(wanted) = self.0.item() {
            while let Some(item) = access.next_element_seed(JsonSeed(wanted))? {
                items.push(item);
            }
        } else {
            while access.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(named) = access.next_key_seed(NameSeed(self.0))? {
            match named {
                Some((name, wanted)) => {
                    // Not before the first member: a record may have many empty objects.
                    if members.is_empty() {
                        members.reserve(self.0.names.len().min(MANY_MEMBERS));
                    }
                    members.push((name, access.next_value_seed(JsonSeed(wanted))?));
                }
                None => {
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Json::Object(members))
    }
}

/// Reads the name of a member. `None`: it is not wanted.
#[derive(Clone, Copy)]
struct NameSeed<'w>(&'w WantedParts);

impl<'de, 'w> DeserializeSeed<'de> for NameSeed<'w> {
    type Value = Option<(Cow<'de, str>, &'w WantedParts)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, 'w> Visitor<'de> for NameSeed<'w> {
    type Value = Option<(Cow<'de, str>, &'w WantedParts)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(self.0.name(name).map(|wanted| (name.into(), wanted)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self
            .0
            .name(name)
            .map(|wanted| (name.to_owned().into(), wanted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_borrowed_and_the_last_of_two_names_counts() {
        let all = WantedParts::everything();
        let json = Json::parse(r#"{"a":"x","b":[1,null,-2.5,true],"a":"\u00e9"}"#, &all).unwrap();
        assert_eq!(json.get("a").and_then(Json::as_text), Some("é"));
        let Json::Object(members) = &json else {
            panic!("an object")
        };
        assert!(matches!(
            &members[0],
            (Cow::Borrowed("a"), Json::Text(Cow::Borrowed("x")))
        ));
        assert!(Json::parse(&"[".repeat(10_000), &all).is_none());
        assert!(Json::parse("{", &all).is_none());
        assert!(Json::parse("{} x", &all).is_none());
    }

    #[test]
    fn unwanted_members_are_skipped() {
        let mut wanted = WantedParts::default();
        *wanted.inside("a") = WantedParts::everything();
        wanted.inside("b");
        let text = r#"{"x":[{"a":1}],"a":{"y":[2]},"b":{"z":3},"c":4}"#;
        assert_eq!(
            Json::parse(text, &wanted),
            Json::parse(r#"{"a":{"y":[2]},"b":{}}"#, &WantedParts::everything())
        );
        assert!(Json::parse(r#"{"x":[}"#, &wanted).is_none());
    }
}
