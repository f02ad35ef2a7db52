import { type Firewall, firewallFaults, readFirewall } from './support/firewall.ts';
import { firewall } from './support/good-host.ts';
import { said, settingsOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  firewall: Firewall;
  /** What meets packets of IPv6; null: the host does not speak it. */
  overSix: Firewall | null;
  /** Ports that anybody may reach: those of the configuration, and of SSH. */
  allowed: number[];
}

const read = (more?: string, policy?: string): Firewall => readFirewall(null, firewall(more, policy));
const good: Seen = { firewall: read(), overSix: read(), allowed: [80, 443, 2222] };
const without = (pattern: RegExp): Seen => ({ ...good, firewall: readFirewall(null, firewall().replace(pattern, '')) });

export default defineHostGate<Seen>({
  id: 'host/firewall-is-tight',
  severity: 'blocker',
  covers: ['host.firewall.rules', 'host.firewall.outbound', 'host.firewall.state'],
  why: 'What listens by accident is found within hours; what may talk to anybody carries off what was found.',
  fix: 'Refuse by policy in both directions, follow connections, let in 80, 443 and SSH, let out what the service needs, and log what is refused.',
  source: 'https://csrc.nist.gov/pubs/sp/800/41/r1/final',
  look(facts, { ports }) {
    const ssh = (settingsOf(said(facts, 'sshd')).get('port') ?? []).map(Number);
    const { nft, iptables, ip6tables } = facts.outputs;
    const overSix = said(facts, 'ipv6off').trim() === '1' ? null : readFirewall(nft, ip6tables, 'ip');
    return { firewall: readFirewall(nft, iptables), overSix, allowed: [...ports, ...ssh] };
  },
  wrong: ({ firewall: seen, overSix, allowed }) => [
    ...firewallFaults(seen, allowed),
    ...(overSix === null ? [] : firewallFaults(overSix, allowed).map((fault) => `over IPv6 ${fault}`)),
  ],
  good: [good, { ...good, overSix: null }],
  bad: [
    { ...good, overSix: read('-A INPUT -j ACCEPT\n') },
    { ...good, firewall: read('-A OUTPUT -p tcp -m tcp --dport 1:65535 -j ACCEPT\n') },
    { ...good, allowed: [443, 2222] },
    { ...good, firewall: read('-A INPUT -p tcp -m tcp --dport 5432 -j ACCEPT\n') },
    { ...good, firewall: read('-A INPUT -p tcp -j ACCEPT\n') },
    { ...good, firewall: read('-A INPUT -j ACCEPT\n') },
    { ...good, firewall: read('-A OUTPUT -j ACCEPT\n') },
    without(/^-A \w+ -m conntrack .*\n/gm),
    without(/^-A closed .* -j LOG .*\n/m),
    without(/^-A INPUT -j closed\n/m),
    without(/^-A OUTPUT -j closed\n/m),
    { ...good, firewall: readFirewall(null, firewall('', 'ACCEPT').replace('-A closed -j DROP\n', '')) },
  ],
  broken: { iptables: firewall('-A INPUT -p tcp -m tcp --dport 5432 -j ACCEPT\n') },
});
