# shellcheck shell=bash
# What the scripts that restore a cluster with pgBackRest share. Sourced by them, after lib.sh; never run by itself.

# Of lib.sh.
: "${EXIT_REFUSED:?}" "${EXIT_UNREACHABLE:?}"

# A restore of terabytes takes hours; one that takes longer than a day is not going to end.
readonly RESTORE_TIMEOUT_S=86400
readonly INFO_TIMEOUT_S=60
# The log that is replayed needs room too, and a file system that is full to the last byte does not start.
readonly SPACE_PERCENT=120

# pgbackrest_options: what every call is given, one word per line.
pgbackrest_options() {
  printf '%s\n' "--stanza=${PGBACKREST_STANZA:-orders}"
  if [[ -n "${PGBACKREST_CONFIG:-}" ]]; then printf '%s\n' "--config=${PGBACKREST_CONFIG}"; fi
}

# check_directory DIRECTORY: it is absolute, and no cluster runs in it. Nothing is created.
check_directory() {
  [[ "$1" == /* && "$1" != / ]] || usage_error "--to is an absolute directory, not $1"
  [[ ! -e "$1" || -d "$1" ]] || usage_error "--to names a file: $1"
  [[ ! -e "$1/postmaster.pid" ]] ||
    end "${EXIT_REFUSED}" "a cluster runs in $1, or died there" "stop it first (pg_ctl -D $1 stop), or restore beside it"
}

# is_occupied DIRECTORY: there is something in it.
is_occupied() {
  [[ -d "$1" && -n "$(ls -A -- "$1")" ]]
}

# cluster_bytes [LABEL]: how large the cluster was when the backup was taken, by the repository's own record.
cluster_bytes() {
  local label=${1-} info sizes
  local -a options
  mapfile -t options < <(pgbackrest_options)
  info=$(timeout "${INFO_TIMEOUT_S}" pgbackrest "${options[@]}" --output=json info 2>&1) ||
    end "${EXIT_UNREACHABLE}" 'the repository cannot be read' "$(printable "${info}")"
  if [[ -n "${label}" ]]; then
    [[ "${info}" == *"\"label\":\"${label}\""* ]] || end "${EXIT_REFUSED}" "no repository has a backup ${label}"
    sizes=$(sed -E 's/\{"archive":\{"start"/\n&/g' <<<"${info}" | grep -F "\"label\":\"${label}\"")
  else
    sizes=${info}
  fi
  # After each backup's own share ("delta") and its place in the repository comes the size of the whole cluster.
  sizes=$(grep -oE '"repository":\{[^}]*\},"size":[0-9]+' <<<"${sizes}" | grep -oE '[0-9]+$' | sort -n | tail -n 1) || true
  [[ -n "${sizes}" ]] || end "${EXIT_REFUSED}" 'the repository holds no backup of this stanza'
  printf '%s' "${sizes}"
}

# require_space DIRECTORY BYTES: the file system that it is on, or will be on, has room for the cluster and its log.
require_space() {
  local at=$1 wanted=$(($2 * SPACE_PERCENT / 100)) free
  while [[ ! -d "${at}" ]]; do at=$(dirname -- "${at}"); done
  free=$(df --output=avail --block-size=1 -- "${at}" | tail -n 1)
  ((free >= wanted)) ||
    end "${EXIT_REFUSED}" "$(in_mb "${free}") are free at ${at}, and $(in_mb "${wanted}") are needed" 'name another directory with --to'
  printf 'Space: %s are needed, %s are free at %s.\n' "$(in_mb "${wanted}")" "$(in_mb "${free}")" "${at}"
}

in_mb() {
  printf '%d MB' "$(($1 / 1000000))"
}

# restore_into DIRECTORY AS_PRIMARY CONFIRMED LABEL [WORD…]: looks, asks where something would be overwritten, restores, and
# says how to go on. WORDs go to pgbackrest.
restore_into() {
  local directory=$1 as_primary=$2 confirmed=$3 label=$4 bytes code=0
  shift 4
  local -a options words=("$@")
  [[ -z "${label}" ]] || words+=("--set=${label}")
  [[ "${as_primary}" == yes ]] || words+=(--archive-mode=off)
  bytes=$(cluster_bytes "${label}")
  require_space "${directory}" "${bytes}"
  if is_occupied "${directory}"; then
    [[ -f "${directory}/PG_VERSION" ]] ||
      end "${EXIT_REFUSED}" "${directory} is not empty, and holds no cluster" 'name another directory with --to'
    [[ "${confirmed}" == yes ]] || confirm overwrite "The cluster in ${directory} will be overwritten."
    words+=(--delta)
  fi
  [[ -d "${directory}" ]] || { mkdir -p -- "${directory}" && chmod 700 -- "${directory}"; } || end "${EXIT_REFUSED}" "${directory} cannot be made"
  mapfile -t options < <(pgbackrest_options)
  timeout "${RESTORE_TIMEOUT_S}" pgbackrest "${options[@]}" "--pg1-path=${directory}" "${words[@]}" restore >&2 || code=$?
  ((code == 0)) || end "${EXIT_REFUSED}" "pgbackrest restore ended with ${code}: the cluster in ${directory} is not whole"
  say_how_to_go_on "${directory}" "${as_primary}"
}

say_how_to_go_on() {
  local directory=$1 as_primary=$2
  printf 'Restored into %s. It recovers when it is started, as the user that owns it:\n' "${directory}"
  printf '  pg_ctl -D %s -w start\n' "${directory}"
  printf '  psql -Atc "SELECT pg_is_in_recovery(), now() - max(created_at) FROM execution.orders"   (f: the recovery has ended)\n'
  if [[ "${as_primary}" == yes ]]; then
    printf '  psql -c CHECKPOINT; pgbackrest --type=full backup   (archive_timeout holds only from then on)\n'
  else
    printf 'It archives nothing: it is a copy to look at. For a new primary say --as-primary.\n'
  fi
}

# say_what_would_be_done DIRECTORY AS_PRIMARY LABEL [WORD…]
say_what_would_be_done() {
  local directory=${1:-DIRECTORY} as_primary=$2 label=$3
  shift 3
  local -a options words=("$@")
  mapfile -t options < <(pgbackrest_options)
  [[ -z "${label}" ]] || words+=("--set=${label}")
  [[ "${as_primary}" == yes ]] || words+=(--archive-mode=off)
  printf 'would read: pgbackrest %s info, and refuse unless %d %% of the size are free at %s\n' "${options[*]}" "${SPACE_PERCENT}" "${directory}"
  printf 'would run: pgbackrest %s --pg1-path=%s %s restore, after a question where a cluster is in it already\n' "${options[*]}" "${directory}" "${words[*]}"
  printf 'Dry run: nothing was done.\n'
}
