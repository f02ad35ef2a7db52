import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import type { Edge } from '../../sandbox/edge.ts';
import { askEdge, editEdge, withEdge } from './support/open-edge.ts';

interface Facts {
  file: string;
  replicas: number;
  /** Answers while all lived, while one was dead: how many were asked for, and which were not answered by the service. */
  whole: { asked: number; bad: number };
  oneDead: { asked: number; bad: number; slowestMs: number };
  /** Writes whose replica cut the connection: how many reached one, and how many were given to one more than once. */
  cutWrites: { sent: number; received: number; repeated: number };
}

const asks = 30;
const writes = 6;
/** A dead host is noticed by a connection that is refused; one that only does not answer must not be waited for. */
const slowestAllowedMs = 3_000;

const good: Facts = {
  ...{ file: 'nginx.conf', replicas: 3, whole: { asked: asks, bad: 0 } },
  ...{ oneDead: { asked: asks, bad: 0, slowestMs: 20 }, cutWrites: { sent: writes, received: writes, repeated: 0 } },
};

export default defineGate<Facts>({
  id: 'edge/a-dead-replica-is-left-out',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'sandbox', 'nginx', 'openssl', 'config:edge'],
  covers: ['edge.load-balancer'],
  unit: 'requests',
  why: 'With three replicas and no failover, one that dies is a third of all orders refused. And a proxy that repeats a write on its own places an order twice.',
  fix: 'proxy_next_upstream error timeout, without non_idempotent; max_fails and fail_timeout on each server; a short proxy_connect_timeout.',
  source: 'https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream',

  async observe(context) {
    const { configuration: file } = partOf(context.config, 'edge');
    const { liveness } = context.config.service;
    return withEdge(context, async (edge) => {
      const whole = await askOften(edge, liveness);
      await edge.replicas[0]?.die();
      const oneDead = await askOften(edge, liveness);
      const cutWrites = await writeToCuttingReplicas(edge);
      const { asked, bad } = whole;
      const facts = { file, replicas: edge.replicas.length, whole: { asked, bad }, oneDead, cutWrites };
      return { examined: asked + oneDead.asked + cutWrites.sent, facts };
    });
  },

  judge: ({ file, replicas, whole, oneDead, cutWrites }) =>
    [
      replicas < 2 && `there is ${replicas} replica: nothing is left when it dies`,
      whole.bad > 0 && `${whole.bad} of ${whole.asked} requests failed while every replica lived`,
      oneDead.bad > 0 &&
        `${oneDead.bad} of ${oneDead.asked} requests failed while one of ${replicas} replicas was dead`,
      oneDead.slowestMs > slowestAllowedMs &&
        `a request took ${oneDead.slowestMs} ms while a replica was dead: ${slowestAllowedMs} are the most`,
      cutWrites.repeated > 0 &&
        `${cutWrites.repeated} of ${cutWrites.sent} writes were given to another replica after one had taken them`,
    ]
      .filter((message) => message !== false)
      .map((message) => ({ message, file })),

  samples: {
    good: [good],
    bad: [
      { ...good, replicas: 1 },
      { ...good, whole: { asked: asks, bad: 1 } },
      { ...good, oneDead: { ...good.oneDead, bad: 10 } },
      { ...good, oneDead: { ...good.oneDead, slowestMs: 5_000 } },
      { ...good, cutWrites: { sent: writes, received: writes, repeated: 1 } },
    ],
  },

  /** Whoever is sent to a dead replica is told so, and that is that. */
  async sabotage(sandbox) {
    await editEdge(sandbox, (text) =>
      text.replace(/proxy_next_upstream [^;]*;/, '').replace(/(proxy_pass [^;]*;)/, 'proxy_next_upstream off; $1'),
    );
    return undefined;
  },
});

async function askOften(edge: Edge, path: string): Promise<Facts['oneDead']> {
  let [bad, slowestMs] = [0, 0];
  for (let asked = 0; asked < asks; asked += 1) {
    const startedAt = performance.now();
    const { status } = await askEdge(edge, 'https', { path });
    if (status !== 200) bad += 1;
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - startedAt));
  }
  return { asked: asks, bad, slowestMs };
}

/** None of them reaches the service: a replica takes each whole request and says nothing. */
async function writeToCuttingReplicas(edge: Edge): Promise<Facts['cutWrites']> {
  for (const replica of edge.replicas) replica.cutConnections();
  for (let sent = 0; sent < writes; sent += 1)
    await askEdge(edge, 'https', { method: 'POST', path: `/preflight-write-${sent}`, body: '{}' });
  const paths = edge.replicas.flatMap(({ requests }) => requests.filter(({ method }) => method === 'POST'));
  const received = new Set(paths.map(({ path }) => path)).size;
  if (received === 0) throw new Error('no write reached a replica: whether it would be repeated cannot be told');
  return { sent: writes, received, repeated: paths.length - received };
}
