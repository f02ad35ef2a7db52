import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Config } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { compileCache } from '../../io/compile-cache.ts';
import { type ExecResult, lastLines } from '../../io/exec.ts';
import { fillPlaceholders } from '../../sandbox/service.ts';
import { isSecretName } from './secret-names.ts';

/** What an environment has wrong. `good`: nothing. `empty`: everything is missing. `all`: every variable at once. */
type Fault = 'good' | 'empty' | 'all' | 'missing' | 'refused';

/** One run of the service's own judgement of its environment. */
interface CaseFacts {
  fault: Fault;
  /** The variables that are wrong in it. */
  variables: string[];
  /** What is wrong, for the reader; never a secret's value. */
  description: string;
  exitCode: number;
  /** Variables that its stderr names: those of the configuration, and whatever else looks like one. */
  named: string[];
  /** Variables whose secret value it printed. */
  echoed: string[];
}

interface Facts {
  required: string[];
  cases: CaseFacts[];
}

export default defineGate<Facts>({
  id: 'config/missing-variables-are-refused',
  severity: 'blocker',
  profile: 'commit',
  needs: [],
  covers: ['config.variables.validated', 'config.api-key.strength', 'secrets.no-defaults'],
  unit: 'cases',
  why: 'A service that starts with a missing or impossible variable runs on a default key, or fails at the first request instead of at the deployment.',
  fix: 'Check the whole environment before anything else starts: collect every fault, print one line per variable on stderr without its value, and exit non-zero.',
  source: 'https://12factor.net/config',
  timeoutMs: 60_000,

  async observe(context) {
    const { variables } = context.config.service;
    const cases = casesOf(context.config.service);
    const facts = await runAll(cases, context);
    const required = Object.keys(variables).filter((name) => variables[name]?.required);
    return { examined: facts.length, facts: { required, cases: facts } };
  },

  judge: (facts) => facts.cases.flatMap((seen) => judgeCase(seen, facts.required)),

  samples: {
    good: [
      sample(
        { fault: 'good' },
        { fault: 'empty', variables: ['API_KEY'], exitCode: 78, named: ['API_KEY'] },
        { fault: 'missing', variables: ['API_KEY'], exitCode: 78, named: ['API_KEY'] },
      ),
    ],
    bad: [
      sample({ fault: 'good', exitCode: 78, named: ['API_KEY'] }),
      sample({ fault: 'missing', variables: ['API_KEY'], exitCode: 0 }),
      sample({ fault: 'missing', variables: ['API_KEY'], exitCode: 78 }),
      sample({ fault: 'refused', variables: ['PORT'], exitCode: 0, description: 'PORT="-1"' }),
      sample({ fault: 'refused', variables: ['API_KEY'], exitCode: 78, named: ['API_KEY'], echoed: ['API_KEY'] }),
      sample({ fault: 'all', variables: ['API_KEY', 'PORT'], exitCode: 78, named: ['API_KEY'] }),
      sample({ fault: 'empty', variables: ['API_KEY'], exitCode: 78, named: [] }),
      sample({ fault: 'empty', variables: ['API_KEY'], exitCode: 78, named: ['API_KEY', 'OTHER_TOKEN'] }),
      sample({ fault: 'empty', variables: ['API_KEY'], exitCode: 0 }),
    ],
  },

  // A default for a required variable: the service's own judgement never sees that it is missing.
  async sabotage({ config: { service } }) {
    const [name] = Object.keys(service.variables).filter((variable) => service.variables[variable]?.required);
    if (name === undefined) throw new Error('preflight.config.ts requires no variable');
    const { [name]: value = '' } = goodEnvironment(service);
    const real = service.checkConfig;
    service.checkConfig = ['sh', '-c', `export ${name}="\${${name}:-$0}"; exec "$@"`, value, ...real];
    return async () => {
      service.checkConfig = real;
    };
  },
});

/** An environment, and what of it may not be seen in what the service prints. */
interface Case extends Pick<CaseFacts, 'fault' | 'variables' | 'description'> {
  environment: Record<string, string>;
}

type Service = Config['service'];

/** The most processes that one run of the gate may start. */
const casesLimit = 500;

