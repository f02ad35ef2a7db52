/**
 * The function that Vercel's cron calls. Vercel sends a GET with its own secret, and the order service wants a POST with
 * the processing key, so that neither ever sees the other's credential.
 *
 * Environment: CRON_SECRET (Vercel sends it), ORDER_SERVICE_URL (https, without a path), ORDER_PROCESSING_API_KEY.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Below the function's own `maxDuration` in vercel.json, so that a silent service is told from a cut function. */
const TIMEOUT_MS = 50_000;

export async function GET(request: Request): Promise<Response> {
  const { CRON_SECRET, ORDER_SERVICE_URL, ORDER_PROCESSING_API_KEY } = process.env;
  if (!CRON_SECRET || !ORDER_SERVICE_URL || !ORDER_PROCESSING_API_KEY) {
    return answer(500, 'CRON_SECRET, ORDER_SERVICE_URL and ORDER_PROCESSING_API_KEY must be set');
  }
  if (!isEqual(request.headers.get('authorization') ?? '', `Bearer ${CRON_SECRET}`)) {
    return answer(401, 'this is for the scheduler alone');
  }
  try {
    const { status } = await fetch(new URL('/api/trade/process-orders', ORDER_SERVICE_URL), {
      method: 'POST',
      headers: { authorization: `Bearer ${ORDER_PROCESSING_API_KEY}` },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    // 202 says that an earlier call is still at work: that is as good.
    return status === 200 || status === 202
      ? answer(200, `process-orders answered ${status}`)
      : answer(502, `process-orders answered ${status}`);
  } catch (error) {
    return answer(502, `process-orders gave no answer: ${error instanceof Error ? error.name : 'unknown error'}`);
  }
}

/** Digests are of equal length, so that the comparison takes the same time for every guess. */
function isEqual(presented: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(presented), digest(expected));
}

function answer(status: number, message: string): Response {
  return Response.json({ message }, { status, headers: { 'cache-control': 'no-store' } });
}
