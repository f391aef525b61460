// The files that the kernel knows, by the numbers that it was given for them, and by which path each is found.
use super::abi::ROOT;
use super::remote::Identity;
use std::collections::HashMap;

pub struct Nodes {
    nodes: HashMap<u64, Node>,
    names: HashMap<(u64, Vec<u8>), u64>,
    last: u64,
}

struct Node {
    /// Where it is found; nowhere when it was removed or replaced while somebody still uses it.
    place: Option<(u64, Vec<u8>)>,
    /// How often the kernel was told of it and did not forget it.
    lookups: u64,
    /// Which file it is on the host.
    identity: Identity,
    /// Of the files that are open, those of this node.
    open: Vec<u64>,
}

impl Nodes {
    pub fn new() -> Nodes {
        Nodes { nodes: HashMap::new(), names: HashMap::new(), last: ROOT }
    }

    /// Absolute; nothing for what is found nowhere any more.
    pub fn path(&self, mut node: u64) -> Option<Vec<u8>> {
        let mut parts: Vec<&[u8]> = Vec::new();
        while node != ROOT {
            let (parent, name) = self.nodes.get(&node)?.place.as_ref()?;
            parts.push(name);
            node = *parent;
        }
        if parts.is_empty() {
            return Some(b"/".to_vec());
        }
        Some(parts.iter().rev().flat_map(|part| std::iter::once(&b'/').chain(part.iter())).copied().collect())
    }

    pub fn path_in(&self, parent: u64, name: &[u8]) -> Option<Vec<u8>> {
        let mut path = self.path(parent)?;
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Some(path)
    }

    /// The kernel is told of what has this name now. A file that took the place of another one gets a number of its own.
    pub fn reach(&mut self, parent: u64, name: &[u8], identity: Identity) -> u64 {
        let key = (parent, name.to_vec());
        if let Some(known) = self.names.get(&key).copied() {
            match self.nodes.get_mut(&known) {
                Some(node) if node.identity == identity => {
                    node.lookups += 1;
                    return known;
                }
                _ => self.detach(parent, name),
            }
        }
        self.last += 1;
        let node = Node { place: Some(key.clone()), lookups: 1, identity, open: Vec::new() };
        self.nodes.insert(self.last, node);
        self.names.insert(key, self.last);
        self.last
    }

    /// Whether that file of the host is what the kernel knows by this number.
    pub fn is(&self, node: u64, identity: Identity) -> bool {
        node == ROOT || self.nodes.get(&node).map_or(false, |known| known.identity == identity)
    }

    /// What has this name is found there no more.
    pub fn detach(&mut self, parent: u64, name: &[u8]) {
        let known = self.names.remove(&(parent, name.to_vec()));
        if let Some(node) = known.and_then(|known| self.nodes.get_mut(&known)) {
            node.place = None;
        }
    }

    pub fn moved(&mut self, from: (u64, &[u8]), to: (u64, &[u8])) {
        self.detach(to.0, to.1);
        let known = match self.names.remove(&(from.0, from.1.to_vec())) {
            Some(known) => known,
            None => return,
        };
        let place = (to.0, to.1.to_vec());
        if let Some(node) = self.nodes.get_mut(&known) {
            node.place = Some(place.clone());
        }
        self.names.insert(place, known);
    }

    pub fn forget(&mut self, node: u64, times: u64) {
        let is_over = match self.nodes.get_mut(&node) {
            Some(known) => {
                known.lookups = known.lookups.saturating_sub(times);
                known.lookups == 0
            }
            None => false,
        };
        if is_over {
            if let Some(place) = self.nodes.remove(&node).and_then(|known| known.place) {
                self.names.remove(&place);
            }
        }
    }

    pub fn opened(&mut self, node: u64, handle: u64) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.open.push(handle);
        }
    }

    pub fn closed(&mut self, node: u64, handle: u64) {
        if let Some(known) = self.nodes.get_mut(&node) {
            known.open.retain(|open| *open != handle);
        }
    }

    /// One of the open files of a node, by which it can be asked about when it has no path.
    pub fn open_file(&self, node: u64) -> Option<u64> {
        self.nodes.get(&node)?.open.last().copied()
    }
}