function casesOf(service: Service): Case[] {
  const good = goodEnvironment(service);
  const all = Object.entries(service.variables);
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
  const required = all.filter(([, { required }]) => required).map(([name]) => name);
  const cases: Case[] = [
    { fault: 'good', variables: [], description: 'nothing is wrong', environment: good },
    { fault: 'empty', variables: required, description: 'nothing is set', environment: {} },
    ...allAtOnce(service, good),
    ...required.map((name): Case => {
      return { fault: 'missing', variables: [name], description: `without ${name}`, environment: without(name) };
    }),
    ...all.flatMap(([name, { refused }]) =>
      refused.map((value, index): Case => {
        const description = isSecret(service, name)
          ? `${name} with its refused value ${index + 1} (${value.length} characters)`
          : `${name}=${JSON.stringify(value)}`;
        return { fault: 'refused', variables: [name], description, environment: { ...good, [name]: value } };
      }),
    ),
  ];
  if (cases.length > casesLimit)
    throw new Error(`service.variables make ${cases.length} cases; ${casesLimit} is the most`);
  return cases;
}

/** Every variable wrong in one run: by the last of its refused values, or by its absence. */
function allAtOnce(service: Service, good: Record<string, string>): Case[] {
  const environment = { ...good };
  const wrong: string[] = [];
  for (const [name, { required, refused }] of Object.entries(service.variables)) {
    const value = refused.at(-1);
    if (value !== undefined) environment[name] = value;
    else if (required) delete environment[name];
    else continue;
    wrong.push(name);
  }
  if (wrong.length < 2) return [];
  return [{ fault: 'all', variables: wrong, description: `${wrong.length} variables wrong at once`, environment }];
}

