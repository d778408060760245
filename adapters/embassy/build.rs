//! Tells the crate whether it is built for a Cortex-M, which the lock of `ThreadMode` exists on alone.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(cortex_m)");
    let target = std::env::var("TARGET").unwrap_or_default();
    if ["thumbv6m-", "thumbv7m-", "thumbv7em-", "thumbv8m."].iter().any(|prefix| target.starts_with(prefix)) {
        println!("cargo:rustc-cfg=cortex_m");
    }
}
