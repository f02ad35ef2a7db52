# shellcheck shell=bash
# What the on-call scripts of this directory share. Sourced by them, never run by itself.

readonly EXIT_REFUSED=1
readonly EXIT_USAGE=2
readonly EXIT_UNREACHABLE=3
readonly EXIT_NOT_CONFIRMED=4

# An operator in an emergency needs an answer, even a bad one, soon.
readonly CONNECT_TIMEOUT_S=3
readonly REQUEST_TIMEOUT_S=10
# Halting waits for the placements that already passed the check; the service bounds each of them to a few seconds.
readonly LOCK_TIMEOUT_MS=10000
readonly STATEMENT_TIMEOUT_MS=15000
readonly PSQL_TIMEOUT_S=25
readonly CONFIRM_TIMEOUT_S=120
# What has been mended is looked at that often until it is so.
readonly POLL_S=0.2
readonly MAX_WAIT_S=600
# A reply is shown to a person: past this many characters it only hides what matters.
readonly SHOWN_REPLY_CHARS=2000
readonly MAX_REPLY_BYTES=10000000
# The database's own limit, checked here so that a long reason does not cost a round trip in an emergency.
readonly MAX_REASON_CHARS=500

# end CODE MESSAGE…: says why on stderr, each message on its own line, and leaves with CODE.
end() {
  local code=$1
  shift
  printf '%s\n' "${@/#/${0##*/}: }" >&2
  exit "${code}"
}

usage_error() {
  end "${EXIT_USAGE}" "$1" "see ${0##*/} --help"
}

