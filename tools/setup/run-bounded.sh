# shellcheck shell=bash
# Long commands, with progress, a limit, and nothing left behind when set-up itself is stopped.

# A question for a program's version that takes longer has started something else than an answer.
readonly brief_limit_s=10
# On a log, a line a second would bury the result.
readonly progress_every_s=10
# The cause of a failure stands at the beginning of what some programs say, and at the end of what others say.
readonly shown_lines=15
# npm and apt tidy up when they are asked to end; this is how long they may take.
readonly end_grace_s=5

running_group=''

# run_bounded LABEL LIMIT_S COMMAND…: its output goes to a log, of which both ends are shown when it fails.
# Returns the command's status, or 124 when the limit was reached.
run_bounded() {
  local label=$1 limit_s=$2 log status=0
  shift 2
  log=$(mktemp "${log_directory:?}/XXXXXX")
  # Job control gives the command a process group of its own, so that its children end with it.
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  running_group=$!
  set +m
  watch_running "$label" "$limit_s" || status=$?
  if ((status == 0)); then wait "$running_group" || status=$?; fi
  running_group=''
  if ((status != 0)); then show_failure "$label" "$status" "$log"; fi
  return "$status"
}

watch_running() {
  local label=$1 limit_s=$2 started_s=$SECONDS said_s=0 elapsed_s
  say "  …          $label"
  while kill -0 "$running_group" 2>/dev/null; do
    elapsed_s=$((SECONDS - started_s))
    if ((elapsed_s >= limit_s)); then
      end_running
      return 124
    fi
    if ((elapsed_s - said_s >= progress_every_s)); then
      said_s=$elapsed_s
      say "  …          $label, $elapsed_s s so far"
    fi
    sleep 0.2
  done
}

# Asks the running command and its children to end, and then makes them.
end_running() {
  [ -n "$running_group" ] || return 0
  local checks_left=$((end_grace_s * 5))
  kill -TERM -- "-$running_group" 2>/dev/null || true
  while kill -0 -- "-$running_group" 2>/dev/null && ((checks_left-- > 0)); do sleep 0.2; done
  kill -KILL -- "-$running_group" 2>/dev/null || true
  wait "$running_group" 2>/dev/null || true
  running_group=''
}

show_failure() {
  local label=$1 status=$2 log=$3 reason
  reason="exit code $status"
  if ((status == 124)); then reason='the time limit was reached'; fi
  complain "set-up: $label did not succeed ($reason); it said:"
  awk -v most="$shown_lines" '
    NR <= most { print "    " $0 }
    { last[NR % most] = $0 }
    END {
      if (NR > 2 * most) print "    … " NR - 2 * most " lines"
      for (line = (NR > 2 * most ? NR - most : most) + 1; line <= NR; line++) print "    " last[line % most]
    }' "$log" >&2
}

briefly() {
  if command -v timeout >/dev/null; then
    timeout "$brief_limit_s" "$@"
  else
    "$@"
  fi
}
