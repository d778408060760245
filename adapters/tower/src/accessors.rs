//! [`accessors!`]: how whoever has a layer's service gets at the one within.

/// The three methods that tower's users expect, for an `impl` over `S`, by way of these fields.
macro_rules! accessors {
    ($($field:ident).+) => {
        /// The service within.
        pub const fn get_ref(&self) -> &S {
            &self.$($field).+
        }

        /// The service within, to be changed.
        pub const fn get_mut(&mut self) -> &mut S {
            &mut self.$($field).+
        }

        /// The service within, alone.
        pub fn into_inner(self) -> S {
            self.$($field).+
        }
    };
}
pub(crate) use accessors;
