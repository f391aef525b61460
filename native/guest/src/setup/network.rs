// The network of a machine: one interface with a fixed address, a route and name servers.
use super::replace;
use super::request::Network;
use crate::failure::Failure;
use crate::sys;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Network cards come up late.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn configure(network: &Network) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::system("cannot set the network up", &error);
    let name = interface()?;
    let socket = socket().map_err(broken)?;
    if let Some(mac) = network.mac {
        set_hardware_address(&socket, &name, mac).map_err(broken)?;
    }
    // An address that is set again would take the route along, and with it connections that exist.
    if address_of(&socket, &name) != Some(network.address) {
        let mask = u32::MAX.checked_shl(32 - u32::from(network.prefix)).unwrap_or(0);
        set_address(&socket, &name, libc::SIOCSIFADDR, network.address).map_err(broken)?;
        set_address(&socket, &name, libc::SIOCSIFNETMASK, mask.into()).map_err(broken)?;
    }
    bring_up(&socket, &name).map_err(broken)?;
    if let Some(gateway) = network.gateway {
        add_route(&socket, gateway).map_err(broken)?;
    }
    if !network.dns.is_empty() {
        write_servers(&network.dns).map_err(broken)?;
    }
    Ok(())
}

/// The interface through which a machine talks to itself.
pub fn bring_loopback_up() -> io::Result<()> {
    bring_up(&socket()?, "lo")
}

fn interface() -> Result<String, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let entries =
            fs::read_dir("/sys/class/net").map(|entries| entries.flatten().collect()).unwrap_or_else(|_| Vec::new());
        let mut names: Vec<String> = entries
            .into_iter()
            // Only real cards have a device behind them.
            .filter(|entry| entry.path().join("device").exists())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        match names.into_iter().next() {
            Some(name) => return Ok(name),
            None if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
            None => return Err(Failure::new("guest-failed", "the machine has no network card")),
        }
    }
}

fn socket() -> io::Result<OwnedFd> {
    // SAFETY: the new descriptor is owned by nobody else.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        Ok(OwnedFd::from_raw_fd(sys::check(fd)?))
    }
}

fn request(name: &str) -> libc::ifreq {
    // SAFETY: zeroes are a valid request; the name's last byte stays zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0 as libc::c_char; 14];
    for (to, from) in data[2..6].iter_mut().zip(address.octets()) {
        *to = from as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data }
}

/// Before the card is up where it is new; the cards of machines take another one also while they are up.
fn set_hardware_address(socket: &OwnedFd, name: &str, mac: [u8; 6]) -> io::Result<()> {
    let mut request = request(name);
    // SAFETY: the kernel reads and writes one request; an answer holds the address of the card.
    unsafe {
        sys::check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFHWADDR as _, &mut request))?;
        let known = &mut request.ifr_ifru.ifru_hwaddr.sa_data;
        let wanted = mac.map(|byte| byte as libc::c_char);
        if known[..6] == wanted {
            return Ok(());
        }
        known[..6].copy_from_slice(&wanted);
        sys::check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFHWADDR as _, &request)).map(|_| ())
    }
}

fn address_of(socket: &OwnedFd, name: &str) -> Option<Ipv4Addr> {
    let mut request = request(name);
    // SAFETY: the kernel reads and writes one request; an answer holds an address.
    unsafe {
        sys::check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFADDR as _, &mut request)).ok()?;
        let [_, _, a, b, c, d, ..] = request.ifr_ifru.ifru_addr.sa_data;
        Some(Ipv4Addr::new(a as u8, b as u8, c as u8, d as u8))
    }
}

fn set_address(socket: &OwnedFd, name: &str, call: libc::c_ulong, address: Ipv4Addr) -> io::Result<()> {
    let mut request = request(name);
    request.ifr_ifru.ifru_addr = socket_address(address);
    // SAFETY: the kernel reads one request.
    sys::check(unsafe { libc::ioctl(socket.as_raw_fd(), call as _, &request) }).map(|_| ())
}

fn bring_up(socket: &OwnedFd, name: &str) -> io::Result<()> {
    let mut request = request(name);
    // SAFETY: the kernel reads and writes one request; an answer holds flags.
    unsafe {
        sys::check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &mut request))?;
        request.ifr_ifru.ifru_flags |= (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        sys::check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request))?;
    }
    Ok(())
}

fn add_route(socket: &OwnedFd, gateway: Ipv4Addr) -> io::Result<()> {
    // SAFETY: zeroes are a valid route, and the kernel reads one.
    let result = unsafe {
        let mut route: libc::rtentry = std::mem::zeroed();
        route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_gateway = socket_address(gateway);
        route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
        sys::check(libc::ioctl(socket.as_raw_fd(), libc::SIOCADDRT as _, &route))
    };
    match result {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => Err(error),
        _ => Ok(()),
    }
}

/// A link, such as the one to a resolver that does not run here, gives way to a file.
fn write_servers(servers: &[String]) -> io::Result<()> {
    let text: String = servers.iter().map(|server| format!("nameserver {}\n", server)).collect();
    replace(Path::new("/etc/resolv.conf"), text.as_bytes(), 0o644)
}
