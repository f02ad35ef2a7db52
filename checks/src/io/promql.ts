import { parser } from '@prometheus-io/lezer-promql';

/** A selector of an expression: which series it reads. */
export interface Selector {
  metric: string;
  /** Labels that it matches. */
  labels: string[];
}

export interface Expression {
  selectors: Selector[];
  /** Where it is no PromQL: the character, counted from 1. Null: it is. */
  faultAt: number | null;
}

/** Variables that Grafana fills in with a length of time. */
const lengths = /\$\{?__(?:rate_interval|interval|range)\}?/g;

/** Reads an expression by the grammar that Prometheus's own page uses. */
export function readPromql(text: string): Expression {
  const filled = text.replace(lengths, '5m');
  const selectors: Selector[] = [];
  let faultAt: number | null = null;
  let current: Selector = { metric: '', labels: [] };
  let label = '';
  parser.parse(filled).iterate({
    enter: ({ name, type, from, to }) => {
      const words = filled.slice(from, to);
      if (type.isError) faultAt ??= from + 1;
      if (name === 'VectorSelector') {
        current = { metric: '', labels: [] };
        selectors.push(current);
      }
      if (name === 'GroupingLabels') return false;
      if (name === 'Identifier') current.metric = words;
      if (name === 'LabelName') {
        label = words;
        if (label !== '__name__') current.labels.push(label);
      }
      if (name === 'StringLiteral' && label === '__name__') current.metric = words.slice(1, -1);
      return true;
    },
  });
  return { selectors, faultAt: filled.trim() === '' ? 1 : faultAt };
}
