/** One series and its value at the time of the scrape. */
export interface Sample {
  /** With the suffix of a histogram's or summary's part. */
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What a scrape says of one metric. */
export interface Family {
  name: string;
  type: string;
  help: string;
  samples: Sample[];
}

const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) ?(.*)$/;
const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const label = /\s*([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*(?:,|$)/gy;
/** What the parts of a histogram and a summary are called beside the metric's own name. */
const partNames = /_(?:bucket|sum|count)$/;

/**
 * Reads Prometheus's text format, https://prometheus.io/docs/instrumenting/exposition_formats/.
 * @throws with the line that is not of the format.
 */
export function parseExposition(text: string): Family[] {
  const families = new Map<string, Family>();
  const family = (name: string): Family => {
    const found = families.get(name) ?? { name, type: 'untyped', help: '', samples: [] };
    families.set(name, found);
    return found;
  };
  for (const [index, line] of text.split('\n').entries()) {
    const [, what, name = '', rest = ''] = comment.exec(line) ?? [];
    if (what === 'HELP') family(name).help = rest;
    else if (what === 'TYPE') family(name).type = rest;
    else if (line.trim() !== '' && !line.startsWith('#')) {
      const read = readSample(line, index + 1);
      const whole = read.name.replace(partNames, '');
      family(isPart(families.get(whole)) ? whole : read.name).samples.push(read);
    }
  }
  return [...families.values()];
}

function isPart(family: Family | undefined): boolean {
  return family?.type === 'histogram' || family?.type === 'summary';
}

function readSample(line: string, at: number): Sample {
  const [, name, labels = '', value = ''] = sample.exec(line) ?? [];
  if (name === undefined) throw new Error(`line ${at} of the scrape is no sample of the text format`);
  return { name, labels: readLabels(labels, at), value: numberOf(value, at) };
}

function readLabels(text: string, at: number): Record<string, string> {
  const read: Record<string, string> = {};
  label.lastIndex = 0;
  let end = 0;
  for (let match = label.exec(text); match !== null; match = label.exec(text)) {
    const [, name = '', value = ''] = match;
    read[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    end = label.lastIndex;
  }
  if (end !== text.length) throw new Error(`line ${at} of the scrape has labels that are not of the text format`);
  return read;
}

function numberOf(text: string, at: number): number {
  const special: Record<string, number> = { '+Inf': Infinity, Inf: Infinity, '-Inf': -Infinity, NaN: Number.NaN };
  const value = special[text] ?? Number(text);
  if (Number.isNaN(value) && text !== 'NaN') throw new Error(`line ${at} of the scrape has no number as its value`);
  return value;
}
