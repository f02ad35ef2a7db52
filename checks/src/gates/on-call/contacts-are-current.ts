import { stringify } from 'yaml';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { madeUp, readContacts, wantedRoles } from './support/contacts-file.ts';

interface Shift {
  who: string;
  from: string;
  until: string;
}

interface Facts {
  file: string;
  now: string;
  reviewed: string;
  reviewedWithinDays: number;
  /** How many ways there are to reach each, and not which: reports are read by others. */
  contacts: { role: string; name: string; ways: number; placeholder: boolean }[];
  rota: Shift[];
  escalation: { severity: number; withinMinutes: number; to: string[] }[];
}

/** Minutes until somebody else is asked, at most, by severity. The fourth waits for business hours: a day. */
const longestMinutes: Readonly<Record<number, number>> = { 1: 0, 2: 30, 3: 120, 4: 1440 };
/** Who is the technical team: the first severity goes to each of them at once. */
const technicalRoles = wantedRoles.slice(0, 5);
const rotaDays = 14;
const dayMs = 86_400_000;
/** What stands in a form before somebody has filled it in. */
const placeholder = /^\[|\bexample\.(?:com|org|net)\b|\.example\b|\bto ?do\b|\btbd\b|555-?01\d\d/i;

const good: Facts = {
  ...{ file: 'contacts.yaml', now: '2026-06-15T12:00:00Z', reviewed: '2026-06-01', reviewedWithinDays: 30 },
  contacts: wantedRoles.map((role) => ({ role, name: `a ${role}`, ways: 2, placeholder: false })),
  rota: [
    { who: 'a broker', from: '2026-06-22T00:00:00Z', until: '2026-06-30T00:00:00Z' },
    { who: 'a database-vendor', from: '2026-06-15T00:00:00Z', until: '2026-06-22T00:00:00Z' },
  ],
  escalation: [1, 2, 3, 4].map((severity) => ({
    ...{ severity, to: severity === 1 ? technicalRoles.map((role) => `a ${role}`) : ['a broker'] },
    withinMinutes: longestMinutes[severity] ?? 0,
  })),
};

export default defineGate<Facts>({
  id: 'on-call/contacts-are-current',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:contacts'],
  covers: [
    'on-call.contacts-current',
    ...['system', 'database', 'network', 'security', 'developer'].map((name) => `on-call.contacts.${name}`),
    ...['cloud', 'database-vendor', 'security-vendor', 'broker', 'registrar'].map((name) => `on-call.contacts.${name}`),
    ...['on-call.escalation', 'on-call.rota'],
    ...[1, 2, 3, 4].map((severity) => `on-call.escalation.severity-${severity}`),
  ],
  unit: 'contacts',
  why: 'A list of contacts is read for the first time in an outage: that is too late to learn that half of it has moved on.',
  fix: 'Fill in the file, call each number once, and then date it: `reviewed: YYYY-MM-DD`.',
  source: 'https://sre.google/sre-book/being-on-call/',

  async observe({ config, tree }) {
    const { reviewedWithinDays } = partOf(config, 'contacts');
    const { recovery: _, ...read } = await readContacts(config, tree);
    const reduced = read.contacts.map(({ role, name, reach }) => ({
      ...{ role, name, ways: reach.length },
      placeholder: [name, ...reach].some((each) => placeholder.test(each)),
    }));
    const facts = { ...read, contacts: reduced, reviewedWithinDays, now: new Date().toISOString() };
    return { examined: reduced.length, facts };
  },

  judge: (facts) =>
    [...reviewFaults(facts), ...contactFaults(facts), ...rotaFaults(facts), ...escalationFaults(facts)].map(
      (finding) => ({ file: facts.file, ...finding }),
    ),

  samples: {
    good: [good],
    bad: [
      { ...good, reviewed: '2026-05-15' },
      { ...good, reviewed: '2026-06-16' },
      { ...good, contacts: good.contacts.slice(1) },
      { ...good, contacts: good.contacts.map((each) => ({ ...each, ways: 0 })) },
      { ...good, contacts: good.contacts.map((each) => ({ ...each, placeholder: true })) },
      { ...good, rota: good.rota.slice(1) },
      { ...good, rota: good.rota.slice(0, 1) },
      { ...good, rota: [{ who: 'nobody known', from: '2026-06-01T00:00:00Z', until: '2026-08-01T00:00:00Z' }] },
      { ...good, escalation: good.escalation.slice(1) },
      { ...good, escalation: good.escalation.map((each) => ({ ...each, withinMinutes: each.withinMinutes + 1 })) },
      { ...good, escalation: good.escalation.map((each) => ({ ...each, to: [] })) },
      { ...good, escalation: good.escalation.map((each) => ({ ...each, to: ['a broker'] })) },
    ],
  },

  /** People who are made up, in the copy alone: a repository that names none has nothing to be proven on. */
  async prepare(sandbox) {
    if (sandbox.config.contacts) return undefined;
    const file = 'preflight.contacts.yaml';
    await sandbox.scratch.write(file, stringify(madeUp()));
    sandbox.config.contacts = { file, reviewedWithinDays: 30 };
    return async () => {
      delete sandbox.config.contacts;
    };
  },

  async sabotage(sandbox) {
    const { file } = partOf(sandbox.config, 'contacts');
    const text = await sandbox.scratch.read(file);
    await sandbox.scratch.write(file, text.replace(/^reviewed:.*$/m, 'reviewed: 2000-01-01'));
    return undefined;
  },
});

function reviewFaults({ reviewed, reviewedWithinDays, now }: Facts): Finding[] {
  const age = (Date.parse(now) - Date.parse(reviewed)) / dayMs;
  if (age < 0) return [{ message: `reviewed on ${reviewed}, which is still to come` }];
  if (age <= reviewedWithinDays) return [];
  return [{ message: `reviewed on ${reviewed}: more than ${reviewedWithinDays} days ago`, identity: 'review' }];
}

function contactFaults({ contacts: given }: Facts): Finding[] {
  const missing = wantedRoles.filter((role) => !given.some((each) => each.role === role));
  return [
    ...missing.map((role) => ({ message: `nobody is named as ${role}` })),
    ...given.filter(({ ways }) => ways === 0).map(({ role }) => ({ message: `there is no way to reach the ${role}` })),
    ...given.filter((each) => each.placeholder).map(({ role }) => ({ message: `the ${role} is a placeholder` })),
  ];
}

/** Somebody who is known has to be on call from now on for {@link rotaDays} days. */
function rotaFaults({ rota, contacts: given, now }: Facts): Finding[] {
  const end = Date.parse(now) + rotaDays * dayMs;
  let covered = Date.parse(now);
  for (const { from, until } of rota.toSorted((one, other) => Date.parse(one.from) - Date.parse(other.from)))
    if (Date.parse(from) <= covered) covered = Math.max(covered, Date.parse(until));
  const gap = `nobody is on call at ${new Date(covered).toISOString()}, within the next ${rotaDays} days`;
  const unknown = rota.filter(({ who }) => !given.some(({ name }) => name === who));
  return [
    ...(covered < end ? [{ message: gap, identity: 'rota' }] : []),
    ...unknown.map(({ who }) => ({ message: `${who} is on call, and is none of the contacts` })),
  ];
}

function escalationFaults({ escalation, contacts: given }: Facts): Finding[] {
  const first = escalation.find(({ severity }) => severity === 1)?.to ?? [];
  const named = (role: string) =>
    first.includes(role) || given.some((each) => each.role === role && first.includes(each.name));
  const left = first.length > 0 ? technicalRoles.filter((role) => !named(role)) : [];
  const faults = Object.entries(longestMinutes).flatMap(([severity, minutes]) => {
    const level = escalation.find((each) => String(each.severity) === severity);
    if (!level) return [{ message: `severity ${severity} has no escalation` }];
    if (level.to.length === 0) return [{ message: `severity ${severity} escalates to nobody` }];
    if (level.withinMinutes <= minutes) return [];
    return [
      { message: `severity ${severity} escalates after ${level.withinMinutes} minutes: ${minutes} are the most` },
    ];
  });
  return [
    ...faults,
    ...left.map((role) => ({
      message: `severity 1 does not go to the ${role}: all of the technical team is asked at once`,
    })),
  ];
}
