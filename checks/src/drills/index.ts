import type { Drill } from '../engine/gate.ts';
import backendKilledMidOrder from './backend-killed-mid-order.ts';
import clock from './clock.ts';
import diskFull from './disk-full.ts';
import eventLoopStalls from './event-loop-stalls.ts';
import gracefulStop from './graceful-stop.ts';
import killSwitchLinearizable from './kill-switch-linearizable.ts';
import overload from './overload.ts';
import poolExhausted from './pool-exhausted.ts';
import postgresStopped from './postgres-stopped.ts';
import processCrashesCleanly from './process-crashes-cleanly.ts';
import quoteProviderLost from './quote-provider-lost.ts';
import redisLost from './redis-lost.ts';
import replicaKilled from './replica-killed.ts';
import replicasAreRolled from './replicas-are-rolled.ts';
import slowAndBrokenLinks from './slow-and-broken-links.ts';
import targetRecovers from './target-recovers.ts';
import workerFrozen from './worker-frozen.ts';
import workerKilled from './worker-killed.ts';

/** Every drill. Each has the target to itself. */
export const drills: readonly Drill[] = [
  backendKilledMidOrder,
  postgresStopped,
  slowAndBrokenLinks,
  diskFull,
  poolExhausted,
  overload,
  eventLoopStalls,
  redisLost,
  killSwitchLinearizable,
  quoteProviderLost,
  workerKilled,
  workerFrozen,
  clock,
  replicaKilled,
  replicasAreRolled,
  gracefulStop,
  processCrashesCleanly,
  targetRecovers,
];
