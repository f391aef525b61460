// The parts of a project file that every preset explains in the same words.

export const HEAD = `# What heyvm up starts, and what heyvm wt makes for a branch. Everything may be left out.
# What would weaken the sandbox (network, folders outside of this one, ports of the machine) has to be agreed to.
`;

export const TAIL = `
# Which backend and image; heyvm chooses when they are left out. heyvm backends shows what there is.
# backend: docker
# image: debian:12
# image: { dockerfile: Dockerfile, context: . }

# What programs inside may reach: none or open.
# network: none

# env:
#   NAME: value

# Folders at other places inside, from this folder; read-only unless the mode is rw.
# mounts:
#   - { source: ./data, target: /data, mode: rw }

# limits: { cpus: 2, memory: 2g, pids: 500 }
# ttl: 8h
`;
