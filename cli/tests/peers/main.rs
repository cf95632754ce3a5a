//! The program against a peer that says and does what a test wants: a registrar, or a callee.

mod calling;
mod peer;
mod program;
mod registering;
mod terminal;
