//! The examples as they are: the real programs, run as processes, over real sockets.

mod arguments;
mod db_writer;
mod demo;
mod graceful;
mod http;
mod interrupts;
mod patience;
mod programs;
mod proxying;
mod small;
mod upstream;
mod urgency;
