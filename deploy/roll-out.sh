#!/usr/bin/env bash
# Builds the image of this tree, hands it to the roll-out command of the environment, and waits until the service is ready.
set -euo pipefail

readonly READY_ATTEMPTS=60
readonly READY_PAUSE_S=${READY_PAUSE_S:-2}
readonly REQUEST_TIMEOUT_S=5

usage() {
  cat <<'HELP'
Usage: roll-out.sh [--dry-run] IMAGE

Builds IMAGE (name:tag) from deploy/Dockerfile, runs ROLLOUT_COMMAND with IMAGE in its environment, then asks
PRODUCTION_URL/health/ready until it answers 200, for about two minutes. The release workflow calls it after its gate.

This repository does not know where you run the service: ROLLOUT_COMMAND is the one thing that you have to bring, as a
variable of the environment "production". It must push IMAGE to where your hosts find it, and replace the running one.

Environment:
  ROLLOUT_COMMAND   a shell command; it sees IMAGE and, if you set that secret, ROLLOUT_TOKEN
  PRODUCTION_URL    the address of the service, without a path
  READY_PAUSE_S     pause between two questions (default 2)

Exit codes: 0 rolled out and ready, 1 a step failed or the service did not become ready, 2 wrong usage or not configured

Example:
  ROLLOUT_COMMAND='docker save "$IMAGE" | ssh deploy@orders.example rollout' \
  PRODUCTION_URL=https://orders.example deploy/roll-out.sh order-service:v1.2.3
HELP
}

usage_error() {
  printf 'roll-out.sh: %s\nroll-out.sh: see roll-out.sh --help\n' "$1" >&2
  exit 2
}

wait_until_ready() {
  local address=$1 attempt status=none
  for ((attempt = 1; attempt <= READY_ATTEMPTS; attempt++)); do
    status=$(curl --disable --silent --max-time "${REQUEST_TIMEOUT_S}" --output /dev/null --write-out '%{http_code}' -- "${address}") || true
    [[ "${status}" != 200 ]] || return 0
    sleep "${READY_PAUSE_S}"
  done
  printf 'roll-out.sh: not ready after %d questions: %s last answered %s\n' "${READY_ATTEMPTS}" "${address}" "${status}" >&2
  return 1
}

main() {
  local dry_run=no image='' root commit
  while (($# > 0)); do
    case "$1" in
      -h | --help)
        usage
        exit 0
        ;;
      --dry-run) dry_run=yes ;;
      -*) usage_error "unknown option: $1" ;;
      *)
        [[ -z "${image}" ]] || usage_error 'one IMAGE at a time'
        image=$1
        ;;
    esac
    shift
  done
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  if [[ "${dry_run}" == yes ]]; then
    printf 'would build: docker build --file deploy/Dockerfile --build-arg BUILD_COMMIT=… --tag %s\n' "${image:-IMAGE}"
    printf 'would run: ROLLOUT_COMMAND with IMAGE=%s\n' "${image:-IMAGE}"
    printf 'would ask: %s/health/ready until it answers 200\nDry run: nothing was done.\n' "${PRODUCTION_URL:-PRODUCTION_URL}"
    return
  fi
  [[ "${image}" =~ ^[a-z0-9][a-z0-9./_-]*:[A-Za-z0-9._-]+$ ]] || usage_error 'IMAGE is name:tag'
  [[ -n "${ROLLOUT_COMMAND:-}" ]] || usage_error 'not configured: set the variable ROLLOUT_COMMAND'
  [[ "${PRODUCTION_URL:-}" =~ ^https?://[^[:space:]]+$ ]] || usage_error 'not configured: set the variable PRODUCTION_URL'
  commit=$(git -C "${root}" rev-parse HEAD) || exit 1
  # The commit's own time: the same source gives the same image.
  SOURCE_DATE_EPOCH=$(git -C "${root}" show --no-patch --format=%ct HEAD) docker build --file "${root}/deploy/Dockerfile" \
    --build-arg "BUILD_COMMIT=${commit}" --tag "${image}" "${root}" || exit 1
  IMAGE=${image} bash -euo pipefail -c "${ROLLOUT_COMMAND}" || exit 1
  wait_until_ready "${PRODUCTION_URL%/}/health/ready"
  printf 'Rolled out %s: ready.\n' "${image}"
}

main "$@"
