import { followPage } from '../io/runbook-page.ts';
import type { Context } from './context.ts';

/**
 * Does what the drill's runbook page says, so that a page cannot rot.
 * @returns false when the configuration names no page of it. @throws when its commands fail.
 */
export async function recoverByThePage(
  { config, tree, tools, target, sandbox, signal }: Context,
  drill: string,
): Promise<boolean> {
  const path = config.drillPages[drill];
  if (path === undefined) return false;
  const environment = {
    ...tools.environment,
    SERVICE_URL: target.url,
    OPERATOR_API_KEY: target.credentials.operator,
    DATABASE_URL: target.databaseUrl,
    ...(sandbox.redis === undefined ? {} : { REDIS_URL: sandbox.redis.url }),
  };
  await followPage(tree, path, environment, signal);
  return true;
}
