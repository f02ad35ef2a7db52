#!/bin/sh
# Prints what a host is like as one JSON document, for the gates host/*. It reads, and changes nothing; as root it sees more.
# What it cannot read is null there, and a gate that needs it says so.
set -u

usage() {
  cat <<'HELP'
Usage: host-facts.sh [--help]

Run it on each host, and keep what it prints where `host.facts` of preflight.config.ts names it, or name the command there:
  ssh deploy@db1.example sudo sh -s < tools/host-facts.sh > host-facts/db1.json

Environment:
  DATABASE_DIRECTORY   default /var/lib/postgresql
  APPLICATION_DIRECTORY default /opt
  LOG_DIRECTORY        default /var/log
  TEMPORARY_DIRECTORY  default /tmp
  SERVICE_UNIT         systemd's name of the service, default order-service.service
  PGHOST, PGUSER, …    how psql reaches the database of this host, if there is one

Exit codes: 0 printed, 2 wrong usage
HELP
}

case "${1-}" in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) printf 'host-facts.sh: unknown argument: %s\n' "$1" >&2 && exit 2 ;;
esac

PATH=$PATH:/usr/sbin:/sbin
separator=''

# A text of any kind as a JSON string.
quoted() {
  awk 'BEGIN { ORS = ""; print "\"" }
    { gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); gsub(/\t/, "\\t"); gsub(/\r/, "\\r"); gsub(/[\001-\010\013\014\016-\037]/, "")
      print $0 "\\n" }
    END { print "\"" }'
}

# output NAME COMMAND…: what the command prints, or null when it is not there or fails.
output() {
  name=$1
  shift
  printf '%s\n    "%s": ' "$separator" "$name"
  separator=','
  if text=$("$@" 2>/dev/null </dev/null); then
    printf '%s\n' "$text" | quoted
  else
    printf 'null'
  fi
}

settings="SELECT name || '=' || pg_size_bytes(current_setting(name)) FROM pg_settings
  WHERE name IN ('shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem')"

printf '{\n  "version": 1,\n  "takenAt": "%s",\n  "outputs": {' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
output hostname uname -n
output cores getconf _NPROCESSORS_ONLN
output meminfo cat /proc/meminfo
output swaps cat /proc/swaps
output swappiness cat /proc/sys/vm/swappiness
output nft nft -j list ruleset
output iptables iptables-save
output ip6tables ip6tables-save
output ipv6off sh -c 'cat /proc/sys/net/ipv6/conf/all/disable_ipv6 || echo 1'
output sshd sshd -T
output disks lsblk --json --list --output NAME,KNAME,PKNAME,TYPE,ROTA
output database df -P "${DATABASE_DIRECTORY:-/var/lib/postgresql}"
output application df -P "${APPLICATION_DIRECTORY:-/opt}"
output logs df -P "${LOG_DIRECTORY:-/var/log}"
output temporary df -P "${TEMPORARY_DIRECTORY:-/tmp}"
output unit systemctl show "${SERVICE_UNIT:-order-service.service}" --property=LoadState,Nice,CPUWeight,MemoryMax,OOMScoreAdjust
output postgres psql --no-psqlrc --no-password --tuples-only --no-align --command "$settings"
printf '\n  }\n}\n'
