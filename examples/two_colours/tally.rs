//! [`Tally`]: how often each word has been seen.

use std::collections::HashMap;
use std::io;

use crate::corpus::{self, Corpus};

/// How often each word has been seen, and in how much text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) words: HashMap<String, u64>,
    pub(crate) bytes: u64,
}

impl Tally {
    /// Counted by this thread alone.
    pub(crate) fn of_corpus(corpus: &Corpus) -> io::Result<Self> {
        let mut tally = Self::default();
        for file in &corpus.files {
            corpus::read(file, |page| {
                tally.add(&page);
                true
            })?;
        }
        Ok(tally)
    }

    /// Counts the words of a text: what stands between characters that belong to none.
    pub(crate) fn add(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        for word in text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()) {
            match self.words.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(self.words.insert(word.to_owned(), 1)),
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.bytes += other.bytes;
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.words.values().sum()
    }

    /// The most frequent words; of equally frequent ones, by the alphabet.
    pub(crate) fn most_frequent(&self, count: usize) -> Vec<(&str, u64)> {
        let mut words: Vec<_> = self.words.iter().map(|(word, &count)| (word.as_str(), count)).collect();
        words.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        words.truncate(count);
        words
    }
}
