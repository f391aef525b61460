#!/bin/sh
# Starts heyvm with the first Node that is new enough: a named one, the one beside this file, or the system's.
set -u

self=$0
# A name without a slash was found on PATH by the shell that started us.
case $self in */*) ;; *) self=$(command -v -- "$self") ;; esac
while [ -L "$self" ]; do
  link=$(readlink -- "$self")
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
here=${self%/*}

fail() {
  printf 'heyvm: %s\n  %s\n' "$1" "$2" >&2
  exit 125
}

node=
if [ -n "${HEYVM_NODE:-}" ]; then
  [ -x "$HEYVM_NODE" ] || fail "HEYVM_NODE names $HEYVM_NODE, which cannot be run" 'set it to a Node of version 22 or newer, or unset it'
  node=$HEYVM_NODE
  [ "${HEYVM_ELECTRON:-}" != 1 ] || export ELECTRON_RUN_AS_NODE=1
elif [ -x "$here/node" ]; then
  node=$here/node
else
  node=$(command -v node) || fail 'there is no Node on PATH' 'install Node 22 or newer, or set HEYVM_NODE to one'
fi

# Whole file systems pass through these commands, and Node would tidy up after every few megabytes of them.
room=
case ${1:-} in images) room=--initial-old-space-size=128 ;; esac

# A command is over before it has filled this; with less, its memory would be tidied up several times for nothing.
# And a program that is compiled in the background while Node ends can make both wait for each other for ever.
exec "$node" --min-semi-space-size=16 $room --no-concurrent-recompilation "$here/start.cjs" "$@"
