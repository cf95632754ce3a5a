use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

/// One line that names the file, the line in it, and what is wrong there.
#[derive(Debug)]
pub(crate) struct ConfigurationError {
    file: PathBuf,
    defect: Defect,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.defect.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.defect.what)
    }
}

impl Error for ConfigurationError {}

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

    pub(super) fn unreadable(error: &io::Error) -> Self {
        Self {
            line: None,
            what: format!("the configuration cannot be read: {error}"),
        }
    }

    pub(super) fn in_file(self, file: &Path) -> ConfigurationError {
        ConfigurationError {
            file: file.to_owned(),
            defect: self,
        }
    }
}

fn line_of(text: &str, position: usize) -> usize {
    1 + text
        .bytes()
        .take(position)
        .filter(|&octet| octet == b'\n')
        .count()
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
