import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { readApi } from './support/operations.ts';
import { ordinaryAnswers } from './support/ordinary.ts';

/** Answers of one operation with one status. */
interface Compared {
  operation: string;
  status: number;
  count: number;
  /** How they differ from the document, each difference once. */
  faults: string[];
}

interface Facts {
  compared: Compared[];
  /** Answers of which the document promises no schema. */
  unpromised: number;
  /** Operations that want a key, and of which the document does not say so. */
  undeclared: string[];
}

const faultsKept = 5;

export default defineGate<Facts>({
  id: 'http/contract-is-kept',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'config:write'],
  covers: ['documentation.api'],
  unit: 'answers',
  why: 'Clients are written against the document: where it is wrong they break, and where it is silent they guess.',
  fix: 'Make the document from what validates and renders the answers, and name every status that a client can meet.',
  source: 'https://spec.openapis.org/oas/v3.1.1.html#responses-object',

  async observe(context) {
    const api = await readApi(context);
    const seen = (await ordinaryAnswers(context, api)).flatMap(({ operation, ...answer }) => {
      return operation ? [{ operation, ...answer }] : [];
    });
    const judged = seen.map((each) => ({ ...each, faults: api.faultsOf(each.operation, each) }));
    const promised = judged.flatMap((each) => (each.faults ? [{ ...each, faults: each.faults }] : []));
    const alike = Map.groupBy(promised, ({ operation, status }) => `${operation.name} ${status}`);
    const compared = [...alike.values()].map((all) => ({
      operation: all[0]?.operation.name ?? '',
      status: all[0]?.status ?? 0,
      count: all.length,
      faults: [...new Set(all.flatMap(({ faults }) => faults))].slice(0, faultsKept),
    }));
    const undeclared = api.operations.filter((each) => !each.isPublic && !each.isSecured).map(({ name }) => name);
    const facts = { compared, unpromised: judged.length - promised.length, undeclared };
    return { examined: promised.length, facts };
  },

  judge: ({ compared, undeclared }) => [
    ...compared
      .filter(({ faults }) => faults.length > 0)
      .map(({ operation, status, faults }) => ({
        message: `${operation} answered ${status} otherwise than the document says: ${faults.join('; ')}`,
        identity: `${operation} ${status}`,
      })),
    ...undeclared.map((operation) => ({
      message: `${operation} wants a key, and the document does not say which`,
      identity: `${operation} security`,
    })),
  ],

  samples: {
    good: [facts({})],
    bad: [facts({ faults: ["it must have property 'orders'"] }), { ...facts({}), undeclared: ['GET /orders'] }],
  },

  /** A release has forgotten what the write's answer is made of. */
  async sabotage(sandbox) {
    const { request, acceptedStatus, idField } = partOf(sandbox.config, 'write');
    return sandbox.intercept(async (asked, forward) => {
      const answer = await forward(asked);
      if (asked.method !== request.method || asked.path !== request.path || answer.status !== acceptedStatus) {
        return answer;
      }
      const body = JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
      return { ...answer, body: Buffer.from(JSON.stringify({ [idField]: body[idField] })) };
    });
  },
});

function facts(change: Partial<Compared>): Facts {
  const compared = { operation: 'GET /orders', status: 200, count: 2, faults: [], ...change };
  return { compared: [compared], unpromised: 1, undeclared: [] };
}
