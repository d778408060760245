//! The text: which files there are, and reading them page by page.

use core::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A page has at least so many bytes, unless it is the last one; it ends with a line.
const PAGE: usize = 16 * 1024;

/// The files that are counted.
pub(crate) struct Corpus {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) bytes: u64,
}

impl Corpus {
    /// A file, or the sources and texts in a folder and in those within it.
    pub(crate) fn find(path: PathBuf) -> Result<Self, Box<dyn Error>> {
        let mut corpus = Self { files: Vec::new(), bytes: 0 };
        let status = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if status.is_file() {
            corpus.add(path, status.len());
        } else {
            corpus.search(&path)?;
        }
        if corpus.files.is_empty() {
            return Err("there is nothing to read".into());
        }
        corpus.files.sort_unstable();
        Ok(corpus)
    }

    fn add(&mut self, file: PathBuf, bytes: u64) {
        self.files.push(file);
        self.bytes += bytes;
    }

    fn search(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if kind.is_dir() && !hidden && entry.file_name() != "target" {
                self.search(&path)?;
            } else if kind.is_file()
                && matches!(path.extension().and_then(OsStr::to_str), Some("rs" | "md" | "txt"))
            {
                let bytes = entry.metadata()?.len();
                self.add(path, bytes);
            }
        }
        Ok(())
    }
}

/// Reads a file and passes its pages on, for as long as they are wanted.
pub(crate) fn read(file: &Path, mut page: impl FnMut(String) -> bool) -> io::Result<()> {
    let bytes = fs::read(file)?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let line_end = rest.iter().skip(PAGE - 1).position(|&byte| byte == b'\n');
        let (this, others) = rest.split_at(line_end.map_or(rest.len(), |end| PAGE + end));
        if !page(String::from_utf8_lossy(this).into_owned()) {
            break;
        }
        rest = others;
    }
    Ok(())
}
