/** Builds and closes everything. The only place that sees all rooms; tests and drills start the service here too. */
import { randomBytes } from 'node:crypto';
import type { Express } from 'express';
import { type AppOptions, createContext } from './app/context.ts';
import { createExpress } from './app/routes.ts';
import { startSilenceWatch, startWatch, startWorkers, type Workers } from './app/workers.ts';
import { type Config, loadConfig } from './config.ts';
import type { DatabasePool } from './db/pool.ts';
import { createListener } from './http/listener.ts';
import { type LiveRoute, liveRoutes } from './http/live-routes.ts';
import { createLogger } from './telemetry/logger.ts';
import type { Loop } from './workers/loop.ts';

export { type AppOptions, type AppRole, createAlarmCounter, ROLES } from './app/context.ts';

export interface App {
  readonly express: Express;
  /** Resolves once both ports accept connections. Rejects with a ListenError, leaving nothing open. */
  readonly start: () => Promise<{ readonly port: number; readonly metricsPort: number }>;
  /**
   * Readiness off, DRAIN_DELAY_MS, port closed, requests and the worker's step finished, pools closed.
   * Rejects when that took longer than `deadlineMs`; connections are then cut. Repeated calls share one result.
   */
  readonly close: (deadlineMs: number) => Promise<void>;
}

/** Rejects when `work` is not done in time; `work` itself goes on. */
async function within(deadlineMs: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not drained within ${deadlineMs} ms`)), deadlineMs);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Wires everything. Nothing listens and nothing is connected before `start`. */
export function createApp(config: Config, options: AppOptions): App {
  const role = options.role ?? 'all';
  const context = createContext(config, options);
  const express = createExpress(context, role);
  const api = createListener(express);
  const scrape = createListener((request, response) => {
    if (request.url === '/metrics' && request.method === 'GET') context.metrics.handle(request, response);
    else response.writeHead(404).end();
  });
  let workers: Workers | undefined;
  let watch: Loop | undefined;
  let silenceWatch: Loop | undefined;
  let closing: Promise<void> | undefined;

  const release = async (): Promise<void> => {
    await Promise.all([api.drain(), workers?.stop()]);
    context.eventLoop.stop();
    await Promise.all([watch?.stop(), silenceWatch?.stop()]);
    // The last scrape may still be under way; nothing else is worth waiting for on that port.
    scrape.cut();
    await scrape.drain();
    await Promise.all([context.metrics.close(), context.redis?.close(), context.switchRedis?.close()]);
    await Promise.all(Object.values(context.pools).map((pool: DatabasePool) => pool.end()));
  };
  const drain = async (): Promise<void> => {
    context.draining = true;
    await new Promise((resolve) => setTimeout(resolve, config.drain.delayMs));
    await release();
  };
  return {
    express,
    start: async () => {
      try {
        await Promise.all([context.redis?.start(), context.switchRedis?.start()]);
        silenceWatch = startSilenceWatch(context);
        watch = await startWatch(context);
        const metricsPort = await scrape.listen(config.metrics.host, config.metrics.port);
        const port = await api.listen(config.http.host, config.http.port);
        if (role !== 'api') workers = startWorkers(context);
        return { port, metricsPort };
      } catch (error) {
        await release();
        throw error;
      }
    },
    close: (deadlineMs) => {
      closing ??= within(deadlineMs, drain()).catch((error: unknown) => {
        api.cut();
        throw error;
      });
      return closing;
    },
  };
}

/** Every route of the live router, without a database, a configuration or a port. */
export function describeRoutes(): readonly LiveRoute[] {
  const config = loadConfig({
    DATABASE_URL: 'postgres://127.0.0.1/none',
    ORDER_PROCESSING_API_KEY: randomBytes(32).toString('hex'),
  });
  const logger = createLogger({ level: 'silent', nodeEnv: 'production', secrets: [] });
  return liveRoutes(createApp(config, { logger }).express);
}
