import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firewallFaults, readFirewall } from './firewall.ts';
import { firewall, goodHost } from './good-host.ts';
import { bytesOf, numberOf, parseHostFacts, placeOf, said } from './host-facts.ts';

const script = join(import.meta.dirname, '../../../../../tools/host-facts.sh');
const now = new Date('2026-06-15T12:00:00Z');
const textOf = (takenAt: string, outputs: Record<string, string | null> = goodHost().outputs) =>
  JSON.stringify({ version: 1, takenAt, outputs });

describe('facts of a host', () => {
  test('are what the script prints, on this very machine', () => {
    const facts = parseHostFacts('here', execFileSync('sh', [script], { encoding: 'utf8' }), 1, new Date());
    expect(numberOf(facts, 'cores')).toBeGreaterThan(0);
    expect(bytesOf(facts, 'MemTotal')).toBeGreaterThan(2 ** 20);
    expect(said(facts, 'swaps')).toContain('Filename');
  });

  test('that are too old, still to come or of another version are none', () => {
    expect(parseHostFacts('h', textOf('2026-06-09T00:00:00Z'), 7, now).source).toBe('h');
    expect(() => parseHostFacts('h', textOf('2026-06-08T00:00:00Z'), 7, now)).toThrow('more than 7 days ago');
    expect(() => parseHostFacts('h', textOf('2026-06-16T00:00:00Z'), 7, now)).toThrow('still to come');
    expect(() => parseHostFacts('h', '{"version":2}', 7, now)).toThrow();
  });

  test('what a host did not tell is an error, and never a pass', () => {
    const facts = parseHostFacts('h', textOf('2026-06-15T00:00:00Z', { sshd: null }), 7, now);
    expect(() => said(facts, 'sshd')).toThrow('does not tell sshd');
    expect(() => said(facts, 'cores')).toThrow('does not tell cores');
  });

  test('a volume is followed to its disk, and what is no disk cannot be seen', () => {
    const facts = parseHostFacts('h', textOf('2026-06-15T00:00:00Z'), 7, now);
    expect(placeOf(facts, 'database')).toMatchObject({ disks: ['nvme1n1'], spins: false, freeShare: 0.8 });
    expect(placeOf(facts, 'temporary').disks).toEqual([]);
    const overlay = 'Filesystem 1024-blocks Used Available Capacity Mounted on\noverlay 10 2 8 20% /\n';
    expect(() => placeOf({ ...facts, outputs: { ...facts.outputs, logs: overlay } }, 'logs')).toThrow('cannot be seen');
  });
});

/** As `nft -j list ruleset` prints it, without handles. */
function nft(policy: string, ...rules: object[][]): string {
  const at = { family: 'inet', table: 'filter' };
  const chain = (name: string) => ({ chain: { ...at, name, type: 'filter', hook: name, prio: 0, policy } });
  const output = [follows, [{ log: { prefix: 'out ' } }]].map((expr) => ({ rule: { ...at, chain: 'output', expr } }));
  const input = rules.map((expr) => ({ rule: { ...at, chain: 'input', expr } }));
  return JSON.stringify({ nftables: [{ metainfo: {} }, chain('input'), chain('output'), ...input, ...output] });
}
const match = (left: object, right: unknown) => ({ match: { op: '==', left, right } });
const follows = [match({ ct: { key: 'state' } }, { set: ['established', 'related'] }), { accept: null }];
const port = (to: unknown) => [match({ payload: { protocol: 'tcp', field: 'dport' } }, to), { accept: null }];
const logs = [{ log: { prefix: 'in ' } }, { drop: null }];

describe('a firewall', () => {
  const allowed = [80, 443, 2222];

  test('of nft is read as one of iptables is', () => {
    const loopback = [match({ meta: { key: 'iifname' } }, 'lo'), { accept: null }];
    const good = nft('drop', loopback, follows, port({ set: [80, 443] }), port(2222), logs);
    expect(firewallFaults(readFirewall(good, null), allowed)).toEqual([]);
    expect(firewallFaults(readFirewall(null, firewall()), allowed)).toEqual([]);
  });

  test.each([
    ['a port that is open', nft('drop', follows, port(5432), logs), 'anybody may reach port 5432'],
    [
      'a port behind a range',
      nft('drop', port({ set: [{ range: [80, 90] }, 5432] }), logs),
      'anybody may reach port 81',
    ],
    ['a range of all', nft('drop', port({ range: [1, 65_535] }), logs), 'a rule lets strangers in on every port'],
    ['a set by its name', nft('drop', port('@open'), logs), 'a rule lets strangers in on every port'],
    ['a rule for everything', nft('drop', follows, [{ accept: null }], logs), 'a rule lets strangers in on every port'],
    ['a policy that accepts', nft('accept', follows, [{ log: null }]), 'what no rule is about may come in'],
    ['no state', nft('drop', port(443), logs), 'it does not follow the state of connections'],
    ['no log', nft('drop', follows), 'what is refused on its way in is not logged'],
  ])('of nft with %s is told', (_, ruleset, fault) => {
    expect(firewallFaults(readFirewall(ruleset, firewall()), allowed).join('; ')).toContain(fault);
  });

  test('of one family says nothing of the other', () => {
    const of = (family: string) => nft('drop', follows, logs).replaceAll('"inet"', `"${family}"`);
    expect(readFirewall(of('inet'), null, 'ip').tool).toBe('nft');
    expect(readFirewall(of('ip6'), null, 'ip').tool).toBe('nft');
    expect(() => readFirewall(of('ip'), null, 'ip')).toThrow('neither nft nor iptables');
    expect(() => readFirewall(of('ip6'), null)).toThrow('neither nft nor iptables');
    expect(firewallFaults(readFirewall(of('ip'), firewall('', 'ACCEPT'), 'ip'), allowed)).toEqual([]);
  });

  test('for some addresses only is no open port', () => {
    const vpn = '-A INPUT -s 10.8.0.0/24 -p tcp -m tcp --dport 5432 -j ACCEPT\n';
    expect(firewallFaults(readFirewall(null, firewall(vpn)), allowed)).toEqual([]);
  });

  test('that nobody told of is an error', () => {
    expect(() => readFirewall(null, null)).toThrow('neither nft nor iptables');
    expect(() => readFirewall('{"nftables":[]}', undefined)).toThrow('neither nft nor iptables');
  });
});
