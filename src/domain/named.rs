//! Enums whose variants are words of labels, events or keys.

/// Declares an enum with a word for each variant. The variants are listed once, and not again for their
/// words and for the list of all. A variant with data has its data in that list after a colon.
macro_rules! named_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $(
                $(#[$of_variant:meta])*
                $variant:ident $(($data:ty : $sample:expr))? = $word:literal,
            )+
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $name {
            $($(#[$of_variant])* $variant $(($data))?,)+
        }

        impl $name {
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant $(($sample))?),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $word,)+
                }
            }

            #[allow(dead_code, reason = "not every enum is read")]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($word => Some(Self::$variant $(($sample))?),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use named_enum;
