import { said, settingsOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  /** As sshd itself resolves them. */
  settings: Record<string, string>;
}

const wanted: Readonly<Record<string, readonly string[]>> = {
  pubkeyauthentication: ['yes'],
  passwordauthentication: ['no'],
  kbdinteractiveauthentication: ['no'],
  permitemptypasswords: ['no'],
  permitrootlogin: ['no', 'prohibit-password', 'without-password', 'forced-commands-only'],
};
const settings = Object.fromEntries(Object.entries(wanted).map(([name, [first = '']]) => [name, first]));

export default defineHostGate<Seen>({
  id: 'host/ssh-takes-keys-only',
  severity: 'blocker',
  covers: ['host.ssh.keys-only'],
  why: 'Passwords are guessed around the clock on every address that there is. A key is not.',
  fix: 'PasswordAuthentication no, KbdInteractiveAuthentication no, PermitRootLogin no; then reload sshd and try it from a second session.',
  source: 'https://infosec.mozilla.org/guidelines/openssh',
  look(facts) {
    const all = settingsOf(said(facts, 'sshd'));
    return {
      settings: Object.fromEntries(Object.keys(wanted).map((name) => [name, all.get(name)?.[0] ?? 'not told'])),
    };
  },
  wrong: ({ settings: seen }) =>
    Object.entries(seen).flatMap(([name, value]) =>
      wanted[name]?.includes(value) ? [] : [`sshd has ${name} ${value}`],
    ),
  good: [{ settings }],
  bad: Object.keys(wanted).flatMap((name) => [
    { settings: { ...settings, [name]: name === 'pubkeyauthentication' ? 'no' : 'yes' } },
    { settings: { ...settings, [name]: 'not told' } },
  ]),
  broken: { sshd: 'port 2222\npubkeyauthentication yes\npasswordauthentication yes\n' },
});
