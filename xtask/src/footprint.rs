//! What a semaphore adds to an image: the sizes of two that differ in nothing else.

use std::fs;
use std::process::ExitCode;

use object::Endianness;
use object::elf::{FileHeader32, SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::read::elf::{FileHeader as _, SectionHeader as _};

use crate::Result;
use crate::firmware::{Image, WITH, WITHOUT};

/// Bytes that an image takes up, its stack not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    flash: u64,
    ram: u64,
}

impl Size {
    /// Adds a section: what is not zeroed at the start is kept in flash, what may be written lies in RAM.
    fn add(&mut self, bytes: u64, kept: bool, written: bool) {
        self.flash += if kept { bytes } else { 0 };
        self.ram += if written { bytes } else { 0 };
    }

    fn of(elf: &[u8]) -> Result<Self> {
        let header = FileHeader32::<Endianness>::parse(elf)?;
        let endian = header.endian()?;
        let mut size = Self::default();
        for section in header.section_headers(endian, elf)? {
            let flags = section.sh_flags(endian);
            if flags.contains(SHF_ALLOC) {
                let kept = section.sh_type(endian) != SHT_NOBITS;
                size.add(u64::from(section.sh_size(endian)), kept, flags.contains(SHF_WRITE));
            }
        }
        Ok(size)
    }
}

/// Builds the pair and prints what the semaphore adds.
pub(crate) fn print() -> Result<ExitCode> {
    let size = |name| Size::of(&fs::read(Image::named(name)?.build()?)?);
    let (without, with) = (size(WITHOUT)?, size(WITH)?);
    let added = |with: u64, without: u64| i128::from(with) - i128::from(without);
    println!("{:24}{:>8}{:>8}", "bytes on a Cortex-M0", "flash", "RAM");
    println!("{:24}{:>8}{:>8}", "without a semaphore", without.flash, without.ram);
    println!("{:24}{:>8}{:>8}", "with one", with.flash, with.ram);
    println!(
        "{:24}{:>+8}{:>+8}",
        "the semaphore adds",
        added(with.flash, without.flash),
        added(with.ram, without.ram)
    );
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialised_data_counts_twice_and_zeroed_data_once() {
        let mut size = Size::default();
        size.add(100, true, false);
        size.add(10, true, true);
        size.add(1, false, true);
        assert_eq!(size, Size { flash: 110, ram: 11 });
    }

    #[test]
    fn garbage_is_refused() {
        assert!(Size::of(b"no image").is_err());
    }
}
