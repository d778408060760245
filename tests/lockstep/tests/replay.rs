//! What fuzzing has found worth keeping, once more.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tidegate_lockstep::TARGETS;

#[test]
fn the_whole_corpus_is_replayed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let folders = fs::read_dir(&corpus).expect("there is a corpus").map(|entry| entry.unwrap().file_name());
    let folders: BTreeSet<String> = folders.map(|name| name.into_string().unwrap()).collect();
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, names, "a folder for each target");
    for (name, run) in TARGETS {
        let files = fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path());
        let mut inputs: Vec<_> = files.collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            println!("{name}: {}", input.display());
            run(&fs::read(&input).unwrap());
        }
    }
}

/// The corpus is a matter of luck; these are all there are.
#[test]
fn short_inputs_are_all_tried() {
    for (_, run) in TARGETS {
        run(&[]);
        for first in 0..=255 {
            run(&[first]);
            for second in 0..=255 {
                run(&[first, second]);
            }
        }
    }
}
