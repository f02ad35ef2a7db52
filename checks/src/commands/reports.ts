import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { closest } from 'fastest-levenshtein';
import type { Report } from '../engine/report.ts';
import { UsageError } from '../errors.ts';
import { type ReporterName, reporterNames, reporters } from '../reporters/reporter.ts';
import type { Setting } from '../reporters/setting.ts';
import { type Streams, wantsColour } from './terminal.ts';

/** Where one report goes. */
export interface Destination {
  name: ReporterName;
  /** Absent: stdout. */
  file?: string;
}

/** @throws UsageError for an unknown reporter, or two that want the same place. */
export function parseReporters(specifications: readonly string[]): Destination[] {
  const destinations = specifications.map(parseReporter);
  if (destinations.filter(({ file }) => file === undefined).length > 1) {
    throw new UsageError(
      'two reporters want stdout',
      'Give all but one a file: --reporter console --reporter json=report.json',
    );
  }
  const files = destinations.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const twice = files.find((file, index) => files.some((other, at) => at < index && resolve(other) === resolve(file)));
  if (twice !== undefined) throw new UsageError(`two reporters want ${twice}`, 'Give each a file of its own.');
  return destinations;
}

function parseReporter(specification: string): Destination {
  const [name = '', file] = specification.split(/=(.*)/s, 2);
  const known = reporterNames.find((each) => each === name);
  if (!known) {
    throw new UsageError(
      `there is no reporter ${name}`,
      `Did you mean ${closest(name, reporterNames)}? These exist: ${reporterNames.join(', ')}. NAME=FILE writes to a file.`,
    );
  }
  if (file === '') throw new UsageError(`${specification} names no file`, `${name} alone writes to stdout.`);
  return { name: known, ...(file === undefined ? {} : { file }) };
}

/**
 * Makes the directories of the files, before a long run and not after it.
 * @throws UsageError when one cannot be made.
 */
export async function makeRoom(destinations: readonly Destination[]): Promise<void> {
  for (const { file } of destinations) {
    if (file === undefined) continue;
    try {
      await mkdir(dirname(resolve(file)), { recursive: true });
    } catch (error) {
      throw new UsageError(`${file} cannot be written: ${(error as Error).message}`, 'Name another file.');
    }
  }
}

/**
 * Writes every report. One file that cannot be written does not keep the others from being written.
 * @throws with the names of those that could not.
 */
export async function deliver(
  report: Report,
  destinations: readonly Destination[],
  setting: Omit<Setting, 'colour'>,
  streams: Streams,
): Promise<void> {
  const faults: string[] = [];
  for (const { name, file } of destinations) {
    const colour = file === undefined && wantsColour(streams.stdout);
    const text = reporters[name](report, { ...setting, colour });
    if (file === undefined) streams.stdout.write(text);
    else await writeFile(file, text).catch((error: Error) => faults.push(`${name}: ${error.message}`));
  }
  if (faults.length > 0) throw new Error(`these reports could not be written: ${faults.join('; ')}`);
}
