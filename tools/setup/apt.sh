# shellcheck shell=bash
# System packages of Debian and Ubuntu, as root. Their services are not started: the sandbox runs its own.

readonly apt_limit_s=900
# apt waits this long for another apt, for example the machine's unattended upgrades.
readonly apt_lock_wait_s=120
readonly policy_mark='# Written by preflight set-up for the time of one installation.'
policy_file=${PREFLIGHT_SETUP_SYSROOT:-}/usr/sbin/policy-rc.d
readonly policy_file

apt_is_ready=''

# Says why no system package can be installed, or nothing when it can.
apt_is_off() {
  local off
  off=$(installing_is_off)
  if [ -n "$off" ]; then
    echo "nothing may be installed ($off)"
  elif ! command -v apt-get >/dev/null; then
    echo 'set-up installs system packages only with apt-get, which this machine does not have'
  elif [ "$(id -u)" -ne 0 ]; then
    echo 'installing system packages needs root'
  fi
}

# apt_install PACKAGE…: fails when it cannot be had.
apt_install() {
  prepare_apt || return 1
  forbid_service_starts
  local status=0
  run_bounded "apt-get install $*" "$apt_limit_s" apt_get install -y --no-install-recommends "$@" || status=$?
  remove_policy_file
  return "$status"
}

# Once a run, and only when something is to be installed: it asks the network.
prepare_apt() {
  [ -z "$apt_is_ready" ] || return "$apt_is_ready"
  apt_is_ready=1
  finish_interrupted_dpkg || return 1
  run_bounded 'apt-get update' "$apt_limit_s" apt_get update || return 1
  apt_is_ready=0
}

# A daemon that a package starts all the same must not inherit set-up's lock.
apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o "DPkg::Lock::Timeout=$apt_lock_wait_s" \
    -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@" 9>&-
}

# A killed installation leaves packages unpacked but not configured, and apt refuses to go on.
finish_interrupted_dpkg() {
  [ -n "$(dpkg --audit 2>/dev/null)" ] || return 0
  run_bounded 'dpkg --configure -a' "$apt_limit_s" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a
}

# Debian starts a service as soon as its package is installed, unless this file forbids it. One that is there already is
# the machine's own and stays as it is. https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
forbid_service_starts() {
  [ ! -e "$policy_file" ] || return 0
  printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" >"$policy_file"
  chmod 755 "$policy_file"
}

remove_policy_file() {
  if [ -f "$policy_file" ] && grep -qxF "$policy_mark" "$policy_file"; then rm -f "$policy_file"; fi
}
