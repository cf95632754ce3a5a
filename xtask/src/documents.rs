use std::{
    cmp::Ordering,
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::{command::root, house::files, step::Outcome};

/// What documents say of the tree: each file and folder that they name is there, and the tables of sections are in
/// order, with each row once.
pub(crate) fn check() -> Result<Outcome> {
    let tree = files(root())?;
    let mut breaches = Vec::new();
    for document in DOCUMENTS {
        let text =
            fs::read_to_string(root().join(document)).with_context(|| format!("no {document}"))?;
        let missing = missing(&text, &tree).map(|it| format!("{document}: there is no {it}"));
        breaches.extend(missing);
    }
    let sections = fs::read_to_string(root().join(SECTIONS)).context(SECTIONS)?;
    breaches.extend(disorder(&sections).map(|row| format!("{SECTIONS}: not in its place: {row}")));
    ensure!(breaches.is_empty(), "{}", breaches.join("\n"));
    println!("{} documents name what is there", DOCUMENTS.len());
    Ok(Outcome::Passed)
}

/// What stands between backquotes, ends like a file of Rust or a folder, and is the end of no path.
fn missing<'a>(text: &'a str, tree: &'a [PathBuf]) -> impl Iterator<Item = &'a str> {
    let quoted = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let named: BTreeSet<_> = quoted.filter(|it| !it.contains([' ', '{', ':'])).collect();
    named.into_iter().filter(|name| {
        let is_there = |path: &PathBuf| match name.strip_suffix('/') {
            Some(folder) => path.ancestors().skip(1).any(|it| it.ends_with(folder)),
            None => path.ends_with(name),
        };
        let is_file = Path::new(name).extension().is_some_and(|it| it == "rs");
        (is_file || name.ends_with('/')) && !tree.iter().any(is_there)
    })
}

/// The rows that come before the one above them in their table, or say the same.
fn disorder(text: &str) -> impl Iterator<Item = &str> {
    let lines: Vec<_> = text.lines().collect();
    let is_row = |line: &str| line.starts_with("| ") && !line.starts_with("| section");
    let pairs = lines
        .windows(2)
        .filter_map(|pair| <[&str; 2]>::try_from(pair).ok());
    let wrong = pairs.filter(|pair| pair.iter().all(|line| is_row(line)));
    let wrong = wrong.filter(|[above, row]| {
        section(above).cmp(&section(row)) == Ordering::Greater || what(above) == what(row)
    });
    wrong.map(|[_, row]| row).collect::<Vec<_>>().into_iter()
}

/// The first RFC of a row, 3261 where none is named, and the numbers of its first section.
fn section(row: &str) -> (u32, Vec<u32>) {
    let first = row.trim_start_matches("| ");
    let (rfc, section) = match first.strip_prefix("RFC ") {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None => ("3261", first),
    };
    let digits = |text: &str| text.trim_end_matches(',').parse().unwrap_or(0);
    let end = section.find([' ', ',']).unwrap_or(section.len());
    (digits(rfc), section[..end].split('.').map(digits).collect())
}

/// The section and what it is about.
fn what(row: &str) -> Vec<&str> {
    row.split('|').take(3).collect()
}

const SECTIONS: &str = "docs/rfc.md";
const DOCUMENTS: &[&str] = &[
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "README.md",
    SECTIONS,
    "docs/limits.md",
    "docs/torture.md",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_found() {
        let tree = ["core/src/uas/bye.rs", "core/src/digest/nonces.rs"].map(PathBuf::from);
        let text = "`uas/bye.rs`, `digest/` and `core/src/digest/`, not `bye.md` or `a b.rs`\n`uac/bye.rs` `diges/`";
        let missing: Vec<_> = missing(text, &tree).collect();
        assert_eq!(missing, ["diges/", "uac/bye.rs"]);
    }

    #[test]
    fn rows_out_of_order_and_twice_are_found() {
        let table = "| section | what |\n|---|---|\n| 7, 25 | a |\n| 8.2 | b |\n| 8.1.3 | c |\n| 10 | d |\n\
            | RFC 3262 3, 4 | e |\n| RFC 3262 3, 4 | e |\n| RFC 3262 10 | f |\n| RFC 2119 | g |\n";
        let wrong: Vec<_> = disorder(table).collect();
        assert_eq!(
            wrong,
            ["| 8.1.3 | c |", "| RFC 3262 3, 4 | e |", "| RFC 2119 | g |"]
        );
        assert!(
            disorder("| RFC 2119 | g |\n\n| section |\n|---|\n| 7 | a |")
                .next()
                .is_none()
        );
    }
}
