import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

/** What a GitHub Actions workflow says about who may run what, with the lines where it says so. */
export interface Workflow {
  file: string;
  triggers: string[];
  /** Of the token, for every job. Null: the repository's own setting decides. */
  permissions: Permissions | null;
  jobs: Job[];
  /** Why the file is no workflow; there are no jobs then. */
  broken?: { line: number; message: string };
}

/** `read-all`, `write-all`, or each permission with its level. */
export type Permissions = string | Record<string, string>;

export interface Job {
  id: string;
  line: number;
  needs: string[];
  condition: string;
  hasTimeout: boolean;
  /** It is another workflow that is called, and that one has the timeouts. */
  isCall: boolean;
  permissions: Permissions | null;
  /** It rolls something out: GitHub's own mark for that is an environment. */
  deploys: boolean;
  /** Somewhere in it, the results of the jobs before it are read. */
  readsResults: boolean;
  maySucceedByFailing: boolean;
  actions: { uses: string; line: number }[];
  /** What `actions/checkout` is told to check out, where it is told. */
  checkouts: { ref: string; line: number }[];
}

const permissions = z.union([z.string(), z.record(z.string(), z.string())]).nullish();
const step = z.looseObject({ uses: z.string().optional(), with: z.record(z.string(), z.unknown()).nullish() });
const job = z.looseObject({
  needs: z.union([z.string(), z.array(z.string())]).optional(),
  if: z.union([z.string(), z.boolean()]).optional(),
  uses: z.string().optional(),
  permissions,
  steps: z.array(step).optional(),
});
const workflow = z.looseObject({
  on: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]),
  permissions,
  jobs: z.record(z.string(), job),
});

/** Never throws: a file that is no workflow is returned as broken. */
export function parseWorkflow(file: string, text: string): Workflow {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const lineAt = (offset: number) => Math.max(counter.linePos(offset).line, 1);
  const none = { file, triggers: [], permissions: null, jobs: [] };
  const [error] = document.errors;
  if (error) return { ...none, broken: { line: lineAt(error.pos[0]), message: error.message.split('\n')[0] ?? '' } };
  const parsed = workflow.safeParse(document.toJS());
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { ...none, broken: { line: 1, message: `${issue?.path.join('.') || 'the file'}: ${issue?.message}` } };
  }
  const lineOf = (...path: (string | number)[]) => {
    const node = document.getIn(path, true) as { range?: [number, number, number] | null } | undefined;
    return lineAt(node?.range?.[0] ?? 0);
  };
  const { on, jobs } = parsed.data;
  return {
    file,
    triggers: typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on),
    permissions: parsed.data.permissions ?? null,
    jobs: Object.entries(jobs).map(([id, each]) => describeJob(id, each, (...path) => lineOf('jobs', id, ...path))),
  };
}

function describeJob(id: string, said: z.output<typeof job>, lineOf: (...path: (string | number)[]) => number): Job {
  const steps = said.steps ?? [];
  const actions = steps.flatMap(({ uses }, index) =>
    uses === undefined ? [] : [{ uses, line: lineOf('steps', index, 'uses') }],
  );
  const checkouts = steps.flatMap((each, index) => {
    const ref = each.with?.ref ?? each.with?.repository;
    const isCheckout = each.uses?.startsWith('actions/checkout@') === true;
    return isCheckout && ref !== undefined
      ? [{ ref: JSON.stringify(each.with), line: lineOf('steps', index, 'uses') }]
      : [];
  });
  const { needs = [] } = said;
  return {
    id,
    line: lineOf(),
    needs: typeof needs === 'string' ? [needs] : needs,
    condition: said.if === undefined ? '' : String(said.if),
    hasTimeout: said['timeout-minutes'] !== undefined,
    isCall: said.uses !== undefined,
    permissions: said.permissions ?? null,
    deploys: said.environment !== undefined,
    readsResults: /toJSON\(\s*needs\s*\)|needs\.[\w*-]+\.result/i.test(JSON.stringify({ steps, with: said.with })),
    maySucceedByFailing: said['continue-on-error'] !== undefined && said['continue-on-error'] !== false,
    actions: said.uses === undefined ? actions : [{ uses: said.uses, line: lineOf('uses') }, ...actions],
    checkouts,
  };
}
