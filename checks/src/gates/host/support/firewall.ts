import { z } from 'zod';

/** One rule, as far as a gate wants to know it. */
export interface Rule {
  verdict: 'accept' | 'refuse' | 'log' | 'other';
  /** Ports that it is about; null: it is about any. */
  ports: number[] | null;
  /** It is about some senders or receivers only. */
  someAddresses: boolean;
  /** It is about what stays on the host. */
  loopback: boolean;
  /** Of connections: `established`, `new`. Empty: of any. */
  states: string[];
  /** What it asks for; nothing is everything. */
  about: 'everything' | 'something' | 'small talk';
}

/** What meets packets that come in, or that go out: in their order, with the chains that they are sent through. */
export interface Chain {
  policy: 'accept' | 'refuse';
  rules: Rule[];
}

export interface Firewall {
  tool: 'nft' | 'iptables';
  input: Chain;
  output: Chain;
}

const deepest = 12;

/**
 * Reads `nft -j list ruleset` or `iptables-save` (for IPv6 `ip6tables-save`); where nft has a chain for what comes in, that is
 * what decides. A chain of the family `inet` meets both.
 * @throws when neither has one: then nothing is known.
 */
export function readFirewall(
  nft: string | null | undefined,
  iptables: string | null | undefined,
  other: 'ip' | 'ip6' = 'ip6',
): Firewall {
  const byNft = nft ? fromNft(nft, other) : undefined;
  if (byNft) return byNft;
  if (iptables) return fromIptables(iptables);
  throw new Error('neither nft nor iptables tells of a firewall: run tools/host-facts.sh as root');
}

function fromIptables(text: string): Firewall {
  const [, table] = /^\*filter\n([\s\S]*?)^COMMIT/m.exec(text) ?? [];
  if (table === undefined) throw new Error('iptables-save has no table filter');
  const written = table.split('\n').filter((line) => line.startsWith('-A '));
  const chains = new Map([...table.matchAll(/^:(\S+) (\S+)/gm)].map(([, name = '', policy = '']) => [name, policy]));
  const rulesOf = (name: string, depth: number): Rule[] =>
    written
      .filter((line) => line.split(' ')[1] === name)
      .flatMap((line) => {
        const [, target = ''] = / -[jg] (\S+)/.exec(line) ?? [];
        return chains.has(target) && depth < deepest ? rulesOf(target, depth + 1) : [fromLine(line, target)];
      });
  const chain = (name: string): Chain => ({
    policy: chains.get(name) === 'ACCEPT' ? 'accept' : 'refuse',
    rules: rulesOf(name, 0),
  });
  return { tool: 'iptables', input: chain('INPUT'), output: chain('OUTPUT') };
}

const verdicts: Readonly<Record<string, Rule['verdict']>> = {
  ...{ ACCEPT: 'accept', DROP: 'refuse', REJECT: 'refuse', LOG: 'log', NFLOG: 'log' },
};

function fromLine(line: string, target: string): Rule {
  const [, listed] = /--d(?:ports?|estination-ports?) (\S+)/.exec(line) ?? [];
  const [, states = ''] = /--(?:ctstate|state) (\S+)/.exec(line) ?? [];
  const matches = line.replace(/^-A \S+ ?/, '').replace(/-[jg] .*$/, '');
  return {
    verdict: verdicts[target] ?? 'other',
    ports: listed === undefined ? null : allOf(listed.split(',').map(portsOf)),
    someAddresses: / -[sd] (?!0\.0\.0\.0\/0|::\/0)\S/.test(line) || /--match-set/.test(line),
    loopback: / -[io] lo\b/.test(line),
    states: states.toLowerCase().split(',').filter(Boolean),
    about: matches.trim() === '' ? 'everything' : / -p (icmp|ipv6-icmp|igmp)/.test(line) ? 'small talk' : 'something',
  };
}

/** A rule about more ports than this is about any. */
const longestRange = 100;

