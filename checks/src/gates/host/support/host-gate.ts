import { partOf } from '../../../config.ts';
import { defineGate, type Finding, type Gate } from '../../../engine/gate.ts';
import { goodHost } from './good-host.ts';
import { type HostFacts, type Output, readHostFacts } from './host-facts.ts';

export interface Looked<Seen> {
  hosts: (Seen & { host: string; takenAt: string })[];
}

interface HostStatement<Seen> extends Pick<Gate, 'id' | 'severity' | 'covers' | 'why' | 'fix' | 'source'> {
  /** What the gate wants to know of a host. @throws when the host does not tell. */
  look(facts: HostFacts, limits: { ports: readonly number[] }): Seen;
  /** What is wrong with it, each in a few words. */
  wrong(seen: Seen): string[];
  good: readonly Seen[];
  bad: readonly Seen[];
  /** Other outputs of a host that was good, for the proof. */
  broken: Partial<Record<Output, string>>;
}

const file = 'preflight-host.json';

/** A gate over each configured host: they differ in what they look for, and in nothing else. */
export function defineHostGate<Seen extends object>(gate: HostStatement<Seen>): Gate<Looked<Seen>> {
  const { look, wrong, good, bad, broken, ...statement } = gate;
  const facts = (seen: Seen): Looked<Seen> => ({
    hosts: [{ ...seen, host: 'host-facts.json', takenAt: '2026-06-15T00:00:00Z' }],
  });
  return defineGate<Looked<Seen>>({
    ...statement,
    profile: 'release',
    needs: ['config:host'],
    unit: 'hosts',

    async observe(context) {
      const { ports } = partOf(context.config, 'host');
      const all = await readHostFacts(context);
      const hosts = all.map((each) => ({ ...look(each, { ports }), host: each.source, takenAt: each.takenAt }));
      return { examined: hosts.length, facts: { hosts } };
    },

    judge: ({ hosts }) =>
      hosts.flatMap((seen) =>
        wrong(seen).map(
          (message): Finding => ({ message: `${seen.host}: ${message}`, identity: `${seen.host} ${message}` }),
        ),
      ),

    samples: { good: good.map(facts), bad: bad.map(facts) },

    /** A host that is as it should be, in the copy alone. */
    async prepare({ config, scratch }) {
      const { host } = config;
      await scratch.write(file, JSON.stringify(goodHost()));
      config.host = { facts: [file], withinDays: 7, ports: [80, 443] };
      return async () => {
        if (host) config.host = host;
        else delete config.host;
      };
    },

    async sabotage({ scratch }) {
      const { outputs, ...rest } = goodHost();
      await scratch.write(file, JSON.stringify({ ...rest, outputs: { ...outputs, ...broken } }));
      return undefined;
    },
  });
}
