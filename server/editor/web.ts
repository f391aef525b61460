// The server of an editor as a page: one for each sandbox, on loopback of the guest, behind a token.

/** Beside the servers of ssh extensions, because the one with pages is another build. */
export const WEB_FOLDER = '.heyvm-web-server';

/**
 * Arguments: data folder, commit, program. The token of a first start comes on stdin; a server that runs keeps its own.
 * Says `port` and `token`, or the last of what the server said before it ended.
 */
export const SERVE_SCRIPT = `
set -u
umask 077
data=$HOME/$1 commit=$2 program=$3
web=$data/web
mkdir -p "$web"
# Whether the vendor's script stays or becomes the server, this is among its arguments. After a restart the number may be that
# of any program, also of one that looks, which is why nothing is started here that has this among its own.
runs() {
  [ -s "$web/pid" ] || return 1
  case $({ tr '\\0' ' ' <"/proc/$(cat "$web/pid")/cmdline"; } 2>/dev/null) in *"$web/token "*) ;; *) return 1 ;; esac
}
if ! runs; then
  cat >"$web/token"
  : >"$web/log"
  "$data/bin/$commit/bin/$program" --host 127.0.0.1 --port 0 --connection-token-file "$web/token" \\
    --accept-server-license-terms --telemetry-level off --server-data-dir "$web/data" </dev/null >"$web/log" 2>&1 &
  echo $! >"$web/pid"
fi
tries=0
until grep -q 'Extension host agent listening on' "$web/log"; do
  tries=$((tries + 1))
  if [ $tries -gt 900 ] || ! kill -0 "$(cat "$web/pid")" 2>/dev/null; then
    tail -n 5 "$web/log" >&2
    exit 1
  fi
  sleep 0.1
done
echo "port=$(sed -n 's/.*Extension host agent listening on //p' "$web/log" | tail -n 1)"
echo "token=$(cat "$web/token")"
`;
