/**
 * `node --import ./service/src/telemetry/register.ts …`: traces HTTP, Express and PostgreSQL.
 *
 * The module hooks must stand before express and pg are imported, therefore --import. Without an OTLP endpoint in the
 * environment nothing is loaded at all: the SDK costs a third of a second at start.
 */
import { onTracingStarted } from './tracing.ts';

/** Probes and scrapes come every few seconds and would drown the traces of real requests. */
const UNTRACED_PATHS = new Set(['/health', '/health/ready', '/api/v1/health', '/metrics']);

async function startTracing(): Promise<void> {
  // Express is loaded through ES modules; without these hooks its spans and route names are missing.
  const { register } = await import('import-in-the-middle/register-hooks.mjs');
  register();
  const [{ NodeSDK }, { HttpInstrumentation }, { ExpressInstrumentation, ExpressLayerType }, { PgInstrumentation }] =
    await Promise.all([
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/instrumentation-http'),
      import('@opentelemetry/instrumentation-express'),
      import('@opentelemetry/instrumentation-pg'),
    ]);
  const sdk = new NodeSDK({
    serviceName: process.env.OTEL_SERVICE_NAME ?? 'order-service',
    // Metrics are served for scraping by metrics.ts; logs are collected from standard output.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new HttpInstrumentation({
        ignoreIncomingRequestHook: (request) => UNTRACED_PATHS.has((request.url ?? '').split('?')[0] ?? ''),
      }),
      new ExpressInstrumentation({ ignoreLayersType: [ExpressLayerType.MIDDLEWARE] }),
      // Query parameters are account data: enhancedDatabaseReporting stays off.
      new PgInstrumentation({ enhancedDatabaseReporting: false, requireParentSpan: true }),
    ],
  });
  sdk.start();
  onTracingStarted(() => sdk.shutdown());
}

const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? '';
if (endpoint !== '' && process.env.OTEL_SDK_DISABLED !== 'true') await startTracing();
