# shellcheck shell=bash
# What set-up says: one line a part on stdout, diagnostics on stderr.

missing_count=0

say() { printf '%s\n' "$*"; }

complain() { printf '%s\n' "$*" >&2; }

# Ends set-up, because nothing works without what is missing.
fail() {
  complain "set-up: $*"
  exit 2
}

# found NAME VERSION PATH: the part was there already; the stamp remembers where.
found() { part 'found' "$@"; }

# installed NAME VERSION PATH
installed() { part 'installed' "$@"; }

part() {
  printf '  %-9s  %s %s (%s)\n' "$1" "$2" "$3" "$4"
  stamp_path "$4"
}

# missing NAME REASON NEED…: a need is a word from the gates' own list of needs, as `preflight list --json` has it.
missing() {
  local name=$1 reason=$2
  shift 2
  missing_count=$((missing_count + 1))
  printf '  %-9s  %s: %s → %s\n' 'missing' "$name" "$reason" "$(consequence "$@")"
}

consequence() {
  local gates
  if (($# == 0)); then
    echo 'no gate needs it yet'
    return
  fi
  if ! gates=$(gates_needing "$@"); then
    echo "the gates that need $* will be not-run"
  elif [ -z "$gates" ]; then
    echo 'no gate needs it yet'
  else
    echo "these gates will be not-run: $gates"
  fi
}

# The ids of the gates and drills that declare one of these needs. Fails when the list cannot be had.
gates_needing() {
  [ -x node_modules/.bin/node ] && [ -f checks/src/cli.ts ] || return 1
  local listing
  listing=$(node_modules/.bin/node checks/src/cli.ts list --json 2>/dev/null) || return 1
  node_modules/.bin/node -e '
    const [listing, ...needs] = process.argv.slice(1);
    const hit = JSON.parse(listing).filter((entry) => entry.needs.some((need) => needs.includes(need)));
    console.log(hit.map(({ id }) => id).join(", "));
  ' "$listing" "$@"
}

# The first number with dots in what a program says of itself, on stdout or stderr.
version_said_by() {
  local text
  text=$(briefly "$@" 2>&1 </dev/null) || true
  printf '%s\n' "$text" | sed -nE 's/^[^0-9]*([0-9][^.]*[^0-9.])?([0-9]+(\.[0-9]+)+).*$/\2/p' | sed -n 1p
}
