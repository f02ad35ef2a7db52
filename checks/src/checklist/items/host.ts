import { gate, type Item, signOff } from '../item.ts';

/** The machines and networks underneath. */
export const host: readonly Item[] = [
  {
    id: 'host.resources',
    severity: 'warning',
    answer: gate('host/resources-suffice'),
    asks: ['S2:31 Production servers/VPS provisioned with appropriate specifications'],
  },
  {
    id: 'host.firewall.rules',
    severity: 'blocker',
    answer: gate('host/firewall-is-tight'),
    asks: [
      'S2:34 Firewall rules defined and implemented',
      'S2:90 Inbound rules: Only necessary ports open (80, 443, SSH)',
      'S2:438 Firewall rules functioning',
    ],
  },
  {
    id: 'host.ssh.keys-only',
    severity: 'blocker',
    answer: gate('host/ssh-takes-keys-only'),
    asks: ['S2:74 SSH key-based authentication enabled (password auth disabled)'],
  },
  {
    id: 'host.ssh.port',
    severity: 'advisory',
    answer: gate('host/ssh-listens-elsewhere'),
    asks: ['S2:75 SSH port changed from default (22) to custom port'],
  },
  {
    id: 'host.network.segmentation',
    severity: 'warning',
    answer: signOff('security', 180, 'The plan of networks, and a scan from outside that reaches the edge only.'),
    asks: ['S2:76 Network segmentation implemented (DMZ for web-facing services)'],
  },
  {
    id: 'host.network.intrusion-detection',
    severity: 'warning',
    answer: signOff('security', 90, 'The name of the system, what it watches, and the last test alarm.'),
    asks: ['S2:77 Intrusion detection/prevention system (IDS/IPS) configured'],
  },
  {
    id: 'host.network.vpn',
    severity: 'warning',
    answer: signOff('security', 180, "The address ranges that reach administrative ports: the VPN's only."),
    asks: ['S2:78 Virtual Private Network (VPN) for administrative access'],
  },
  {
    id: 'host.network.port-scans',
    severity: 'advisory',
    answer: signOff('security', 180, 'A port scan from outside that was seen and slowed down.'),
    asks: ['S2:79 Port scanning protection enabled'],
  },
  {
    id: 'host.firewall.outbound',
    severity: 'warning',
    answer: gate('host/firewall-is-tight'),
    asks: ['S2:91 Outbound rules: Restrict to broker APIs and essential services'],
  },
  {
    id: 'host.firewall.state',
    severity: 'warning',
    answer: gate('host/firewall-is-tight'),
    asks: ['S2:92 State tracking enabled'],
  },
  {
    id: 'host.firewall.logged',
    severity: 'advisory',
    answer: signOff('security', 90, 'Lines of the firewall of each host: of what it let in, and of what it refused.'),
    partly: ['host/firewall-is-tight'],
    asks: ['S2:93 Logging enabled for all firewall decisions'],
  },
  {
    id: 'host.firewall.audited',
    severity: 'advisory',
    answer: signOff('security', 90, 'Minutes of the last audit of the rules.'),
    asks: ['S2:94 Regular firewall rule audits scheduled'],
  },
  {
    id: 'host.firewall.emergency-list',
    severity: 'advisory',
    answer: signOff('operations', 90, 'The list, with the date when each entry was last confirmed.'),
    asks: ['S2:95 Emergency allow-list for disaster recovery maintained'],
  },
  {
    id: 'host.cpu.cores',
    severity: 'warning',
    answer: gate('host/resources-suffice'),
    asks: ['S2:120 CPU cores allocated based on expected load (minimum 4 cores)'],
  },
  {
    id: 'host.cpu.affinity',
    severity: 'advisory',
    answer: signOff('devops', 180, 'What was measured with and without it, and what was decided.'),
    asks: ['S2:121 CPU affinity settings optimized for trading processes'],
  },
  {
    id: 'host.cpu.priority',
    severity: 'advisory',
    answer: gate('host/service-is-prioritised'),
    asks: ['S2:123 Process prioritization configured for critical trading threads'],
  },
  {
    id: 'host.memory.size',
    severity: 'warning',
    answer: gate('host/resources-suffice'),
    asks: ['S2:127 RAM allocated: minimum 8GB for small deployments, 16GB+ for production'],
  },
  {
    id: 'host.memory.shared-out',
    severity: 'advisory',
    answer: gate('host/memory-is-shared-out'),
    asks: ['S2:128 Memory allocation tuned for database and application'],
  },
  {
    id: 'host.memory.swap',
    severity: 'warning',
    answer: gate('host/swap-is-off'),
    asks: ['S2:131 Swap configuration disabled or minimized (SSD required)'],
  },
  {
    id: 'host.storage.ssd',
    severity: 'warning',
    answer: gate('host/storage-is-solid-state'),
    asks: ['S2:134 SSD storage for all application and database files'],
  },
  {
    id: 'host.storage.separate',
    severity: 'advisory',
    answer: gate('host/disks-are-separate'),
    asks: ['S2:135 Separate disks for logs and temporary files'],
  },
];
