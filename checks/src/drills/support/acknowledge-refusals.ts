import { partOf } from '../../config.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';

/** For sabotage: a proxy that tells its clients of success where the service has refused for want of its database. */
export async function acknowledgeRefusals(sandbox: Sandbox): Promise<Undo> {
  const { request: write, acceptedStatus, idField } = partOf(sandbox.config, 'write');
  return sandbox.intercept(async (request, forward) => {
    const answer = await forward(request);
    const isRefusal = request.method === write.method && request.path === write.path && answer.status === 503;
    if (!isRefusal) return answer;
    const body = Buffer.from(JSON.stringify({ [idField]: crypto.randomUUID() }));
    return { status: acceptedStatus, headers: { 'content-type': 'application/json' }, body };
  });
}