/** The sandbox's environment with values that are right and lead nowhere: nothing connects while an environment is judged. */
function goodEnvironment(service: Service): Record<string, string> {
  return fillPlaceholders(service.environment, {
    databaseUrl: `postgres://preflight:${randomSecret()}@127.0.0.1:5432/preflight`,
    redisUrl: `redis://preflight:${randomSecret()}@127.0.0.1:6379`,
    port: '3000',
    metricsPort: '9464',
    secret: randomSecret(),
    nextSecret: randomSecret(),
  });
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** By its name, or because the sandbox fills it with a secret or with a URL that may hold a password. */
function isSecret(service: Service, name: string): boolean {
  return isSecretName(name) || /\{(secret|nextSecret|databaseUrl|redisUrl)\}/.test(service.environment[name] ?? '');
}

/** Each is a process that starts and ends: two cores have something to do, and more of them would only wait for one another. */
const concurrency = Math.min(4, Math.max(2, availableParallelism()));

async function runAll(cases: readonly Case[], context: Context): Promise<CaseFacts[]> {
  const facts: CaseFacts[] = [];
  const queue = cases.entries();
  const worker = async () => {
    for (const [index, one] of queue) facts[index] = await runCase(one, context);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return facts;
}

const caseTimeoutMs = 20_000;

/** @throws when the command does not end, or fails in a good environment for a reason that no variable explains. */
async function runCase(one: Case, { config: { service }, tree, tools, exec }: Context): Promise<CaseFacts> {
  const { fault, variables, description, environment } = one;
  const [program = '', ...args] = service.checkConfig;
  const env = { PATH: tools.environment.PATH, TZ: 'UTC', ...compileCache(tree.root), ...environment };
  const result = await exec(program, args, { env, timeoutMs: caseTimeoutMs });
  if (result.timedOut) throw new Error(`${service.checkConfig.join(' ')} did not end within ${caseTimeoutMs / 1000} s`);
  const described = Object.keys(service.variables);
  const named = variablesNamed(result.stderr, described);
  const secrets = Object.entries(environment).filter(([name]) => isSecret(service, name));
  if (fault === 'good' && result.code !== 0 && named.length === 0) {
    throw new Error(`the check of the configuration does not work: ${withoutSecrets(result, secrets)}`);
  }
  const output = result.stdout + result.stderr;
  const echoed = secrets.filter(([, value]) => isPrinted(value, output)).map(([name]) => name);
  return { fault, variables, description, exitCode: result.code, named, echoed };
}

function withoutSecrets(result: ExecResult, secrets: readonly [string, string][]): string {
  const said = `exit code ${result.code}: ${lastLines(result)}`;
  return secrets.reduce((text, [, value]) => (value === '' ? text : text.replaceAll(value, '[secret]')), said);
}

/** Node's and the operating system's own error codes look like variables. */
const errorCode = /^(ERR|EX|UV|SQLITE)_|^(MODULE_NOT_FOUND|ERROR|WARN|WARNING|INFO|DEBUG|FATAL)$/;

/**
 * The described variables that a text names as whole words, and words that can hardly be anything but a variable's name:
 * in capitals with an underscore, or in capitals before a colon at a line's beginning.
 */
export function variablesNamed(text: string, described: readonly string[]): string[] {
  const words = new Set(text.match(/[A-Za-z_][A-Za-z0-9_]*/g));
  const likely = [...text.matchAll(/\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b|^\W*([A-Z][A-Z0-9]{2,}):/gm)]
    .map(([, long, short]) => long ?? short ?? '')
    .filter((name) => !errorCode.test(name));
  return [...new Set([...described.filter((name) => words.has(name)), ...likely])].sort();
}

/** As many characters of a secret as nobody prints by chance. */
const tellingLength = 12;

/**
 * Whether a text shows a secret value, or the beginning of it. A short value, or one of words, may stand in an honest message
 * (`is too short`): it counts where it is quoted or assigned. Of a URL the password counts too.
 */
export function isPrinted(value: string, text: string): boolean {
  if (value === '') return false;
  const password = URL.parse(value)?.password ?? '';
  if (password !== '' && text.includes(password)) return true;
  if (value.length >= tellingLength && !/\s/.test(value)) return text.includes(value.slice(0, tellingLength));
  return ['"', "'", '`'].some((quote) => text.includes(quote + value + quote)) || text.includes(`=${value}`);
}

function judgeCase(seen: CaseFacts, required: readonly string[]): Finding[] {
  return [
    ...judgeRefusal(seen),
    ...(seen.fault === 'empty' ? judgeDescription(seen, required) : []),
    ...judgeEchoes(seen),
  ];
}

function judgeRefusal({ fault, variables, description, exitCode, named }: CaseFacts): Finding[] {
  if (fault === 'good') {
    const message = `a good environment is refused, naming ${named.join(', ')} (exit code ${exitCode})`;
    const fix = 'Mend service.environment of preflight.config.ts, or the judgement of those variables in the service.';
    return exitCode === 0 ? [] : [{ message, identity: 'good', fix }];
  }
  if (exitCode === 0) {
    const fix = `Refuse to start${variables.length === 1 ? `: give ${variables[0]} no default that hides the fault` : ''}, print what is wrong on stderr, and exit non-zero.`;
    return [{ message: `it starts although something is wrong: ${description}`, identity: description, fix }];
  }
  // What is missing from an empty environment is compared in both directions, below.
  const silent = fault === 'empty' ? [] : variables.filter((name) => !named.includes(name));
  return silent.map((name) => ({
    message: `${name} is not named on stderr: ${description}`,
    identity: `${name} unnamed: ${description}`,
    fix: `Collect every fault before reporting any, and print a line that begins with ${name}: and says what would be right.`,
  }));
}

function judgeDescription({ exitCode, named }: CaseFacts, required: readonly string[]): Finding[] {
  if (exitCode === 0) return [];
  const notMissed = required.filter((name) => !named.includes(name));
  const notDescribed = named.filter((name) => !required.includes(name));
  return [
    ...notMissed.map((name) => ({
      message: `${name} is required, and with nothing set the service does not miss it`,
      identity: `${name} is not missed`,
      fix: `Remove the default of ${name} in the service, or set required: false for it in preflight.config.ts.`,
    })),
    ...notDescribed.map((name) => ({
      message: `with nothing set the service names ${name}, which preflight.config.ts does not describe as required`,
      identity: `${name} is not described`,
      fix: `Add ${name}: { required: true, refused: [...] } to service.variables of preflight.config.ts.`,
    })),
  ];
}

function judgeEchoes({ description, echoed }: CaseFacts): Finding[] {
  return echoed.map((name) => ({
    message: `the value of ${name}, a secret, is printed: ${description}`,
    identity: `${name} printed`,
    fix: `Name ${name} and say what is wrong with it, without any part of its value: logs are kept and read by many.`,
  }));
}

function sample(...cases: Partial<CaseFacts>[]): Facts {
  const plain: CaseFacts = { fault: 'good', variables: [], description: 'a case', exitCode: 0, named: [], echoed: [] };
  return { required: ['API_KEY'], cases: cases.map((change) => ({ ...plain, ...change })) };
}
