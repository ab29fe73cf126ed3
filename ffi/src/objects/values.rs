//! Numbers with a unit. Each language may give them a type of its own: `ffi/uniffi.toml` says which.

use sendgate_core::time::UnixMillis;

/// Milliseconds, as a length of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Millis(pub u64);

/// Units of a budget: what something costs, or how much there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Units(pub u32);

/// Units of a quota, all of whose 64 bits count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amount(pub u64);

/// A random number, all of whose 64 bits count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entropy(pub u64);

uniffi::custom_newtype!(Millis, u64);
uniffi::custom_newtype!(Units, u32);
uniffi::custom_newtype!(Amount, u64);
uniffi::custom_newtype!(Entropy, u64);
uniffi::custom_type!(UnixMillis, u64, {
    remote,
    lower: |instant| instant.as_millis(),
    try_lift: |millis| Ok(UnixMillis::new(millis)),
});

/// Counts that a language's own collections bound far below the end of the type.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Types that carry addresses, bodies or keys show nothing.
macro_rules! hidden {
    ($($name:ident),+) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })+
    };
}

pub(crate) use hidden;
