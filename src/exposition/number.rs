//! Numbers as text, appended to a buffer without intermediate strings.
//!
//! Nearly all sample values are integers or have at most three decimals, because they are counts or
//! milliseconds in seconds. A fast path writes these. Bucket bounds are label values, so they must be
//! written exactly as Go, and so Prometheus and its exporters, write them.

use std::io::Write;

/// 2^53: every smaller integer is exact as a float.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Go switches to an exponent at this power of ten and above (`strconv`, format `g`, shortest).
const EXPONENT_FROM: i32 = 6;
/// The same for bounds below one.
const EXPONENT_BELOW: i32 = -4;

/// Two digits of every number below 100.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends `number` in decimal digits.
#[allow(
    clippy::cast_possible_truncation,
    reason = "remainders of a division by 100 and by 10"
)]
pub(super) fn write_integer(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20]; // the length of u64::MAX
    let mut start = digits.len();
    while number >= 10 {
        let pair = (number % 100) as usize * 2;
        number /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        if number == 0 {
            // The pair has no leading zero, because the number was at least 10.
            out.extend_from_slice(&digits[start..]);
            return;
        }
    }
    start -= 1;
    digits[start] = b'0' + number as u8;
    out.extend_from_slice(&digits[start..]);
}

/// Appends a sample value: the shortest text that parses to the same float.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "non-negative and below 2^53 where converted"
)]
pub(super) fn write_value(out: &mut Vec<u8>, value: f64) {
    if write_special(out, value) {
        return;
    }
    let size = value.abs();
    if size < EXACT_INTEGERS {
        let whole = size.trunc();
        if whole == size {
            if value < 0.0 {
                out.push(b'-');
            }
            write_integer(out, whole as u64);
            return;
        }
        // Whole milliseconds: their decimals parse to the same float.
        let thousandths = (size * 1_000.0).round();
        if thousandths < EXACT_INTEGERS && thousandths / 1_000.0 == size {
            if value < 0.0 {
                out.push(b'-');
            }
            let thousandths = thousandths as u64;
            write_integer(out, thousandths / 1_000);
            let decimals = (thousandths % 1_000) as usize;
            out.push(b'.');
            out.push(b'0' + (decimals / 100) as u8);
            if !decimals.is_multiple_of(100) {
                out.extend_from_slice(&PAIRS[decimals % 100 * 2..][..2]);
                if decimals.is_multiple_of(10) {
                    out.pop();
                }
            }
            return;
        }
    }
    // Writing into a vector cannot fail.
    let _ = if (1e-5..1e16).contains(&size) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

/// Appends a bucket bound as Go's `strconv.FormatFloat(bound, 'g', -1, 64)` writes it. With `point`,
/// an integer gets `.0` (OpenMetrics 1.0, "Considerations: Canonical Numbers").
pub(super) fn write_bound(out: &mut Vec<u8>, bound: f64, point: bool) {
    if write_special(out, bound) {
        return;
    }
    let scientific = format!("{:e}", bound.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if bound < 0.0 {
        out.push(b'-');
    }
    let _ = if (EXPONENT_BELOW..EXPONENT_FROM).contains(&exponent) {
        write!(out, "{}", bound.abs())
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{mantissa}e{sign}{:02}", exponent.abs())
    };
    if point && bound.fract() == 0.0 && exponent < EXPONENT_FROM {
        out.extend_from_slice(b".0");
    }
}

/// Appends NaN or an infinity. Returns whether `value` is one.
fn write_special(out: &mut Vec<u8>, value: f64) -> bool {
    let word: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value == f64::INFINITY {
        b"+Inf"
    } else if value == f64::NEG_INFINITY {
        b"-Inf"
    } else {
        return false;
    };
    out.extend_from_slice(word);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(number: u64) -> String {
        let mut out = Vec::new();
        write_integer(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    fn value(number: f64) -> String {
        let mut out = Vec::new();
        write_value(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    fn bound(number: f64, point: bool) -> String {
        let mut out = Vec::new();
        write_bound(&mut out, number, point);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_of_every_length() {
        let mut number = 0_u64;
        for digit in 1..=20 {
            for near in [number.wrapping_sub(1), number, number.wrapping_add(1)] {
                assert_eq!(integer(near), near.to_string());
            }
            number = number.wrapping_mul(10).wrapping_add(digit % 10);
        }
        for number in (0..2_000).chain([u64::MAX]) {
            assert_eq!(integer(number), number.to_string());
        }
    }

    #[test]
    fn values_are_short_and_read_back() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-1.0, "-1"),
            (1.5, "1.5"),
            (0.25, "0.25"),
            (0.05, "0.05"),
            (0.001, "0.001"),
            (-7.125, "-7.125"),
            (1_755_555_555.123, "1755555555.123"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e300, "1e300"),
            (1e-7, "1e-7"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(value(number), text);
        }
        for milliseconds in (0..3_000_000_i64).step_by(37).chain([253_402_300_799_999]) {
            let number = crate::domain::timestamp::seconds(milliseconds);
            assert_eq!(value(number).parse::<f64>().unwrap(), number);
            assert_eq!(value(number), number.to_string());
        }
        for number in [
            EXACT_INTEGERS,
            EXACT_INTEGERS - 0.5,
            4.9e-324,
            f64::MAX,
            1.0 / 3.0,
        ] {
            assert_eq!(value(number).parse::<f64>().unwrap(), number);
        }
    }

    #[test]
    fn bounds_are_written_as_go_does() {
        // The left column is the output of Go's strconv.FormatFloat(v, 'g', -1, 64).
        for (go, number) in [
            ("0", 0.0),
            ("0.001", 0.001),
            ("0.5", 0.5),
            ("60", 60.0),
            ("86400", 86_400.0),
            ("604800", 604_800.0),
            ("999999", 999_999.0),
            ("1e+06", 1e6),
            ("1.2096e+06", 1_209_600.0),
            ("2.592e+06", 2_592_000.0),
            ("123456.75", 123_456.75),
            ("1.2345675e+06", 1_234_567.5),
            ("0.0001", 0.0001),
            ("1e-05", 0.00001),
            ("1e+21", 1e21),
            ("-2.5", -2.5),
            ("+Inf", f64::INFINITY),
        ] {
            assert_eq!(bound(number, false), go);
        }
        for (canonical, number) in [("60.0", 60.0), ("0.5", 0.5), ("1e+06", 1e6), ("0.0", 0.0)] {
            assert_eq!(bound(number, true), canonical);
        }
    }
}
