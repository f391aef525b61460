#!/bin/sh
# Starts the heyvm command line with the best Node at hand: the one given, the one beside this file, or the system's (22 or newer).
here=$0
while [ -L "$here" ]; do
  link=$(readlink "$here")
  case $link in /*) here=$link ;; *) here=${here%/*}/$link ;; esac
done
here=${here%/*}
if [ -n "$HEYVM_NODE" ] && [ -x "$HEYVM_NODE" ]; then node=$HEYVM_NODE
elif [ -x "$here/node" ]; then node=$here/node
else node=node
fi
exec "$node" "$here/cli.cjs" "$@"
