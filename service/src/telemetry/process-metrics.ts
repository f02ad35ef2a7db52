import { readFile, statfs } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';

/** How finely the delay of the event loop is sampled, in milliseconds. */
const DELAY_RESOLUTION_MS = 10;
/** Linux alone has it; elsewhere the traffic of the network is left out. https://man7.org/linux/man-pages/man5/proc_pid_net.5.html */
const NETWORK_FILE = '/proc/net/dev';

/** Bytes that all interfaces but the loopback have received and sent, as the kernel counts them. */
export function trafficOf(table: string): { readonly received: number; readonly sent: number } {
  const total = { received: 0, sent: 0 };
  for (const line of table.split('\n')) {
    const [, name = '', counts = ''] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    const fields = counts.trim().split(/\s+/).map(Number);
    if (name === '' || name === 'lo' || fields.length < 9) continue;
    total.received += fields[0] ?? 0;
    total.sent += fields[8] ?? 0;
  }
  return total;
}

/** Watches the process: a leak shows in its memory, a stall in its event loop. Returns what ends it. */
export function watchProcess(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delay.enable();
  const cpu = meter.createObservableCounter('process.cpu_seconds', { description: 'Processor time of the process.' });
  const memory = meter.createObservableGauge('process.memory_bytes', {
    description: 'Memory of the process, by kind.',
  });
  const lag = meter.createObservableGauge('process.event_loop_delay_seconds', {
    description: 'Delay of the event loop since the last scrape, 99 % of the samples.',
  });
  meter.addBatchObservableCallback(
    (result) => {
      const { user, system } = process.cpuUsage();
      result.observe(cpu, user / 1e6, { mode: 'user' });
      result.observe(cpu, system / 1e6, { mode: 'system' });
      const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
      for (const [kind, bytes] of Object.entries({ resident: rss, heap_used: heapUsed, heap: heapTotal, external }))
        result.observe(memory, bytes, { kind });
      result.observe(lag, delay.percentile(99) / 1e9);
      delay.reset();
    },
    [cpu, memory, lag],
  );
  return () => void delay.disable();
}

/** Watches the machine as the process sees it, so that one scrape tells who was short of what. */
export function watchHost(meter: Meter): void {
  const cpu = meter.createObservableCounter('host.cpu_seconds', { description: 'Processor time of the machine.' });
  const memory = meter.createObservableGauge('host.memory_bytes', { description: 'Memory of the machine, by state.' });
  const disk = meter.createObservableGauge('host.filesystem_bytes', {
    description: 'The file system that the process works in, by state.',
  });
  const network = meter.createObservableCounter('host.network_bytes', {
    description: 'Traffic of all interfaces but the loopback.',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const times = cpus().map((each) => each.times);
      const idle = times.reduce((sum, each) => sum + each.idle, 0);
      const all = times.flatMap((each) => Object.values(each)).reduce((sum, each) => sum + each, 0);
      result.observe(cpu, idle / 1000, { mode: 'idle' });
      result.observe(cpu, (all - idle) / 1000, { mode: 'busy' });
      result.observe(memory, freemem(), { state: 'free' });
      result.observe(memory, totalmem() - freemem(), { state: 'used' });
      const { bsize, blocks, bavail } = await statfs('.');
      result.observe(disk, bavail * bsize, { state: 'free' });
      result.observe(disk, (blocks - bavail) * bsize, { state: 'used' });
      const traffic = await readFile(NETWORK_FILE, 'utf8').then(trafficOf, () => undefined);
      if (traffic === undefined) return;
      result.observe(network, traffic.received, { direction: 'received' });
      result.observe(network, traffic.sent, { direction: 'sent' });
    },
    [cpu, memory, disk, network],
  );
}
