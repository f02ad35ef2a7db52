import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { askEdge, editEdge, withEdge } from '../edge/support/open-edge.ts';

interface Facts {
  file: string;
  asked: number;
  /** How many requests each replica was given. */
  shares: number[];
}

const rounds = 10;
const atOnce = 6;
/** Of an even share: below it a replica is there for nothing, and another one is the first to be overloaded. */
const leastOfEvenShare = 0.5;

const good: Facts = { file: 'nginx.conf', asked: 120, shares: [40, 41, 39] };

export default defineGate<Facts>({
  id: 'deploy/replicas-share-the-load',
  severity: 'advisory',
  profile: 'commit',
  needs: ['service', 'sandbox', 'nginx', 'openssl', 'config:edge'],
  covers: ['deployment.load-shared'],
  unit: 'requests',
  why: 'Each replica is one process on one core: what does not reach the others waits there, while they idle.',
  fix: 'Name every replica in the upstream with the same weight, none as backup, and balance by least_conn.',
  source: 'https://nginx.org/en/docs/http/load_balancing.html',

  async observe(context) {
    const { configuration: file } = partOf(context.config, 'edge');
    const { liveness: path } = context.config.service;
    return withEdge(context, async (edge) => {
      for (let round = 0; round < rounds; round += 1)
        await Promise.all(Array.from({ length: atOnce }, () => askEdge(edge, 'https', { path })));
      const shares = edge.replicas.map(({ requests }) => requests.length);
      return {
        examined: shares.reduce((sum, share) => sum + share, 0),
        facts: { file, asked: rounds * atOnce, shares },
      };
    });
  },

  judge: ({ file, asked, shares }) => [
    ...(shares.length < 2 ? [{ message: 'there is one replica', file, identity: 'one' }] : []),
    ...shares.flatMap((share, index) =>
      share < (asked / shares.length) * leastOfEvenShare
        ? [
            {
              message: `replica ${index + 1} of ${shares.length} was given ${share} of ${asked} requests`,
              file,
              identity: `replica ${index + 1}`,
            },
          ]
        : [],
    ),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, shares: [100, 20, 0] },
      { ...good, shares: [120] },
    ],
  },

  /** All but the first are asked only when that one is gone. */
  async sabotage(sandbox) {
    let servers = 0;
    await editEdge(sandbox, (text) =>
      text.replace(/(\bserver +[^\s;{]+)([^;{]*;)/g, (whole, server: string, rest: string) => {
        servers += 1;
        return servers === 1 ? whole : `${server} backup${rest}`;
      }),
    );
    return undefined;
  },
});
