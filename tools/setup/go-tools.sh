# shellcheck shell=bash
# The programs of the `tool` lines of tools/go.mod, which is the only place where their versions are written.

# k6 alone takes over a minute on two cold cores, and more behind a slow module proxy.
readonly go_build_limit_s=900

set_up_go_tools() {
  local package
  # What an interrupted build has left.
  [ -n "$only_check" ] || rm -f .tools/bin/*.partial
  while IFS= read -r package; do
    set_up_go_tool "$package"
  done < <(go_tool_packages)
}

# The packages of `tool ( … )` and of single `tool …` lines.
go_tool_packages() {
  awk '
    /^tool \($/ { inside = 1; next }
    inside && /^\)/ { inside = 0 }
    inside { print $1 }
    /^tool [^(]/ { print $2 }
  ' tools/go.mod
}

# go_tool_module PACKAGE: "MODULE VERSION" of the required module that the package lies in, the longest that fits.
go_tool_module() {
  awk -v package="$1" '
    { start = $1 == "require" ? 2 : 1; module = $start; version = $(start + 1) }
    version ~ /^v[0-9]/ && index(package "/", module "/") == 1 && length(module) > length(best) {
      best = module; found = version
    }
    END { if (best != "") print best, found; else exit 1 }
  ' tools/go.mod
}

# As `go install` would name it, except where that says nothing to a reader of a PATH.
go_tool_name() {
  case $1 in
    */toxiproxy/*/cmd/server) echo toxiproxy-server ;;
    */toxiproxy/*/cmd/cli) echo toxiproxy-cli ;;
    */v[0-9]*) basename "$(dirname "$1")" ;;
    *) basename "$1" ;;
  esac
}

set_up_go_tool() {
  local package=$1 name module version own path off=''
  name=$(go_tool_name "$package")
  read -r module version < <(go_tool_module "$package") || fail "tools/go.mod requires no module that holds $package"
  own=.tools/bin/$name
  for path in "$own" "$(command -v "$name" || true)"; do
    if [ -n "$path" ] && [ -x "$path" ] && has_version "$name" "$path" "${version#v}"; then
      found "$name" "${version#v}" "$path"
      return
    fi
  done
  off=$(go_is_off)
  if [ -z "$off" ] && build_go_tool "$package" "$name" "$module" "$version"; then
    installed "$name" "${version#v}" "$own"
  else
    missing "$name ${version#v}" "${off:-go build failed}" "$name"
  fi
}

# Says why no Go tool can be built, or nothing when it can.
go_is_off() {
  local off wanted
  off=$(installing_is_off)
  wanted=$(sed -n 's/^go //p' tools/go.mod)
  if [ -n "$off" ]; then
    echo "nothing may be installed ($off)"
  elif ! command -v go >/dev/null; then
    echo "building it needs Go $wanted or newer, which is not on the PATH (https://go.dev/dl)"
  fi
}

# Each tool is moved into place only when it stands and answers with its version: an interrupted build leaves no half one.
build_go_tool() {
  local package=$1 name=$2 module=$3 version=$4 partial=${root:?}/.tools/bin/$2.partial
  run_bounded "go build $name $version" "$go_build_limit_s" \
    go_build "$partial" "$(version_flag "$name" "$module" "${version#v}")" "$package" || return 1
  if ! has_version "$name" "$partial" "${version#v}"; then
    complain "set-up: the $name that was built does not say that it is version ${version#v}"
    return 1
  fi
  mv -f "$partial" ".tools/bin/$name"
}

go_build() {
  cd tools && go build -mod=readonly -ldflags "$2" -o "$1" "$3"
}

# Some releases write their version in at build time, and a plain build says "development". Evidence names versions.
version_flag() {
  case $1 in
    gitleaks) echo "-X $2/version.Version=$3" ;;
    kubeconform) echo "-X main.version=v$3" ;;
    toxiproxy-*) echo "-X $2.Version=$3" ;;
  esac
}

version_question() {
  case $1 in
    k6 | gitleaks) echo version ;;
    actionlint | toxiproxy-server) echo -version ;;
    kubeconform) echo -v ;;
    *) echo --version ;;
  esac
}

has_version() {
  local name=$1 path=$2 version=$3 said
  said=$(briefly "$path" "$(version_question "$name")" 2>&1 </dev/null) || true
  said=$(printf '%s' "$said" | tr -cs '0-9.' ' ')
  case " $said " in
    *" $version "*) return 0 ;;
    *) return 1 ;;
  esac
}
