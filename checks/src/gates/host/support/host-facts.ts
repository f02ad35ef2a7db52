import { z } from 'zod';
import { partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { lastLines } from '../../../io/exec.ts';

/** What tools/host-facts.sh printed on one host. An output is null where it could not be had. */
export interface HostFacts {
  /** The file or command that it is from. */
  source: string;
  takenAt: string;
  outputs: Partial<Record<Output, string | null>>;
}

const outputNames = [
  ...(['hostname', 'cores', 'meminfo', 'swaps', 'swappiness', 'nft', 'iptables', 'ip6tables', 'ipv6off'] as const),
  ...(['sshd', 'disks'] as const),
  ...(['database', 'application', 'logs', 'temporary', 'unit', 'postgres'] as const),
] as const;
export type Output = (typeof outputNames)[number];

const document = z.object({
  version: z.literal(1),
  takenAt: z.iso.datetime(),
  outputs: z.partialRecord(z.enum(outputNames), z.string().nullable()),
});

const dayMs = 86_400_000;
const commandWithinMs = 60_000;
/** Clocks differ a little; facts of tomorrow are none. */
const clockSkewMs = 5 * 60_000;

/** @throws for facts that cannot be read, are too old or are still to come. */
export function parseHostFacts(source: string, text: string, withinDays: number, now: Date): HostFacts {
  const { takenAt, outputs } = document.parse(JSON.parse(text));
  const ageMs = now.getTime() - Date.parse(takenAt);
  if (ageMs < -clockSkewMs) throw new Error(`${source}: its facts are of ${takenAt}, which is still to come`);
  if (ageMs > withinDays * dayMs)
    throw new Error(
      `${source}: its facts are of ${takenAt}, more than ${withinDays} days ago: run tools/host-facts.sh`,
    );
  return { source, takenAt, outputs };
}

/** Of every host that the configuration names. @throws when one of them cannot be told. */
export async function readHostFacts(context: Context): Promise<HostFacts[]> {
  const { facts, withinDays } = partOf(context.config, 'host');
  return Promise.all(
    facts.map(async (source) => {
      const name = typeof source === 'string' ? source : source.join(' ');
      const text = typeof source === 'string' ? await context.tree.read(source) : await run(context, source);
      return parseHostFacts(name, text, withinDays, new Date());
    }),
  );
}

async function run({ exec }: Context, [program = '', ...args]: readonly string[]): Promise<string> {
  const result = await exec(program, args, { timeoutMs: commandWithinMs });
  if (result.code !== 0 || result.timedOut)
    throw new Error(`${program} ended with ${result.code}: ${lastLines(result)}`);
  return result.stdout;
}

/** @throws when the host could not tell: what is not known is neither good nor bad. */
export function said({ source, outputs }: HostFacts, name: Output): string {
  const text = outputs[name];
  if (text === undefined || text === null)
    throw new Error(`${source} does not tell ${name}: run tools/host-facts.sh there as root`);
  return text;
}

/** A number that a host tells alone. @throws when it is none. */
export function numberOf(facts: HostFacts, name: Output): number {
  const text = said(facts, name).trim();
  if (!/^\d+$/.test(text)) throw new Error(`${facts.source} tells no number of ${name}`);
  return Number(text);
}

/** `MemTotal:  16384 kB` → bytes. */
export function bytesOf(facts: HostFacts, field: string): number {
  const [, kib] = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(said(facts, 'meminfo')) ?? [];
  if (kib === undefined) throw new Error(`${facts.source} does not tell ${field}`);
  return Number(kib) * 1024;
}

/** `name value` or `name=value`, one a line; a name that comes again has all its values. */
export function settingsOf(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^([\w.-]+)[ =]\s*(.*)$/.exec(line.trim()) ?? [];
    if (name !== '') settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

const blockDevices = z.object({
  blockdevices: z.array(
    z.object({
      name: z.string(),
      kname: z.string(),
      pkname: z.string().nullable(),
      type: z.string(),
      // Older versions of lsblk print '0' and '1'.
      rota: z.union([z.boolean(), z.enum(['0', '1']).transform((text) => text === '1')]),
    }),
  ),
});

/** Where a directory is stored: the disks below its file system, or memory. */
export interface Place {
  device: string;
  /** Names of the disks; none for a file system in memory. */
  disks: string[];
  spins: boolean;
  /** From 0 to 1. */
  freeShare: number;
}

/** @throws for a device that is no disk of this host: what is below it cannot be seen. */
export function placeOf(facts: HostFacts, directory: 'database' | 'application' | 'logs' | 'temporary'): Place {
  const [, line = ''] = said(facts, directory).split('\n');
  const [device = '', size, , available] = line.trim().split(/\s+/);
  const freeShare = Number(available) / Number(size);
  if (Number.isNaN(freeShare)) throw new Error(`${facts.source}: df of ${directory} cannot be read`);
  if (device === 'tmpfs') return { device, disks: [], spins: false, freeShare };
  const all = blockDevices.parse(JSON.parse(said(facts, 'disks'))).blockdevices;
  const disks = disksBelow(all, device.replace(/^\/dev\/(mapper\/)?/, ''));
  if (disks.length === 0) throw new Error(`${facts.source}: what is below ${device} (${directory}) cannot be seen`);
  return { device, disks: disks.map(({ kname }) => kname), spins: disks.some(({ rota }) => rota), freeShare };
}

type Device = z.output<typeof blockDevices>['blockdevices'][number];
const deepest = 8;

/** Down through volumes and partitions: a device on several disks is listed once for each. */
function disksBelow(all: readonly Device[], name: string, depth = 0): Device[] {
  const found = all.filter((each) => each.name === name || each.kname === name);
  const below = found.flatMap((each) => {
    if (each.pkname === null || depth === deepest) return each.type === 'disk' ? [each] : [];
    return disksBelow(all, each.pkname, depth + 1);
  });
  return [...new Map(below.map((each) => [each.kname, each])).values()];
}
