//! [`WhenFull`]: who gets the last room for a key.

/// What happens to a new key when there are as many as may be and none has a full bucket.
///
/// **It is a security choice.** Whoever can make up keys (addresses, tokens) can fill any bounded table:
///
/// - With [`Refuse`](Self::Refuse) such a flood keeps *new* keys out, honest ones too, for as long as it lasts.
///   Those that are in go on undisturbed, and no limit is ever exceeded.
/// - With [`ForgetFullest`](Self::ForgetFullest) everybody gets in, but the flood can push a key out whose
///   bucket is not full yet, which then comes back with a full one. The bucket closest to being full is the one that is
///   forgotten, so the gain is as small as can be: what had been taken from that bucket. With a flood large
///   enough nobody is limited.
///
/// Either way a key for which somebody waits stays: whoever lets anybody *wait* for keys that they make up lets them
/// hold as many keys as they have requests waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// The new key is refused, with [`KeyedError::Full`](super::KeyedError::Full).
    #[default]
    Refuse,
    /// The bucket that is closest to being full is forgotten, of those for which nobody waits. (The fullest of the
    /// shard in which the new key belongs.)
    ForgetFullest,
}
