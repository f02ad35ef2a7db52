import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Tools } from '../io/tools.ts';
import { freePorts, startServer } from './server.ts';

/** A notification as Alertmanager's webhooks send it, as far as it is looked at. */
export interface Notification {
  /** The path that it came to. */
  path: string;
  status: 'firing' | 'resolved';
  alerts: { status: string; labels: Record<string, string> }[];
}

export interface Inbox {
  readonly url: string;
  readonly received: Notification[];
  close(): Promise<void>;
}

/** A notification with more alerts than this is cut off. */
const bodyLimitBytes = 1024 * 1024;

/** Stands where the channels would be: whatever is posted to it, under any path, is kept. */
export async function openInbox(): Promise<Inbox> {
  const received: Notification[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
      if (body.length > bodyLimitBytes) request.destroy();
    });
    request.on('end', () => {
      received.push({ ...(JSON.parse(body) as Omit<Notification, 'path'>), path: request.url ?? '' });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the loopback gave no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Starts an Alertmanager of its own with this configuration, in YAML or JSON. `directory` is one of the sandbox's journal. */
export async function startAlertmanager(
  directory: string,
  tools: Tools,
  configuration: string,
): Promise<{ url: string }> {
  const [port = 0] = await freePorts(1);
  const home = join(directory, 'alertmanager');
  mkdirSync(home);
  const file = join(home, 'alertmanager.yml');
  writeFileSync(file, configuration);
  const url = `http://127.0.0.1:${port}`;
  await startServer({
    directory,
    command: tools.path('prometheus-alertmanager'),
    args: [
      `--config.file=${file}`,
      `--storage.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // Alone: it looks for no others.
      '--cluster.listen-address=',
    ],
    cwd: home,
    env: { PATH: tools.environment.PATH },
    logFile: join(directory, 'alertmanager.log'),
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
  });
  return { url };
}