/** `8000:8010` or one port. Null: as good as any. */
function portsOf(text: string): number[] | null {
  const [from = 0, to = from] = text.split(/[:-]/).map(Number);
  return to - from > longestRange ? null : Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

function allOf(ranges: readonly (number[] | null)[]): number[] | null {
  return ranges.some((range) => range === null) ? null : ranges.flatMap((range) => range ?? []);
}

/** `{"set":[443,{"range":[8000,8010]}]}`, a range of its own, or one port. A set that has a name is not looked up: it may hold any. */
function portsOfNft(right: unknown): number[] | null {
  if (typeof right === 'string') return null;
  const text = JSON.stringify(right);
  const ranges = [...text.matchAll(/"range":\[(\d+),(\d+)\]/g)].map(([, from, to]) => `${from}-${to}`);
  const alone = [...text.replaceAll(/"range":\[\d+,\d+\]/g, '').matchAll(/\d+/g)].map(([port]) => port);
  return allOf([...ranges, ...alone].map(portsOf));
}

const place = { family: z.string(), table: z.string() };
const ruleset = z.object({
  nftables: z.array(
    z.looseObject({
      chain: z
        .looseObject({ ...place, name: z.string(), hook: z.string().optional(), policy: z.string().optional() })
        .optional(),
      rule: z
        .looseObject({ ...place, chain: z.string(), expr: z.array(z.record(z.string(), z.unknown())).default([]) })
        .optional(),
    }),
  ),
});
const jump = z.looseObject({ target: z.string() });
const portMatch = z.looseObject({
  match: z.looseObject({
    op: z.string(),
    left: z.looseObject({ payload: z.looseObject({ field: z.literal('dport') }) }),
    right: z.unknown(),
  }),
});

/** Without the chains that are of the `other` family alone. */
function fromNft(text: string, other: 'ip' | 'ip6'): Firewall | undefined {
  const { nftables } = ruleset.parse(JSON.parse(text));
  const chains = nftables.flatMap(({ chain }) => (chain ? [chain] : []));
  const rules = nftables.flatMap(({ rule }) => (rule ? [rule] : []));
  const rulesOf = (family: string, table: string, name: string, depth: number): Rule[] =>
    rules
      .filter((rule) => rule.family === family && rule.table === table && rule.chain === name)
      .flatMap(({ expr }) => {
        const to = expr.flatMap((each) => [each.jump, each.goto]).find((each) => each !== undefined);
        if (to === undefined || depth === deepest) return fromExpressions(expr);
        return rulesOf(family, table, jump.parse(to).target, depth + 1);
      });
  const chainOf = (hook: string): Chain | undefined => {
    const met = chains.filter((chain) => chain.hook === hook && chain.family !== other);
    if (met.length === 0) return undefined;
    // Every chain of the hook has to let a packet through.
    const policy = met.some((chain) => chain.policy === 'drop') ? 'refuse' : 'accept';
    return { policy, rules: met.flatMap(({ family, table, name }) => rulesOf(family, table, name, 0)) };
  };
  const input = chainOf('input');
  return input && { tool: 'nft', input, output: chainOf('output') ?? { policy: 'accept', rules: [] } };
}

/** One rule of nft may log and decide at once. */
function fromExpressions(expressions: readonly Record<string, unknown>[]): Rule[] {
  const text = JSON.stringify(expressions);
  const has = (name: string) => expressions.some((each) => name in each);
  const [ports] = expressions.flatMap((each) => portMatch.safeParse(each).data?.match ?? []);
  const [, states = ''] = /"ct":\{"key":"state"\}\},"right":(\{"set":\[.*?\]\}|\[.*?\]|"\w+")/.exec(text) ?? [];
  const isSmallTalk = /"(icmp|icmpv6|ipv6-icmp|igmp)"/.test(text);
  const rule = {
    ports: ports === undefined || ports.op === '!=' ? null : portsOfNft(ports.right),
    someAddresses: /"field":"[sd]addr"/.test(text),
    loopback: /"key":"[io]if(?:name)?"\}\},"right":"lo"/.test(text),
    states: [...states.matchAll(/"(established|related|new|invalid|untracked)"/g)].map(([, state = '']) => state),
    about: isSmallTalk ? ('small talk' as const) : has('match') ? ('something' as const) : ('everything' as const),
  };
  const verdict = has('accept') ? 'accept' : has('drop') || has('reject') ? 'refuse' : 'other';
  return [...(has('log') ? [{ ...rule, verdict: 'log' as const }] : []), { ...rule, verdict }];
}

/** What it lets in, lets out, follows and writes down; each fault in a few words. */
export function firewallFaults({ input, output }: Firewall, allowed: readonly number[]): string[] {
  const open = strangersMayReach(input);
  const unwanted = open.ports.filter((port) => !allowed.includes(port));
  const followed = [input, output].every(({ rules }) => rules.some(isFollowed));
  return [
    ...(isClosed(input) ? [] : ['what no rule is about may come in']),
    ...(open.anyPort ? ['a rule lets strangers in on every port'] : []),
    ...(unwanted.length > 0 ? [`anybody may reach port ${unwanted.join(', ')}`] : []),
    ...(isClosed(output) && !strangersMayReach(output).anyPort ? [] : ['whatever is sent may go out']),
    ...(followed ? [] : ['it does not follow the state of connections']),
    ...(isLogged(input) ? [] : ['what is refused on its way in is not logged']),
    ...(isLogged(output) ? [] : ['what is refused on its way out is not logged']),
  ];
}

function isClosed({ policy, rules }: Chain): boolean {
  return policy === 'refuse' || rules.some(refusesAll);
}

function refusesAll({ verdict, about }: Rule): boolean {
  return verdict === 'refuse' && about === 'everything';
}

function isFollowed({ verdict, states }: Rule): boolean {
  return verdict === 'accept' && states.includes('established') && !states.includes('new');
}

function isLogged({ rules }: Chain): boolean {
  return rules.some(({ verdict }) => verdict === 'log');
}

/** What a rule accepts of new connections, whoever they are from or lead to, before anything refuses all. */
function strangersMayReach({ rules }: Chain): { ports: number[]; anyPort: boolean } {
  const last = rules.findIndex(refusesAll);
  const accepting = (last === -1 ? rules : rules.slice(0, last)).filter(
    (rule) =>
      rule.verdict === 'accept' &&
      !rule.someAddresses &&
      !rule.loopback &&
      rule.about !== 'small talk' &&
      (rule.states.length === 0 || rule.states.includes('new')),
  );
  const ports = [...new Set(accepting.flatMap((rule) => rule.ports ?? []))].sort((one, other) => one - other);
  return { ports, anyPort: accepting.some((rule) => rule.ports === null) };
}
