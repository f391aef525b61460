// The guest program of a whole machine: as its first process, or beside one.
mod boot;
pub mod init;
mod modules;
pub mod power;
mod root;
pub mod vm;

use crate::connection;
use crate::guest::Guest;
use crate::mux;
use std::io;
use std::sync::Arc;

/// The port that the host gives a machine for this.
const PORT: &str = "heyvm.0";

/// Serves whoever opens the other side of the port. Only the host can, so that it may do everything.
fn serve_port(name: &str, guest: &Arc<Guest>, opened: &dyn Fn()) -> io::Result<()> {
    mux::forever(name, &|| connection::pair(guest).map(Some), opened)
}
