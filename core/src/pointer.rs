//! [`pointer!`]: a trait for whatever points at a handle, so that futures and guards work with each of them.

/// Declares a trait for whatever dereferences to a handle, and implements it for all of that.
///
/// It names the handle's parameters, in their order, and for each the associated type that tells it. So a future has
/// one parameter, its pointer, and need not repeat those of the handle.
macro_rules! pointer {
    (
        pub trait $Pointer:ident$(: $Also:ident)?
            for $Handle:ident<$($Parameter:ident $(: $Bound:path)?),+>, by $get:ident
        {
            $($(#[$about:meta])+ type $Name:ident $(: $Is:path)? = $Value:ident;)+
        }
    ) => {
        #[doc = concat!("A pointer to a [`", stringify!($Handle), "`]: a reference, an `Rc`, an `Arc`, or anything")]
        #[doc = concat!("else that dereferences to one", $(" and is `", stringify!($Also), "`",)? ".")]
        /// It is implemented for all of them and cannot be implemented by hand.
        pub trait $Pointer: $($Also +)? sealed::Sealed {
            $($(#[$about])+ type $Name $(: $Is)?;)+

            /// What is pointed at.
            #[allow(clippy::type_complexity, reason = "all of it is what there is to say")]
            fn $get(&self) -> &$Handle<$(Self::$Name),+>;
        }

        impl<R, $($Parameter $(: $Bound)?),+> $Pointer for R
        where
            R: core::ops::Deref<Target = $Handle<$($Parameter),+>> $(+ $Also)?,
        {
            $(type $Name = $Value;)+

            #[inline]
            fn $get(&self) -> &$Handle<$($Parameter),+> {
                self
            }
        }

        mod sealed {
            use super::*;

            pub trait Sealed {}

            impl<R, $($Parameter $(: $Bound)?),+> Sealed for R
            where
                R: core::ops::Deref<Target = $Handle<$($Parameter),+>>
            {}
        }
    };
}

pub(crate) use pointer;
