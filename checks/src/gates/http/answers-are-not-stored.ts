import { defineGate, type Finding } from '../../engine/gate.ts';
import { readApi } from './support/operations.ts';
import { ordinaryAnswers } from './support/ordinary.ts';

interface Answer {
  what: string;
  status: number;
  /** It was asked for with a key, so that it is about somebody. */
  withKey: boolean;
  cacheControl: string | null;
}

interface Facts {
  answers: Answer[];
}

export default defineGate<Facts>({
  id: 'http/answers-are-not-stored',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'config:write'],
  covers: ['http.cache-headers'],
  unit: 'answers',
  why: 'What a browser, a proxy or a CDN keeps is shown again: an old balance as the new one, or one account’s orders to another.',
  fix: 'Send Cache-Control: no-store with every answer, errors too, before any route; let what is public name its own age.',
  source: 'https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5',

  async observe(context) {
    const seen = await ordinaryAnswers(context, await readApi(context));
    const answers = seen.map(({ what, status, withKey, cacheControl }) => ({ what, status, withKey, cacheControl }));
    return { examined: answers.length, facts: { answers } };
  },

  judge: ({ answers }) => answers.flatMap(judgeAnswer),

  samples: {
    good: [facts({}), facts({ withKey: false, cacheControl: 'public, max-age=60' })],
    bad: [
      facts({ cacheControl: null }),
      facts({ cacheControl: 'private, max-age=60' }),
      facts({ withKey: false, cacheControl: null }),
    ],
  },

  /** Something in between takes the header for its own. */
  async sabotage(sandbox) {
    return sandbox.intercept(async (request, forward) => {
      const answer = await forward(request);
      const { 'cache-control': _, ...headers } = answer.headers;
      return { ...answer, headers };
    });
  },
});

function judgeAnswer({ what, status, withKey, cacheControl }: Answer): Finding[] {
  const directives = (cacheControl ?? '').toLowerCase().split(/\s*,\s*/);
  const finding = (message: string): Finding[] => [{ message, identity: what }];
  if (cacheControl === null) return finding(`the answer ${status} to ${what} does not say whether it may be stored`);
  if (withKey && !directives.includes('no-store')) {
    return finding(`the answer ${status} to ${what} may be stored: Cache-Control is ${cacheControl}`);
  }
  return [];
}

function facts(change: Partial<Answer>): Facts {
  return {
    answers: [
      { what: "GET /orders with a writer's key", status: 200, withKey: true, cacheControl: 'no-store', ...change },
    ],
  };
}
