//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The workspace of the firmware images.
pub(crate) fn firmware() -> PathBuf {
    root().join("tests/firmware")
}

/// The workspace of the loom models.
pub(crate) fn loom() -> PathBuf {
    root().join("tests/loom")
}

/// The workspace of the fuzz targets.
pub(crate) fn fuzz() -> PathBuf {
    root().join("tests/fuzz")
}

/// Where cargo puts what it builds; a part of it, for builds that would otherwise undo each other's.
pub(crate) fn target_dir(part: &str) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir)).join(part)
}
