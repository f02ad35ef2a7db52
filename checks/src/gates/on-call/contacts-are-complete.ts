import { defineGate, type Finding } from '../../engine/gate.ts';
import { readContacts, recoveryRoles } from './support/contacts-file.ts';
import { withPeople } from './support/people-made-up.ts';

interface Facts {
  file: string;
  names: string[];
  recovery: { role: string; who: string; deputy: string; duties: string[] }[];
}

/** A duty is a sentence: one word is a title. */
const shortestDuty = 12;

const good: Facts = {
  ...{ file: 'contacts.yaml', names: ['Ada', 'Grace'] },
  recovery: recoveryRoles.map((role) => ({ role, who: 'Ada', deputy: 'Grace', duties: [`leads the ${role}`] })),
};
const each = (change: object): Facts => ({ ...good, recovery: good.recovery.map((one) => ({ ...one, ...change })) });

export default defineGate<Facts>({
  id: 'on-call/contacts-are-complete',
  severity: 'warning',
  profile: 'release',
  needs: ['config:contacts'],
  covers: ['on-call.recovery-roles'],
  unit: 'contacts and roles in a recovery',
  why: 'In a recovery two people restore the same database, and nobody tells the customers, unless it was said before who does what.',
  fix: 'Name for each role who does it, who stands in, and what it is that they do: `recovery` of the file of contacts.',
  source: 'https://sre.google/sre-book/managing-incidents/',

  async observe({ config, tree }) {
    const { file, contacts, recovery } = await readContacts(config, tree);
    const facts = { file, names: contacts.map(({ name }) => name), recovery };
    return { examined: contacts.length + recovery.length, facts };
  },

  judge: ({ file, names, recovery }) =>
    [
      ...recoveryRoles
        .filter((role) => !recovery.some((one) => one.role === role))
        .map((role) => ({ message: `nobody has the role of ${role} in a recovery` })),
      ...recovery.flatMap((one) => roleFaults(one, names)),
    ].map((finding): Finding => ({ file, ...finding })),

  samples: {
    good: [good],
    bad: [
      { ...good, recovery: good.recovery.slice(1) },
      each({ who: 'Nobody' }),
      each({ deputy: 'Nobody' }),
      each({ deputy: 'Ada' }),
      each({ duties: [] }),
      each({ duties: ['lead'] }),
    ],
  },

  prepare: (sandbox) => withPeople(sandbox),
  sabotage: (sandbox) => withPeople(sandbox, (contacts) => contacts.recovery.pop()),
});

function roleFaults({ role, who, deputy, duties }: Facts['recovery'][number], names: readonly string[]): Finding[] {
  const unknown = [who, deputy].filter((name) => !names.includes(name));
  return [
    ...unknown.map((name) => ({ message: `${name}, of the ${role}, is none of the contacts` })),
    ...(who === deputy ? [{ message: `the ${role} stands in for themselves` }] : []),
    ...(duties.some((duty) => duty.length >= shortestDuty) ? [] : [{ message: `nothing says what the ${role} does` }]),
  ];
}
