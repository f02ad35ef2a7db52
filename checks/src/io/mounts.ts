import { readFileSync } from 'node:fs';
import { execOrThrow } from './exec.ts';

const unmountTimeoutMs = 10_000;

/** CAP_SYS_ADMIN, without which nobody mounts anything. https://man7.org/linux/man-pages/man7/capabilities.7.html */
const systemAdministration = 21n;

/** Whether this process may mount a file system: root may, unless a container has taken the right away. */
export function mayMount(): boolean {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> systemAdministration) & 1n) === 1n;
}

/** From the table of mounts at once; a process that is just ending there keeps the file system itself until it is gone. */
export async function unmount(directory: string): Promise<void> {
  await execOrThrow('umount', ['--lazy', directory], { timeoutMs: unmountTimeoutMs });
}

/** Unmounts all that is mounted below a directory, the innermost first. */
export async function unmountBelow(directory: string): Promise<void> {
  for (const path of mountedBelow(directory)) await unmount(path);
}

/** Mount points below a directory, the latest first. https://man7.org/linux/man-pages/man5/proc_pid_mounts.5.html */
export function mountedBelow(directory: string): string[] {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replace(/\\([0-7]{3})/g, (_, octal) => unescaped(octal)));
  return points.filter((path) => path.startsWith(`${directory}/`)).reverse();
}

function unescaped(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8));
}
