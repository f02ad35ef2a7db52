import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { actAsTlsTarget } from './support/target-tls.ts';

interface Name {
  name: string;
  /** With whether somebody answers there, on the target's port. */
  addresses: { address: string; answers: boolean }[];
}

interface Facts {
  port: number;
  names: Name[];
}

const connectWithinMs = 5_000;
/** DNS has said that there is no such name. Anything else, such as a resolver that is away, is no answer. */
const noSuchName = new Set(['ENOTFOUND', 'ENODATA']);

const good: Facts = {
  port: 443,
  names: [{ name: 'orders.example', addresses: [{ address: '192.0.2.1', answers: true }] }],
};

export default defineGate<Facts>({
  id: 'edge/names-resolve',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target'],
  covers: ['edge.dns'],
  unit: 'names',
  why: 'A record that points at the host of before works for whoever has the new one cached; one of two addresses that is dead is half of all clients.',
  fix: 'Mend the record, wait for its time to live, and take out addresses where nobody answers.',
  source: 'https://www.rfc-editor.org/rfc/rfc1912',

  async observe({ config }) {
    const { url, names: others } = partOf(config, 'target');
    const { hostname, port: written, protocol } = new URL(url);
    const port = written === '' ? (protocol === 'https:' ? 443 : 80) : Number(written);
    const names = await Promise.all(
      [hostname, ...others].map(async (name) => ({ name, addresses: await ask(name, port) })),
    );
    return { examined: names.length, facts: { port, names } };
  },

  judge: ({ port, names }) =>
    names.flatMap(({ name, addresses }) => [
      ...(addresses.length === 0 ? [{ message: `${name} has no address`, identity: name }] : []),
      ...addresses
        .filter(({ answers }) => !answers)
        .map(({ address }) => ({
          message: `${name} leads to ${address}, where nobody answers on port ${port}`,
          identity: `${name} ${address}`,
        })),
    ]),

  samples: {
    good: [good],
    bad: [
      { ...good, names: [{ name: 'orders.example', addresses: [] }] },
      { ...good, names: [{ name: 'orders.example', addresses: [{ address: '192.0.2.1', answers: false }] }] },
    ],
  },

  async prepare(sandbox) {
    const undo = await actAsTlsTarget(sandbox);
    const target = partOf(sandbox.config, 'target');
    // By its address: what `localhost` means beside it is the machine's own.
    sandbox.config.target = { ...target, url: sandbox.url };
    return undo;
  },

  /** Its process is gone; the name still leads there. */
  async sabotage(sandbox) {
    const target = partOf(sandbox.config, 'target');
    const undo = await sandbox.intercept(async (request, forward) => forward(request));
    const gone = sandbox.url;
    await undo();
    sandbox.config.target = { ...target, url: gone };
    return undefined;
  },
});

async function ask(name: string, port: number): Promise<Name['addresses']> {
  try {
    const found = await lookup(name.replace(/^\[|\]$/g, ''), { all: true });
    return await Promise.all(found.map(async ({ address }) => ({ address, answers: await answers(address, port) })));
  } catch (error) {
    if (noSuchName.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(connectWithinMs, () => done(false));
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}
