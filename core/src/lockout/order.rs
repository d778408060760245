//! [`Order`]: whether those who wait pass together or one after the other.

/// How waiters pass once the last lockout has ended: [`Together`] or [`InOrder`].
pub trait Order: sealed::Sealed + 'static {
    /// Whether they pass one after the other, and newcomers stand behind them.
    const IN_ORDER: bool;
}

/// All pass as soon as the last lockout has ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Together;

/// They pass one after the other, by priority and then by arrival; newcomers stand behind them.
#[derive(Clone, Copy, Debug, Default)]
pub struct InOrder;

impl Order for Together {
    const IN_ORDER: bool = false;
}

impl Order for InOrder {
    const IN_ORDER: bool = true;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Together {}
    impl Sealed for super::InOrder {}
}
