import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { startRelay } from '../src/sandbox/relay.ts';

test('a relay hands on every byte until it is cut, and nothing after', async () => {
  const upstream = createServer((socket) => void socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const relay = await startRelay({ host: '127.0.0.1', port: (upstream.address() as AddressInfo).port });
  try {
    const client = connect(relay.port, '127.0.0.1');
    client.write('hello');
    const [answered] = (await once(client, 'data')) as [Buffer];
    expect(answered.toString()).toBe('hello');
    relay.cut();
    await once(client, 'close');
    const late = connect(relay.port, '127.0.0.1');
    late.on('error', () => undefined);
    await once(late, 'close');
    expect(late.bytesRead).toBe(0);
  } finally {
    await relay.close();
    await new Promise((resolve) => upstream.close(resolve));
  }
});
