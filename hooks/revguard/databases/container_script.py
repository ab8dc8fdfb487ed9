"""What a container of ours runs and is asked to run: it ends itself when nobody holds it."""

from __future__ import annotations

CONTROL = "/revguard"  # a folder in memory, for what the scripts tell each other
ENDED = "revguard: the server ended with"
GIVEN = "revguard: the data folder cannot be filled"
AGAIN = "revguard: the server starts again"
HELD = "revguard: held"
OVER = "revguard: over"

# $1: seconds that it may live at all, $2: seconds that it stays when nobody holds it (0: none),
# $3: bytes of an archive that comes first on standard input, $4: the data folder; then the server
# with its arguments. Standard input is held open by the run: it ends when the run does, however
# that comes about. A server that ended leaves its container to be asked for its last words.
MAIN = f"""\
exec 3<&0 </dev/null
trap 'exit 0' TERM INT
cd {CONTROL}
life=$1 stay=$2 size=$3 data=$4
shift 4
if [ "$size" -gt 0 ]; then
  mkdir -p "$data" && head -c "$size" <&3 | tar -x -p -C "$data" -f - || {{
    echo "{GIVEN}"; sleep 60; exit 1; }}
fi
if [ "$stay" -eq 0 ]; then
  (cat <&3 >/dev/null; kill -TERM 1) &
else
  mkdir -p users
  date +%s >used
  : >alive
  (
    exec 3<&-
    is_used() {{
      for user in users/*; do
        [ -e "$user" ] || continue
        kill -0 "$(cat "$user")" 2>/dev/null && return 0
        rm -f "$user"
      done
      [ $(($(date +%s) - $(cat used))) -lt "$stay" ]
    }}
    step=1
    [ "$stay" -le 60 ] || step=5
    while :; do
      sleep $step
      is_used && continue
      rm -f alive
      is_used || break
      : >alive
    done
    kill -TERM 1
  ) &
fi
if [ "$life" -gt 0 ]; then
  (exec 3<&-; sleep "$life"; kill -TERM 1) &
fi
while :; do
  "$@" 3<&- &
  server=$!
  echo $server >server
  wait $server
  code=$?
  rm -f server
  while [ -e hold ]; do sleep 0.01; done
  [ -e again ] || break
  rm -f again
  echo "{AGAIN}"
done
exec 3<&-
echo "{ENDED} $code"
wait
"""

# $1: the signal that ends the server cleanly, $2: the data folder, $3: `again` to start it anew.
# The folder comes as an archive on standard output.
ARCHIVE = f"""\
cd {CONTROL} || exit 1
command -v tar >/dev/null || exit 1
server=$(cat server) || exit 1
[ -z "$3" ] || : >hold >again
kill -$1 "$server" || exit 1
while kill -0 "$server" 2>/dev/null; do sleep 0.01; done
tar -c -C "$2" -f - .
code=$?
rm -f hold
exit $code
"""

# $1: the run. It counts as a user until standard input ends.
HOLD = f"""\
cd {CONTROL} || exit 1
echo $$ >"users/$1"
date +%s >used
[ -e alive ] || {{ echo "{OVER}"; exit 0; }}
echo "{HELD}"
cat >/dev/null
date +%s >used
rm -f "users/$1"
"""

# The runs that hold it, one a line.
LIVE = f"""\
cd {CONTROL} || exit 1
for user in users/*; do
  [ -e "$user" ] || continue
  if kill -0 "$(cat "$user")" 2>/dev/null; then echo "${{user#users/}}"; else rm -f "$user"; fi
done
"""
