//! Recordings that are kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::Context;
use offhook_media::Recording;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::wave;

/// Where recordings go, and how many may lie there. As many may be under way, which are in memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recordings {
    directory: PathBuf,
    most: usize,
    #[serde(skip)]
    shared: Arc<Shared>,
}

/// What all calls know of the recordings.
#[derive(Debug, Default)]
struct Shared {
    under_way: AtomicUsize,
    /// Held from the count of the files until there is one more.
    making: Mutex<()>,
}

/// A recording that is written when its call is over.
pub(crate) struct Keep {
    pub(super) recording: Recording,
    recordings: Recordings,
    call_id: String,
    _under_way: UnderWay,
}

/// One of the recordings that are under way, until it is dropped.
struct UnderWay(Arc<Shared>);

impl Keep {
    /// `None` where too many are under way.
    pub(super) fn new(
        recordings: &Recordings,
        longest: Option<Duration>,
        call_id: &str,
    ) -> Option<Self> {
        let Some(under_way) = recordings.begin() else {
            let most = recordings.most;
            warn!(call_id, "not recorded: {most} recordings are under way");
            return None;
        };
        Some(Self {
            call_id: call_id.to_owned(),
            recording: Recording::up_to(longest.unwrap_or(LONGEST)),
            recordings: recordings.clone(),
            _under_way: under_way,
        })
    }

    /// Writes the recording, under a name that no caller has a say in. Nothing is written of a silent call.
    pub(crate) async fn write(self) {
        let samples = self.recording.samples();
        if samples.is_empty() {
            return;
        }
        let recordings = self.recordings;
        let written = spawn_blocking(move || {
            let file = recordings.file()?;
            wave::write(&file, &samples).map(|()| file)
        });
        match written.await {
            Ok(Ok(file)) => info!(call_id = self.call_id, file = %file.display(), "recorded"),
            Ok(Err(error)) => warn!(
                call_id = self.call_id,
                error = format!("{error:#}"),
                "not recorded"
            ),
            Err(error) => warn!(call_id = self.call_id, %error, "not recorded"),
        }
    }
}

impl Recordings {
    fn begin(&self) -> Option<UnderWay> {
        let next = |count| (count < self.most).then_some(count + 1);
        let (set, read) = (Ordering::Relaxed, Ordering::Relaxed);
        self.shared.under_way.try_update(set, read, next).ok()?;
        Some(UnderWay(Arc::clone(&self.shared)))
    }

    /// Makes a new file, for there is no other way to keep its place.
    fn file(&self) -> anyhow::Result<PathBuf> {
        let making = self.shared.making.lock();
        let _making = making.unwrap_or_else(PoisonError::into_inner);
        let directory = self.directory.display();
        fs::create_dir_all(&self.directory).with_context(|| format!("no directory {directory}"))?;
        let count =
            count(&self.directory).with_context(|| format!("{directory} cannot be read"))?;
        anyhow::ensure!(
            count < self.most,
            "{directory} has {count} files, and {} are allowed",
            self.most
        );
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.wav", since.as_millis());
        let file = self.directory.join(name);
        fs::File::create_new(&file)
            .with_context(|| format!("{} cannot be made", file.display()))?;
        Ok(file)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn count(directory: &Path) -> io::Result<usize> {
    Ok(fs::read_dir(directory)?.count())
}

/// Of a recording whose route sets no time.
pub(crate) const LONGEST: Duration = Duration::from_mins(1);
/// Of recordings that end in the same millisecond.
static NUMBER: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_than_allowed() {
        let directory = std::env::temp_dir().join(format!("offhook-keep-{}", std::process::id()));
        let recordings = Recordings {
            directory: directory.clone(),
            most: 2,
            shared: Arc::default(),
        };
        for _ in 0..2 {
            // It counts before anything is written.
            recordings.file().unwrap();
        }
        let error = recordings.file().unwrap_err().to_string();
        assert!(error.ends_with("has 2 files, and 2 are allowed"), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn no_more_are_under_way_than_allowed() {
        let recordings = Recordings {
            directory: PathBuf::new(),
            most: 2,
            shared: Arc::default(),
        };
        let keep = || Keep::new(&recordings, None, "");
        let (first, second) = (keep(), keep());
        assert!(first.is_some() && second.is_some() && keep().is_none());
        drop(first);
        assert!(keep().is_some());
    }
}
