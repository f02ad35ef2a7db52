# shellcheck shell=bash
# .tools/setup.stamp remembers a set-up that lacked nothing: a hash of its inputs, the files that it found, and their sizes
# and times. It is written last, so an interrupted set-up leaves none behind that holds.

readonly stamp=.tools/setup.stamp
stamped_paths=''

stamp_path() { stamped_paths+="$1"$'\n'; }

sha256() {
  if command -v sha256sum >/dev/null; then
    sha256sum
  else
    shasum -a 256
  fi
}

inputs_hash() {
  local lists=(package.json package-lock.json tools/go.mod tools/go.sum)
  {
    cat "${lists[@]}" "${tools:?}/setup.sh" "$tools"/setup/*
    echo "${PREFLIGHT_PG_BIN:-} ${PREFLIGHT_SETUP_SYSROOT:-}"
  } | sha256
}

# Fails when one of the paths on stdin is gone; changes when one was replaced.
fingerprint() {
  local paths=() path
  while IFS= read -r path; do
    if [ -n "$path" ]; then paths+=("$path"); fi
  done
  LC_ALL=C TZ=UTC ls -lndL -- "${paths[@]}" 2>/dev/null
}

stamp_holds() {
  [ -f "$stamp" ] || return 1
  local inputs looks
  inputs=$(inputs_hash)
  grep -qxF "inputs $inputs" "$stamp" || return 1
  looks=$(stamped | fingerprint) || return 1
  grep -qxF "looks $(printf '%s\n' "$looks" | sha256)" "$stamp"
}

stamped() { sed -n 's/^path //p' "$stamp"; }

stamped_count() { stamped | wc -l | tr -d ' '; }

write_stamp() {
  local looks paths
  paths=$(printf '%s' "$stamped_paths" | sort -u)
  looks=$(printf '%s\n' "$paths" | fingerprint) || fail 'a part vanished while set-up ran; run it again'
  {
    echo "inputs $(inputs_hash)"
    echo "looks $(printf '%s\n' "$looks" | sha256)"
    printf '%s\n' "$paths" | sed 's/^/path /'
  } >"$stamp.partial"
  mv -f "$stamp.partial" "$stamp"
}
