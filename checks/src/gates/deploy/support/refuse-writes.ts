import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

/** A deployment that looks alive and cannot work: every read is answered, and whatever would change something is not. */
export function refuseWrites(sandbox: Sandbox): Promise<Undo> {
  return sandbox.intercept(async (request, forward) => {
    if (request.method === 'GET') return forward(request);
    return { status: 500, headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') };
  });
}