# option_value NAME [VALUE [REST…]]: the value of the option that begins the rest of a command line, or a usage error.
option_value() {
  (($# >= 2)) || usage_error "$1 needs a value"
  [[ -n "$2" ]] || usage_error "the value of $1 is empty"
  printf '%s' "$2"
}

# check_wait SECONDS LEAST: a bounded number of seconds to wait, or a usage error.
check_wait() {
  if [[ "$1" =~ ^(0|[1-9][0-9]{0,4})$ ]] && (($1 >= $2 && $1 <= MAX_WAIT_S)); then return; fi
  usage_error "--wait is a number of seconds from $2 to ${MAX_WAIT_S}"
}

# patiently SECONDS COMMAND…: runs the command until it ends with 0, for so long; what is shown is its last run.
patiently() {
  local deadline=$((SECONDS + $1)) said code
  shift
  while ((SECONDS < deadline)); do
    # Not as a condition: inside of one a command goes on after its own failures.
    set +e
    said=$(
      set -e
      "$@" 2>/dev/null
    )
    code=$?
    set -e
    if ((code == 0)); then
      printf '%s\n' "${said}"
      return
    fi
    sleep "${POLL_S}"
  done
  "$@"
}

# service_address: SERVICE_URL without its last slash.
service_address() {
  local address=${SERVICE_URL:-http://127.0.0.1:3000}
  [[ "${address}" =~ ^https?://[^[:space:]]+$ ]] || usage_error "SERVICE_URL is not an http or https address"
  [[ ! "${address}" =~ ^https?://[^/]*@ ]] || usage_error "SERVICE_URL must not carry a user or password"
  printf '%s' "${address%/}"
}

# operator_key: the key from OPERATOR_API_KEY, or the first line of the file that OPERATOR_API_KEY_FILE names.
operator_key() {
  local key=${OPERATOR_API_KEY:-} file=${OPERATOR_API_KEY_FILE:-}
  if [[ -z "${key}" && -n "${file}" ]]; then
    [[ -r "${file}" ]] || usage_error "OPERATOR_API_KEY_FILE names a file that cannot be read: ${file}"
    IFS= read -r key <"${file}" || true
  fi
  [[ -n "${key}" ]] || usage_error "no key: set OPERATOR_API_KEY, or OPERATOR_API_KEY_FILE to a file that holds it"
  [[ "${key}" =~ ^[A-Za-z0-9._~+/=-]+$ ]] || usage_error "the key has characters that no API key has"
  printf '%s' "${key}"
}

# request METHOD ADDRESS [KEY [JSON]]: one bounded HTTP request. Prints the body and, on a last line of its own, the status.
# The key goes to curl on stdin: on the command line every user of the machine could read it in the process list.
request() {
  local method=$1 address=$2 key=${3-} json=${4-}
  local -a options=(
    --disable --silent --show-error --globoff --config - --request "${method}"
    --connect-timeout "${CONNECT_TIMEOUT_S}" --max-time "${REQUEST_TIMEOUT_S}" --max-filesize "${MAX_REPLY_BYTES}" --write-out '\n%{http_code}'
  )
  if [[ -n "${json}" ]]; then
    options+=(--header 'Content-Type: application/json' --data-raw "${json}")
  fi
  printf '%s' "${key:+header = \"Authorization: Bearer ${key}\"}" |
    curl "${options[@]}" -- "${address}" ||
    end "${EXIT_UNREACHABLE}" "no answer from ${address}" "${UNREACHABLE_HINT:-is SERVICE_URL right?}"
}

reply_status() {
  printf '%s' "${1##*$'\n'}"
}

reply_body() {
  printf '%s' "${1%$'\n'*}"
}

# printable TEXT: what a terminal may be shown of a reply; control characters could rewrite the screen of the reader.
printable() {
  local text=${1//[^[:print:]$'\n\t']/}
  printf '%s' "${text:0:${SHOWN_REPLY_CHARS}}"
}

# require_status WANTED REPLY WHAT: ends the script, with the service's own words, unless the reply has the wanted status.
require_status() {
  local wanted=$1 reply=$2 what=$3 status hint
  status=$(reply_status "${reply}")
  [[ "${status}" != "${wanted}" ]] || return 0
  case "${status}" in
    401) hint='the key is unknown, expired or revoked' ;;
    403) hint='this key may not do that: use a key of the role operator or admin' ;;
    429) hint='too many requests, or this address is locked out: wait, or see npm run keys -- lockouts' ;;
    404) hint='the service knows no such thing' ;;
    *) hint="expected ${wanted}" ;;
  esac
  end "${EXIT_REFUSED}" "${what}: the service answered ${status} (${hint})" "$(printable "$(reply_body "${reply}")")"
}

# check_reason TEXT: a reason is one line of bounded length; anything else is a usage error before anything is sent.
check_reason() {
  [[ ! "$1" =~ [[:cntrl:]] ]] || usage_error 'the reason must be one line without control characters'
  ((${#1} <= MAX_REASON_CHARS)) || usage_error "the reason has more than ${MAX_REASON_CHARS} characters"
  [[ "$1" =~ [^[:space:]] ]] || usage_error 'the reason is blank'
}

# json_string TEXT: TEXT, which has no control characters, as a JSON string.
json_string() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# json_field BODY NAME: the plain string that a flat JSON object has under NAME, or nothing. A quote inside of a value is
# escaped in JSON, so that no value can pass for a name.
json_field() {
  local pattern="\"$2\"[[:space:]]*:[[:space:]]*\"([^\"\\\\]*)\""
  if [[ "$1" =~ ${pattern} ]]; then printf '%s' "${BASH_REMATCH[1]}"; fi
}

# confirm WORD QUESTION: only a person at a terminal can confirm, by typing WORD.
confirm() {
  local word=$1 question=$2 answer=''
  [[ -t 0 ]] || end "${EXIT_NOT_CONFIRMED}" 'not confirmed: stdin is no terminal; a script passes --yes'
  printf '%s\nType %s to go on: ' "${question}" "${word}" >&2
  IFS= read -r -t "${CONFIRM_TIMEOUT_S}" answer || true
  [[ "${answer}" == "${word}" ]] || end "${EXIT_NOT_CONFIRMED}" 'not confirmed: nothing was changed'
}

# url_decoded TEXT: the percent escapes of a connection address resolved.
url_decoded() {
  local text=${1//\\/\\\\}
  printf '%b' "${text//%/\\x}"
}

# require_database: DATABASE_URL is there and is an address that sql can use. Called outside of any subshell or pipe.
require_database() {
  [[ "${DATABASE_URL:-}" =~ ^postgres(ql)?://[^[:space:]]+$ ]] || usage_error 'DATABASE_URL is not set to a postgres:// address'
  [[ ! "${DATABASE_URL}" =~ [?\&]password= ]] || usage_error 'DATABASE_URL: put the password before the @, not into the query'
}

# sql [NAME=VALUE…]: runs the statements on stdin against DATABASE_URL, prints bare rows; VALUEs are quoted where the
# statement says :'NAME'. The password goes through the environment, as the command line is open to the process list.
sql() {
  local address=${DATABASE_URL} name code=0
  local -a variables=()
  for name in "$@"; do variables+=(--set "${name}"); done
  if [[ "${address}" =~ ^(postgres(ql)?://[^:@/?]*):([^@/?]*)@(.*)$ ]]; then
    address="${BASH_REMATCH[1]}@${BASH_REMATCH[4]}"
    local -x PGPASSWORD
    PGPASSWORD=$(url_decoded "${BASH_REMATCH[3]}")
  fi
  PGCONNECT_TIMEOUT=${CONNECT_TIMEOUT_S} timeout "${PSQL_TIMEOUT_S}" \
    psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "${variables[@]}" --dbname "${address}" \
    < <(printf "SET statement_timeout = %d; SET lock_timeout = %d;\n" "${STATEMENT_TIMEOUT_MS}" "${LOCK_TIMEOUT_MS}" && cat) || code=$?
  case "${code}" in
    0) ;;
    2 | 124) end "${EXIT_UNREACHABLE}" 'no connection to the database, or it did not answer in time' ;;
    127) end "${EXIT_UNREACHABLE}" 'psql is not installed on this machine' ;;
    *) end "${EXIT_REFUSED}" 'the database refused the statement' ;;
  esac
}
