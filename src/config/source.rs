//! The text of the configuration file. The caller reads files, because this layer does no I/O.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::problem::{ConfigErrors, ConfigPlace};
use super::tree::YamlNode;

/// Returns the text of a file.
pub type ReadFile<'a> = dyn FnMut(&Path) -> io::Result<String> + 'a;

/// Reads a file and parses it with `parse`, which gets the text and the name of the file. Returns an
/// empty tree if there is no file.
pub(super) fn read_tree(
    file: Option<&Path>,
    read: &mut ReadFile<'_>,
    errors: &mut ConfigErrors,
    parse: impl FnOnce(&str, &str, &mut ConfigErrors) -> Option<YamlNode>,
) -> YamlNode {
    let name = file.map(|path| path.display().to_string());
    let empty = empty_tree(name.as_deref());
    let (Some(path), Some(name)) = (file, &name) else {
        return empty;
    };
    match read(path) {
        Ok(text) => parse(&text, name, errors).unwrap_or(empty),
        Err(error) => {
            errors.error(&empty.place, "", format!("cannot read the file: {error}"));
            empty
        }
    }
}

/// A tree without any setting. `name` is the name of the file.
pub(super) fn empty_tree(name: Option<&str>) -> YamlNode {
    let place = name.map_or(ConfigPlace::Missing, |name| ConfigPlace::File {
        name: Arc::from(name),
        line: 1,
        column: 1,
    });
    YamlNode::empty(place)
}
