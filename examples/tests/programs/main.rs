//! The examples as they are: the real programs, run as processes, over real sockets.

mod access_log;
mod arguments;
mod db_writer;
mod demo;
mod graceful;
mod hostility;
mod http;
mod interrupts;
mod limits;
mod lockout;
mod pages;
mod patience;
mod programs;
mod proxying;
mod small;
mod soak;
mod upstream;
mod urgency;
mod watching;
mod wire;
