const disks = {
  blockdevices: [
    { name: 'nvme0n1', kname: 'nvme0n1', pkname: null, type: 'disk', rota: false },
    { name: 'nvme0n1p1', kname: 'nvme0n1p1', pkname: 'nvme0n1', type: 'part', rota: false },
    { name: 'nvme1n1', kname: 'nvme1n1', pkname: null, type: 'disk', rota: false },
    { name: 'data-pg', kname: 'dm-0', pkname: 'nvme1n1', type: 'lvm', rota: false },
  ],
};
const on = (device: string) =>
  `Filesystem 1024-blocks Used Available Capacity Mounted on\n${device} 1000000 200000 800000 20% /there\n`;
const sshd = [
  ...['port 2222', 'passwordauthentication no', 'kbdinteractiveauthentication no', 'permitemptypasswords no'],
  ...['pubkeyauthentication yes', 'permitrootlogin no'],
];
const postgres = ['shared_buffers=8589934592', 'effective_cache_size=21474836480', 'work_mem=16777216'];

const outputs: Record<string, string> = {
  hostname: 'orders-1\n',
  cores: '8\n',
  meminfo: 'MemTotal:       32768000 kB\nMemFree:        12000000 kB\n',
  swaps: 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
  swappiness: '1\n',
  sshd: sshd.join('\n'),
  disks: JSON.stringify(disks),
  database: on('/dev/mapper/data-pg'),
  application: on('/dev/nvme0n1p1'),
  logs: on('/dev/nvme0n1p1'),
  temporary: on('tmpfs'),
  unit: 'LoadState=loaded\nNice=-5\nCPUWeight=200\nMemoryMax=1073741824\nOOMScoreAdjust=-200\n',
  postgres: postgres.join('\n'),
  iptables: firewall(),
  ip6tables: firewall(),
  ipv6off: '0\n',
};

/** What tools/host-facts.sh prints on a host that is set up as the gates want it, taken just now. */
export function goodHost(): { version: 1; takenAt: string; outputs: Record<string, string> } {
  return { version: 1, takenAt: new Date().toISOString(), outputs };
}

/** A firewall that is closed but for what the gates allow. `more` stands before what refuses the rest. */
export function firewall(more = '', policy = 'DROP'): string {
  return `*filter
:INPUT ${policy} [0:0]
:FORWARD DROP [0:0]
:OUTPUT ${policy} [0:0]
:closed - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 2222 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
${more}-A INPUT -j closed
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A OUTPUT -j closed
-A closed -m limit --limit 10/min -j LOG --log-prefix "refused: "
-A closed -j DROP
COMMIT
`;
}
