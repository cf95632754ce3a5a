//! The program as its users meet it: a process, its lines, its exit code, and SIP by hand on plain sockets.

mod answers;
mod caller;
mod early;
mod message;
mod program;
mod routes;
mod start;
mod stop;
