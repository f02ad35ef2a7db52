import { said, settingsOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  ports: number[];
}

export default defineHostGate<Seen>({
  id: 'host/ssh-listens-elsewhere',
  severity: 'advisory',
  covers: ['host.ssh.port'],
  why: 'It keeps nobody out who looks for it; it keeps the log free of those who only try the usual port.',
  fix: 'Port 2222 or another one, let through the firewall first; then reload sshd and try it from a second session.',
  source: 'https://infosec.mozilla.org/guidelines/openssh',
  look: (facts) => ({ ports: (settingsOf(said(facts, 'sshd')).get('port') ?? []).map(Number) }),
  wrong: ({ ports }) => {
    if (ports.length === 0) return ['sshd does not tell its port'];
    return ports.includes(22) ? ['sshd listens on port 22'] : [];
  },
  good: [{ ports: [2222] }],
  bad: [{ ports: [22] }, { ports: [2222, 22] }, { ports: [] }],
  broken: { sshd: 'port 22\n' },
});
