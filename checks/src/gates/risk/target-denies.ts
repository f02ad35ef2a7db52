import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';
import { actAsTarget } from '../deploy/support/as-target.ts';

interface Judged {
  /** The order is far beyond any limit, or a small one. */
  order: 'too large' | 'small';
  status: number;
  decision: string | null;
  reason: string | null;
}

interface Facts {
  denied: string;
  limitReasons: string[];
  judged: Judged[];
}

export default defineGate<Facts>({
  id: 'risk/target-denies',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'config:riskDryRun'],
  covers: ['risk.active'],
  unit: 'orders judged without being placed',
  why: 'Limits are data of the target: a release that denied everything in a sandbox denies nothing where nobody has set them.',
  fix: 'Set everybody’s limits on the target, and ask it again: the dry run changes nothing.',
  source: 'https://www.law.cornell.edu/cfr/text/17/240.15c3-5',

  async observe({ config, signal }) {
    const { url, keys } = partOf(config, 'target');
    const { tooLarge, small, decision, denied, reason, limitReasons } = partOf(config, 'riskDryRun');
    if (!keys.writer) throw new Error('the target has no keys.writer: an account that is there for tests is wanted');
    const judged: Judged[] = [];
    for (const [order, request] of [['too large', tooLarge] as const, ['small', small] as const]) {
      const { status, text } = await send(url, request, { key: keys.writer, signal });
      judged.push({ order, status, decision: textAt(text, decision), reason: textAt(text, reason) });
    }
    return { examined: judged.length, facts: { denied, limitReasons, judged } };
  },

  judge: ({ denied, limitReasons, judged }) =>
    judged.flatMap(({ order, status, decision, reason }): Finding[] => {
      const said = `the target answered ${status}, ${decision ?? 'without a decision'}`;
      if (order === 'small' && (status >= 400 || decision === denied || decision === null)) {
        return [
          {
            message: `${said}${reason ? ` (${reason})` : ''}, to a small order: its limits let nothing pass`,
            identity: order,
          },
        ];
      }
      if (order === 'too large' && (decision !== denied || !limitReasons.includes(reason ?? ''))) {
        return [
          {
            message: `${said}, to an order far beyond any limit: it has to be denied for a limit${reason ? `, and not for ${reason}` : ''}`,
            identity: order,
          },
        ];
      }
      return [];
    }),

  samples: {
    good: [facts('denied', 'MAX_ORDER_NOTIONAL', 'accepted')],
    bad: [
      facts('accepted', null, 'accepted'),
      facts('denied', null, 'accepted'),
      facts('denied', 'INSUFFICIENT_CASH', 'accepted'),
      facts('denied', 'MAX_ORDER_NOTIONAL', 'denied'),
    ],
  },

  prepare: async (sandbox) => actAsTarget(sandbox),

  /** On the way to the target every order becomes a small one. */
  async sabotage(sandbox) {
    const { tooLarge, small } = partOf(sandbox.config, 'riskDryRun');
    return sandbox.intercept((request, forward) => {
      const isAsked = request.method === tooLarge.method && request.path === tooLarge.path;
      return forward(isAsked ? { ...request, body: Buffer.from(JSON.stringify(small.body)) } : request);
    });
  },
});

/** The text at a path of names, separated by dots; null where there is none. */
function textAt(text: string, path: string): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // What is no JSON says nothing that could be judged.
    return null;
  }
  const value = path.split('.').reduce<unknown>((at, name) => {
    return typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
  }, body);
  return typeof value === 'string' ? value : null;
}

function facts(large: string, reason: string | null, small: string): Facts {
  return {
    denied: 'denied',
    limitReasons: ['MAX_ORDER_NOTIONAL'],
    judged: [
      { order: 'too large', status: 200, decision: large, reason },
      { order: 'small', status: 200, decision: small, reason: null },
    ],
  };
}
