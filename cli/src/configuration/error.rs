use std::path::Path;

use anyhow::anyhow;

/// What is wrong, and on which line, counted from 1.
#[derive(Debug)]
pub(super) struct Defect {
    line: Option<usize>,
    what: String,
}

impl Defect {
    pub(super) fn new(text: &str, error: toml::de::Error) -> Self {
        Self {
            line: error.span().map(|span| line_of(text, span.start)),
            what: one_line(error),
        }
    }

    /// An error inside the table of this label, which starts at `position` in `text`.
    pub(super) fn in_table(
        text: &str,
        position: usize,
        label: &str,
        error: toml::de::Error,
    ) -> Self {
        let start = error.span().map_or(position, |span| span.start);
        Self::at(text, start, format!("{label}: {}", one_line(error)))
    }

    pub(super) fn at(text: &str, position: usize, what: String) -> Self {
        Self {
            line: Some(line_of(text, position)),
            what,
        }
    }

    /// What is wrong with the file as a whole.
    pub(super) fn in_all(what: String) -> Self {
        Self { line: None, what }
    }

    /// One line that names the file, the line in it, and what is wrong there.
    pub(super) fn in_file(&self, file: &Path) -> anyhow::Error {
        let (file, what) = (file.display(), &self.what);
        match self.line {
            Some(line) => anyhow!("{file}:{line}: {what}"),
            None => anyhow!("{file}: {what}"),
        }
    }
}

fn line_of(text: &str, position: usize) -> usize {
    let before = text.bytes().take(position);
    1 + before.filter(|octet| *octet == b'\n').count()
}

/// Without its input the error tells the key in place of a drawing of the line.
fn one_line(mut error: toml::de::Error) -> String {
    error.set_input(None);
    let text = error.to_string();
    let text = text.trim_end();
    let line = match text.rsplit_once("\nin ") {
        Some((what, key)) => format!("{key}: {what}"),
        None => text.to_owned(),
    };
    // A cited value may have lines of its own.
    line.replace('\n', " ")
}
