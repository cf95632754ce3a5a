//! Calls with a peer that does what a browser does, over loopback with real ICE, DTLS and SRTP.

mod audio;
mod browser;
mod changes;
mod echo;
mod ends;
mod offers;
mod support;
