# What an editor sends to the far side: starts its server there once and says, line by line, how to reach it.
set -u
umask 077
mark=$1 server=$2 token=$3
data=$HOME/.vscode-server
log=$data/server.log
pidfile=$data/server.pid
mkdir -p "$data"

exec 9>"$data/lock"
flock 9
# A number from before a restart may be that of another program by now, also that of the one that looks.
if ! [ -s "$pidfile" ] || ! grep -q '[s]erver-main' "/proc/$(cat "$pidfile")/cmdline" 2>/dev/null; then
  : >"$log"
  printf '%s' "$token" >"$data/token"
  "$server/node/bin/node" "$server/vscode/out/server-main.js" --host 127.0.0.1 --port 0 \
    --connection-token-file "$data/token" --accept-server-license-terms --telemetry-level off \
    --disable-workspace-trust --server-data-dir "$data" </dev/null >"$log" 2>&1 9>&- &
  echo $! >"$pidfile"
  started=new
else
  started=reused
fi
tries=0
until grep -q 'Extension host agent listening on' "$log"; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! kill -0 "$(cat "$pidfile")"; then
    echo "$mark: start"
    echo "exitCode==32=="
    echo "$mark: end"
    tail -n 5 "$log" >&2
    exit 32
  fi
  sleep 0.1
done
flock -u 9
port=$(sed -n 's/.*Extension host agent listening on //p' "$log" | tail -n 1)

echo "$mark: start"
echo "exitCode==0=="
echo "listeningOn==$port=="
echo "connectionToken==$(cat "$data/token")=="
echo "serverStart==$started=="
echo "osReleaseId==$(sed -n 's/^ID=//p' /etc/os-release)=="
echo "arch==$(uname -m)=="
echo "platform==linux=="
echo "user==$(id -un)=="
echo "$mark: end"
# The connection stays while the editor's window does.
cat >/dev/null
