use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::{command::root, step::Outcome};

/// The rules of the house that no compiler checks: see CONTRIBUTING.md.
pub(crate) fn check() -> Result<Outcome> {
    let files = files(root())?;
    let mut breaches = Vec::new();
    for file in &files {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root()).unwrap_or(file).display();
        breaches.extend(
            breaches_of(file, &text)
                .into_iter()
                .map(|breach| format!("{name}{breach}")),
        );
    }
    ensure!(breaches.is_empty(), "{}", breaches.join("\n"));
    println!("{} files keep the rules", files.len());
    Ok(Outcome::Passed)
}

fn breaches_of(file: &Path, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST {
        breaches.push(format!(
            ": {lines} lines; at most {LONGEST} fit into a head"
        ));
    }
    let module = if file.ends_with("mod.rs") {
        file.parent()
    } else {
        Some(file)
    };
    if let Some(name) = module
        .and_then(Path::file_stem)
        .and_then(|name| name.to_str())
        && VAGUE.contains(&name)
    {
        breaches.push(format!(
            ": a module named {name} says nothing about what it holds"
        ));
    }
    for (index, line) in text.lines().enumerate() {
        if let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(**mark)) {
            breaches.push(format!(":{}: {mark}", index + 1));
        }
    }
    breaches
}

/// The files of Rust in a folder and those below it.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Lines in a file.
const LONGEST: usize = 600;
const VAGUE: &[&str] = &["util", "utils", "helper", "helpers"];
/// Written in two parts, so that this file does not breach the rule.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_can_be_broken() {
        let vague = breaches_of(Path::new("core/src/util.rs"), "");
        let vague_folder = breaches_of(Path::new("core/src/helper/mod.rs"), "");
        let long = breaches_of(Path::new("core/src/long.rs"), &"\n".repeat(LONGEST + 1));
        let unfinished = breaches_of(
            Path::new("core/src/a.rs"),
            &format!("fn a() {{\n    {}()\n}}", UNFINISHED[2]),
        );
        for breaches in [vague, vague_folder, long, unfinished] {
            assert_eq!(breaches.len(), 1, "{breaches:?}");
        }
    }

    #[test]
    fn a_good_file_breaks_none() {
        assert!(breaches_of(Path::new("core/src/flow.rs"), "//! Flows.\n").is_empty());
    }
}
