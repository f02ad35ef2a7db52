# shellcheck shell=bash
# Programs of the operating system, other than PostgreSQL.

set_up_system_tools() {
  system_tool git git git
  system_tool curl curl
  system_tool shellcheck shellcheck shellcheck
  system_tool redis-server redis-server redis-server
  system_tool redis-cli redis-tools
  system_tool prometheus prometheus prometheus
  system_tool promtool prometheus promtool
  system_tool pgbackrest pgbackrest pgbackrest
  system_tool prometheus-alertmanager prometheus-alertmanager prometheus-alertmanager
  system_tool amtool prometheus-alertmanager amtool
  # Debian keeps it out of the PATH of those who are not root.
  PATH=$PATH:${PREFLIGHT_SETUP_SYSROOT:-}/usr/sbin system_tool nginx nginx-light nginx
  system_tool openssl openssl openssl
  # Programs that believe another time: the drill of the clock.
  system_tool faketime faketime faketime
  # The first brings the program, the second what it speaks TLS with.
  PATH=$PATH:/usr/sbin system_tool rsyslogd 'rsyslog rsyslog-openssl' rsyslogd
  # The tests of the HTML report look at it in a real browser; without one they are skipped, and say so.
  system_tool chromium chromium
}

# system_tool PROGRAM 'PACKAGE…' [NEED…]
system_tool() {
  local program=$1 package=$2 off packages
  read -ra packages <<<"$package"
  shift 2
  if command -v "$program" >/dev/null; then
    report_system_tool found "$program"
    return
  fi
  off=$(apt_is_off)
  if [ -n "$off" ]; then
    missing "$program" "$off; install the package $package" "$@"
  elif apt_install "${packages[@]}" && hash -r && command -v "$program" >/dev/null; then
    report_system_tool installed "$program"
  else
    missing "$program" "apt-get could not install $package" "$@"
  fi
}

report_system_tool() {
  local how=$1 program=$2
  "$how" "$program" "$(version_said_by "$program" --version)" "$(command -v "$program")"
}
