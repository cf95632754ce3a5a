//! The modules of the core stand on each other in one order, and nothing points upward.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The modules at the root of the crate, top to bottom. A module uses those of the rows below its
/// own; those of one row do not know each other. `lib.rs` only declares and stands outside.
const LAYERS: &[&[&str]] = &[
    &["user_agent_core", "delegate"],
    &["session_view"],
    &["snapshot"],
    &["uas"],
    &["uac"],
    &["state"],
    &["transaction", "session", "outgoing", "sources"],
    &["timers", "outbox", "dialog", "capabilities", "respond"],
    &["config", "event", "incoming", "tag"],
    &["client_event"],
    &["id", "contact_target", "digest", "locate", "by_channel"],
    &[
        "counts",
        "fingerprint",
        "flow",
        "logger",
        "random",
        "share",
        "slot",
    ],
];

#[test]
fn no_import_points_upward() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut breaches = Vec::new();
    for file in rust_files(&root)? {
        let name = file.strip_prefix(&root).unwrap_or(&file);
        if name != Path::new("lib.rs") {
            let source = fs::read_to_string(&file)?;
            let found = breaches_of(&module_of(name), &source);
            breaches.extend(
                found
                    .iter()
                    .map(|breach| format!("core/src/{}: {breach}", name.display())),
            );
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    Ok(())
}

#[test]
fn every_module_has_its_layer() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root)?;
    let names = files
        .iter()
        .filter_map(|file| file.strip_prefix(&root).ok());
    let mut modules: BTreeSet<_> = names.map(module_of).collect();
    modules.remove("lib");
    let listed: BTreeSet<_> = LAYERS.concat().into_iter().map(str::to_owned).collect();
    assert_eq!(
        modules, listed,
        "put each module of core/src (left) into the row of LAYERS (right) above all that it uses"
    );
    assert_eq!(listed.len(), LAYERS.concat().len(), "a module stands twice");
    Ok(())
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    let found = |source| breaches_of("session", source);
    assert!(found("use crate::slot::Slot;\nuse crate::session::Phase;").is_empty());
    assert!(found("/// See [`uas`](crate::uas).\n// crate::state").is_empty());
    for upward in [
        "use crate::state::State;",
        "use crate::{slot::Slot, state::State};",
        "use crate::{\n    event::{Event, InviteId},\n    state::State,\n};",
        "fn f(state: &mut crate::state::State) {}",
        "use crate::transaction::Context;",
        "use crate::UserAgentCore;",
        "use crate::no_such_module::X;",
    ] {
        assert_eq!(found(upward).len(), 1, "{upward}");
    }
}

/// What a module imports and must not.
fn breaches_of(module: &str, source: &str) -> Vec<String> {
    let names = imports(source);
    let others = names.iter().filter(|name| *name != module);
    others.filter_map(|name| breach(module, name)).collect()
}

/// What is wrong with `module` using `name`, and what to do.
fn breach(module: &str, name: &str) -> Option<String> {
    if name.starts_with(char::is_uppercase) {
        return Some(format!(
            "crate::{name} goes through lib.rs, which hides the arrow: name its module"
        ));
    }
    match (layer(module), layer(name)) {
        (Some(own), Some(other)) if own < other => None,
        (Some(own), Some(other)) if own == other => Some(format!(
            "{module} and {name} stand side by side and must not know each other: let a module \
             above bring them together, or move what both need below"
        )),
        (Some(_), Some(_)) => Some(format!(
            "{module} uses {name}, which stands above it: return an event or a value upward, or \
             move what is needed below"
        )),
        _ => Some(format!("{module} uses {name}: LAYERS does not have both")),
    }
}

/// The row of a module, counted from the top.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// The first name of each path that begins with `crate::`, comments left aside.
fn imports(source: &str) -> BTreeSet<String> {
    let lines = source.lines().map(str::trim_start);
    let code: String = lines
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut names = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        match path.strip_prefix('{') {
            Some(list) => names.extend(first_names(list)),
            None => names.extend(first_name(path)),
        }
    }
    names
}

/// The first names of `a::B, c::{D, E}}`, up to the brace that closes the list.
fn first_names(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    let mut item = String::new();
    for character in list.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(first_name(&std::mem::take(&mut item))),
            _ if depth == 0 => item.push(character),
            _ => {}
        }
    }
    names.extend(first_name(&item));
    names
}

fn first_name(path: &str) -> Option<String> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let path = path.trim_start();
    let end = path.find(|character| !is_part(character));
    let name = &path[..end.unwrap_or(path.len())];
    (!name.is_empty()).then(|| name.to_owned())
}

/// The module at the root of the crate that a file belongs to.
fn module_of(file: &Path) -> String {
    let first = file.components().next();
    let first = first.map(|first| Path::new(first.as_os_str()).with_extension(""));
    first.unwrap_or_default().display().to_string()
}

fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}
