//! Mutations of a text.

use crate::stories::dice::Dice;

/// Changes a text in a few places: bytes, parts, words of `words`, parts of `other`.
pub fn mutated(text: &[u8], other: &[u8], words: &[&str], dice: &mut Dice) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=dice.below(4) {
        mutate(&mut text, other, words, dice);
    }
    text
}

fn mutate(text: &mut Vec<u8>, other: &[u8], words: &[&str], dice: &mut Dice) {
    let piece = |text: &[u8], most: i64, dice: &mut Dice| {
        let start = below(text.len() + 1, dice);
        let length = usize::try_from(dice.below(most)).unwrap();
        start..(start + length).min(text.len())
    };
    match dice.below(9) {
        0 if !text.is_empty() => {
            let place = below(text.len(), dice);
            text[place] ^= 1 << dice.below(8);
        }
        1 => {
            let range = piece(text, 20, dice);
            text.drain(range);
        }
        2 => {
            let range = piece(text, 40, dice);
            let copy = text[range].to_vec();
            let place = below(text.len() + 1, dice);
            text.splice(place..place, copy);
        }
        3 => {
            let range = piece(other, 60, dice);
            let place = piece(text, 30, dice);
            text.splice(place, other[range].iter().copied());
        }
        4 => text.truncate(below(text.len() + 1, dice)),
        5 => {
            let bytes = random_bytes(8, dice);
            let place = below(text.len() + 1, dice);
            text.splice(place..place, bytes);
        }
        6 | 7 => {
            // Replaces a word or number.
            let begin = below(text.len() + 1, dice);
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.+".contains(byte);
            let start = begin
                + text[begin..]
                    .iter()
                    .position(is_word)
                    .unwrap_or(text.len() - begin);
            let end = start
                + text[start..]
                    .iter()
                    .position(|byte| !is_word(byte))
                    .unwrap_or(text.len() - start);
            text.splice(start..end, dice.pick(words).bytes());
        }
        _ => {
            let place = below(text.len() + 1, dice);
            text.splice(place..place, dice.pick(words).bytes());
        }
    }
}

/// At most this number of arbitrary bytes.
pub fn random_bytes(most: i64, dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(most))
        .map(|_| u8::try_from(dice.below(256)).unwrap())
        .collect()
}

/// At most this number of arbitrary characters, plain ones more often.
pub fn random_text(most: i64, dice: &mut Dice) -> String {
    (0..dice.below(most))
        .map(|_| match dice.below(4) {
            0 => {
                char::from_u32(u32::try_from(dice.below(0x11_0000)).unwrap()).unwrap_or('\u{fffd}')
            }
            1 => *dice.pick(&[
                '\n', ' ', ':', '-', '"', '0', '9', 'ß', '\u{200f}', '😀', '\0',
            ]),
            _ => char::from(u8::try_from(32 + dice.below(95)).unwrap()),
        })
        .collect()
}

fn below(count: usize, dice: &mut Dice) -> usize {
    usize::try_from(dice.below(i64::try_from(count).unwrap())).unwrap()
}
