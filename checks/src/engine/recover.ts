import { type FollowedPage, followPage } from '../io/runbook-page.ts';
import { startSupervisor } from '../sandbox/supervisor.ts';
import type { Context } from './context.ts';
import type { Finding, Recovery } from './gate.ts';

/** A {@link Recovery}, and what came of every page that was followed. */
export interface RecordedRecovery extends Recovery {
  readonly followed: readonly FollowedPage[];
}

/** Follows the page that `drillPages` names for the drill. Where that part is missing, `otherwise` is all there is. */
export function recoveryOf(context: Context, drill: string): RecordedRecovery {
  const followed: FollowedPage[] = [];
  const { drillPages } = context.config;
  const path = drillPages?.[drill];
  return {
    followed,
    async byThePage(otherwise, struck) {
      if (drillPages === undefined) return void (await otherwise());
      if (path === undefined) {
        followed.push({ path: '', missing: ['no page'], failed: null });
        return void (await otherwise());
      }
      const { page, startedAtMs } = await follow(context, path, struck ?? processOf(context));
      followed.push(page);
      if (page.missing.length > 0 || page.failed) await otherwise();
      return startedAtMs;
    },
  };
}

function processOf({ target, sandbox }: Context) {
  return { url: target.url, metricsUrl: sandbox.metricsUrl };
}

/** What starts again what does not run is there for as long as the page's commands run. */
async function follow(
  { tree, tools, target, sandbox, signal }: Context,
  path: string,
  struck: { readonly url: string; readonly metricsUrl: string },
): Promise<{ page: FollowedPage; startedAtMs: number | undefined }> {
  const { redis } = sandbox;
  const supervisor = await startSupervisor({
    service: () => sandbox.startService(),
    postgres: () => sandbox.postgres.start(),
    ...(redis === undefined ? {} : { redis: () => redis.start() }),
  });
  const environment = {
    ...tools.environment,
    SERVICE_URL: struck.url,
    METRICS_URL: struck.metricsUrl,
    OPERATOR_API_KEY: target.credentials.operator,
    DATABASE_URL: target.databaseUrl,
    START_COMMAND: supervisor.command,
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
  };
  try {
    return { page: await followPage(tree, path, environment, signal), startedAtMs: supervisor.startedAtMs() };
  } finally {
    await supervisor.close();
  }
}

/** For evidence: what was the same each time is told once. */
export function timesFollowed(followed: readonly FollowedPage[]): (FollowedPage & { times: number })[] {
  const seen = new Map<string, FollowedPage & { times: number }>();
  for (const page of followed) {
    const key = JSON.stringify(page);
    seen.set(key, { ...page, times: (seen.get(key)?.times ?? 0) + 1 });
  }
  return [...seen.values()];
}

/** Each fault of the pages once, however often they were followed. */
export function findingsOfPages(followed: readonly FollowedPage[], drill: string): Finding[] {
  const found = new Map(
    followed.flatMap((page) => findingsOf(page, drill)).map((finding) => [finding.message, finding]),
  );
  return [...found.values()];
}

function findingsOf({ path, missing, failed }: FollowedPage, drill: string): Finding[] {
  if (path === '')
    return [
      { message: 'no runbook page says what to do about it', fix: `Write one, and name it: drillPages['${drill}'].` },
    ];
  return [
    ...missing.map((what) => ({
      ...{ file: path, message: `its runbook page cannot be followed: ${what}` },
      fix: 'Write what somebody sees, the commands that mend it, and the commands that tell that it is over.',
    })),
    ...(failed
      ? [
          {
            ...{ file: path, identity: `commands under ${failed.section}` },
            message: `the commands under "${failed.section}" of its runbook page end with exit code ${failed.code}: ${failed.said}`,
            fix: 'Mend the page, or the script that it calls, and run the drill again.',
          },
        ]
      : []),
  ];
}
