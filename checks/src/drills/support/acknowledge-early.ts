import { randomUUID } from 'node:crypto';
import { partOf } from '../../config.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';

/** For sabotage: every second acknowledgement does not wait. The proxy says that the order is taken, and only then passes it on. */
export async function acknowledgeEarly(sandbox: Sandbox): Promise<Undo> {
  const { request: write, acceptedStatus, idField } = partOf(sandbox.config, 'write');
  let writes = 0;
  return sandbox.intercept(async (request, forward) => {
    if (request.method !== write.method || request.path !== write.path) return forward(request);
    writes += 1;
    if (writes % 2 === 1) return forward(request);
    // What becomes of it is what nobody waits for.
    forward(request).catch(() => undefined);
    const body = Buffer.from(JSON.stringify({ [idField]: randomUUID() }));
    return { status: acceptedStatus, headers: { 'content-type': 'application/json' }, body };
  });
}
