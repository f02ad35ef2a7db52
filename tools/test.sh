#!/usr/bin/env bash
# Everything that `make test` stands for, the quick parts first. All parts run, so that one run names all that is wrong.
# Arguments go to vitest: paths or flags that narrow the tests.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PWD/.tools/bin:$PATH"

# Counted by .ci/run and read by whoever wants the figures; git-ignored.
readonly test_report=.preflight/tests.json

failed=()

# step NAME COMMAND…
step() {
  local name=$1 started_s=$SECONDS
  shift
  printf '── %s: %s\n' "$name" "$*"
  if "$@"; then
    printf '── %s: ok, %s s\n' "$name" "$((SECONDS - started_s))"
  else
    printf '── %s: FAILED, %s s\n' "$name" "$((SECONDS - started_s))"
    failed+=("$name")
  fi
}

check_scripts() {
  if ! command -v shellcheck >/dev/null; then
    echo 'shellcheck is not on this machine, so the scripts cannot be looked at; make setup says why'
    return 1
  fi
  shellcheck --external-sources tools/setup.sh tools/test.sh .ci/run
}

rm -f "$test_report"
node tools/stamp-tests.ts begin
step types tsc --noEmit
step lint biome check --error-on-warnings .
step scripts check_scripts
step docs node tools/gates-document.ts --check
step checklist node tools/checklist-document.ts --check
step schema node tools/report-schema.ts --check
step tests vitest run --reporter=default --reporter=json --outputFile.json="$test_report" "$@"
# Which commit the report is about, for the gate code/tests-pass.
step stamp node tools/stamp-tests.ts end "$@"

if ((${#failed[@]} > 0)); then
  printf 'make test: failed: %s\n' "${failed[*]}"
  exit 1
fi
echo 'make test: all passed'
