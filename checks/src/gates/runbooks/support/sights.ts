import { drillSections, sectionOf } from '../../../io/runbook-page.ts';

/** What a page tells somebody to look for. */
export interface Sight {
  kind: 'alert' | 'metric' | 'log';
  /** Of a metric without its labels; of a log line its constant message. */
  name: string;
  line: number;
}

const begins = /^- (Alert|Metric|Log): /;
const labels = /\{.*$/;

/**
 * Every name in backquotes under the heading of what somebody sees, in items that begin with `Alert:`, `Metric:` or `Log:`. An
 * item goes on in the indented lines below it.
 */
export function sightsOf(page: string): Sight[] {
  const section = sectionOf(page, drillSections.see);
  if (section === undefined) return [];
  const firstLine = page
    .slice(0, page.indexOf(section, page.indexOf(`\n## ${drillSections.see}\n`)))
    .split('\n').length;
  let kind: Sight['kind'] | undefined;
  return section.split('\n').flatMap((line, index) => {
    const begun = begins.exec(line)?.[1];
    if (begun !== undefined) kind = begun.toLowerCase() as Sight['kind'];
    else if (!line.startsWith('  ')) kind = undefined;
    if (kind === undefined) return [];
    const ofKind = kind;
    return [...line.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({
      ...{ kind: ofKind, line: firstLine + index },
      name: ofKind === 'metric' ? name.replace(labels, '') : name,
    }));
  });
}
