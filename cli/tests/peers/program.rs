//! The program, and what it prints.

use std::{
    io::{BufRead, BufReader, Lines},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// The program, killed on drop, and what it prints.
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.args(["--json", "--log", "error"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = child.stdout.take().expect("a pipe");
        let lines = BufReader::new(stdout).lines();
        Self { child, lines }
    }

    /// The next line, which is about this.
    pub(crate) fn expect(&mut self, event: &str) -> Value {
        let object = self.line();
        assert_eq!(object["event"], event, "{object}");
        object
    }

    pub(crate) fn line(&mut self) -> Value {
        let line = self.lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("an object")
    }

    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// As a terminal does that is closed.
    pub(crate) fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &process]).status();
        assert!(kill.expect("kill runs").success());
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn offhook(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.args(arguments);
    command.env("OFFHOOK_PASSWORD", "s3cret");
    command
}

/// A file of a configuration, removed on drop.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let name = format!("offhook-{}-{name}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a file");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
