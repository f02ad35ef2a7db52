#!/usr/bin/env bash
# Finds on this machine, or installs, everything that the tests and the gates run on, and says which.
# It runs before there is any Node that could run TypeScript, so it is bash; macOS' bash 3.2 is enough.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$tools")
readonly tools root
cd "$root"

# shellcheck source=setup/report.sh
source "$tools/setup/report.sh"
# shellcheck source=setup/run-bounded.sh
source "$tools/setup/run-bounded.sh"
# shellcheck source=setup/stamp.sh
source "$tools/setup/stamp.sh"
# shellcheck source=setup/npm-packages.sh
source "$tools/setup/npm-packages.sh"
# shellcheck source=setup/apt.sh
source "$tools/setup/apt.sh"
# shellcheck source=setup/system-tools.sh
source "$tools/setup/system-tools.sh"
# shellcheck source=setup/postgresql.sh
source "$tools/setup/postgresql.sh"
# shellcheck source=setup/go-tools.sh
source "$tools/setup/go-tools.sh"

# How long a second set-up waits for one that already runs in this tree: longer than a cold one takes.
readonly lock_wait_s=1800

usage() {
  cat <<'TEXT'
Usage: tools/setup.sh [--check] [--help]

Finds or installs: the npm packages of the lockfile with Node 26 among them, PostgreSQL, redis-server,
prometheus, shellcheck and other system packages, and the Go tools that tools/go.mod pins.
What cannot be had is named with the gates that will be not-run for it, and set-up goes on.

  --check   only look: install nothing, write nothing
  --help    this text

Environment:
  PREFLIGHT_SETUP_OFFLINE=1   install nothing, use what is there
  PREFLIGHT_PG_BIN=DIR        PostgreSQL's server programs, before any other place
  PREFLIGHT_SETUP_SYSROOT=DIR look for /usr/lib/postgresql and /usr/sbin/policy-rc.d under DIR (for tests)

Exit codes: 0 ready, perhaps with parts named as missing; 1 something is missing (only with --check);
2 wrong usage, or there are no npm packages or no Node 26, without which nothing works.
TEXT
}

only_check=''
parse_flags() {
  while (($# > 0)); do
    case $1 in
      --check) only_check=1 ;;
      --help | -h) usage && exit 0 ;;
      *) fail "unknown argument: $1 (tools/setup.sh --help lists what there is)" ;;
    esac
    shift
  done
}

# Says why nothing may be installed, or nothing when it may.
installing_is_off() {
  if [ -n "$only_check" ]; then
    echo '--check only looks'
  elif [ "${PREFLIGHT_SETUP_OFFLINE:-}" = 1 ]; then
    echo 'PREFLIGHT_SETUP_OFFLINE=1'
  fi
}

# The lock ends with the last process that holds it. The commands that set-up runs hold it too: when set-up itself was
# killed, the next one waits for the npm that still writes into node_modules, and is not blocked for longer.
wait_for_other_setup() {
  [ -z "$only_check" ] || return 0
  mkdir -p .tools/bin
  command -v flock >/dev/null || return 0
  exec 9>.tools/setup.lock
  flock -n 9 && return 0
  say 'another set-up runs in this tree; waiting for it'
  flock -w "$lock_wait_s" 9 || fail "another set-up has held .tools/setup.lock for $lock_wait_s s"
}

# make passes a signal on that a terminal has already sent to all: the second one must not cut the tidying short.
end_on_signals() {
  trap "trap '' HUP INT TERM; exit 129" HUP
  trap "trap '' HUP INT TERM; exit 130" INT
  trap "trap '' HUP INT TERM; exit 143" TERM
}

clean_up() {
  end_running
  remove_policy_file
  if [ -n "${log_directory:-}" ]; then rm -rf "$log_directory"; fi
}

main() {
  parse_flags "$@"
  if [ -z "$only_check" ] && stamp_holds; then
    say "set-up: all is there ($(stamped_count) files looked at, nothing to do)"
    return 0
  fi
  trap clean_up EXIT
  end_on_signals
  log_directory=$(mktemp -d)
  wait_for_other_setup
  set_up_npm_packages
  set_up_system_tools
  set_up_postgresql
  set_up_go_tools
  finish
}

finish() {
  if ((missing_count > 0)); then
    say "set-up: ready, without $missing_count part(s) named above as missing; make setup tries again next time"
    [ -z "$only_check" ] || exit 1
    return 0
  fi
  [ -n "$only_check" ] || write_stamp
  say 'set-up: ready, nothing is missing'
}

main "$@"
