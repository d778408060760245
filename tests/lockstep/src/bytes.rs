//! [`Bytes`]: choices, read from what a fuzzer has made up.

/// Bytes read as choices. Those that are missing at the end count as zero.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    /// A number of any magnitude: as many bits as the first byte says, then those bits.
    pub(crate) fn number(&mut self) -> u64 {
        let bits = u32::from(self.byte() % 65);
        let number = (0..bits.div_ceil(8)).fold(0, |number, _| number << 8 | u64::from(self.byte()));
        number & u64::MAX.checked_shr(64 - bits).unwrap_or(0)
    }
}
