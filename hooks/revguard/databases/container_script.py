"""What a container of ours runs and is asked to run: it ends itself when nobody holds it."""

from __future__ import annotations

CONTROL = "/revguard"  # a folder in memory, for what the scripts tell each other
ENDED = "revguard: the server ended with"
GIVEN = "revguard: the data folder cannot be filled"
AGAIN = "revguard: the server starts again"
HELD = "revguard: held"
OVER = "revguard: over"
DEAD = "revguard: dead"

SILENCE = 150  # seconds without a line on standard input: the engine died, or the way to it

# $1: seconds that it may live at all, $2: seconds that it stays when nobody holds it (0: none),
# $3: seconds of silence that it bears (0: all), $4: bytes of an archive that comes first on
# standard input, $5: the data folder; then the server with its arguments.
# Standard input is held open by the run: it ends when the run does, however that comes about.
# A server that ended leaves its container to be asked for its last words.
MAIN = f"""\
exec 3<&0 </dev/null
trap 'exit 0' TERM INT
home=$PWD
cd {CONTROL}
life=$1 stay=$2 silence=$3 size=$4 data=$5
shift 5
if [ "$size" -gt 0 ]; then
  mkdir -p "$data" && head -c "$size" <&3 | tar -x -p -C "$data" -f - || {{
    echo "{GIVEN}"; exit 1; }}
fi
if [ "$stay" -eq 0 ] && [ "$silence" -gt 0 ]; then
  echo 0 >beats
  (
    beats=0
    while read -r line <&3; do
      beats=$((beats + 1))
      echo $beats >beats
    done
    kill -TERM 1
  ) &
  (
    exec 3<&-
    last=none
    while [ "$(cat beats)" != "$last" ]; do
      last=$(cat beats)
      sleep "$silence"
    done
    kill -TERM 1
  ) &
elif [ "$stay" -gt 0 ]; then
  mkdir -p users
  date +%s >used
  : >alive
  (
    exec 3<&-
    is_used() {{
      for user in users/*; do
        [ -e "$user" ] || continue
        read -r pid beat <"$user"
        kill -0 "$pid" 2>/dev/null && [ $(($(date +%s) - beat)) -lt "$silence" ] && return 0
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
  (cd "$home" && exec "$@") 3<&- &
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
: >dead
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
use() {{ echo $$ "$(date +%s)" >"users/.$1" && mv "users/.$1" "users/$1"; }}
use "$1"
date +%s >used
[ -e alive ] || {{ echo "{OVER}"; exit 0; }}
[ ! -e dead ] || {{ echo "{DEAD}"; exit 0; }}
echo "{HELD}"
while read -r line; do use "$1"; done
date +%s >used
rm -f "users/$1"
"""

# The runs that hold it, one a line.
LIVE = f"""\
cd {CONTROL} || exit 1
for user in users/*; do
  [ -e "$user" ] || continue
  read -r pid beat <"$user"
  if kill -0 "$pid" 2>/dev/null; then echo "${{user#users/}}"; else rm -f "$user"; fi
done
"""
