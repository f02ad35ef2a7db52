import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import type { Notification } from '../../sandbox/alertmanager.ts';
import { waitsOf } from './support/alertmanager-config.ts';
import { fileOf, type PostOffice, withPostOffice } from './support/post-office.ts';

interface Channel {
  labels: Record<string, string>;
  by: string[];
  withinSeconds: number;
}

interface Arrival {
  receiver: string;
  way: string;
  status: string;
}

interface Facts {
  file: string;
  /** Each with what came of an alert that has its labels. */
  channels: (Channel & { arrivals: Arrival[] })[];
  /** How long each receiver waits before it tells of something new, in seconds. */
  waits: Record<string, number>;
  /** Items of this gate that no promised channel answers. */
  unpromised: string[];
}

const channel: Channel = { labels: { severity: 'critical' }, by: ['pagerduty', 'email'], withinSeconds: 10 };
const arrivals: Arrival[] = ['firing', 'resolved'].flatMap((status) =>
  channel.by.map((way) => ({ receiver: 'on-call', way, status })),
);
const good: Facts = {
  file: 'alertmanager.yml',
  channels: [{ ...channel, arrivals }],
  waits: { 'on-call': 10 },
  unpromised: [],
};
const arriving = (some: Arrival[]): Facts => ({ ...good, channels: [{ ...channel, arrivals: some }] });

const items = [
  'alerts.api-failures',
  'alerts.critical-at-once',
  'alerts.warnings',
  'alerts.channels.email',
  'alerts.channels.sms',
  'alerts.channels.chat',
  'alerts.channels.pager',
  'alerts.channels.webhook',
  'alerts.channels',
  'alerts.channels.summary',
];

export default defineGate<Facts>({
  id: 'alerts/reach-their-channel',
  severity: 'blocker',
  profile: 'commit',
  needs: ['config:alerts', 'prometheus-alertmanager'],
  files: ({ alerts }) => (alerts ? [alerts.alertmanager] : []),
  covers: items,
  unit: 'alerts',
  why: 'An alert that fires and is routed to nobody is worse than none: everybody believes that somebody was told.',
  fix: 'Mend the routes or the receivers; `amtool config routes test --config.file FILE LABEL=VALUE` shows who is told.',
  source: 'https://prometheus.io/docs/alerting/latest/configuration/#route',

  async observe(context) {
    const promised = partOf(context.config, 'alerts').channels;
    const file = fileOf(context.config);
    return withPostOffice(context, async (office) => {
      const channels = await tryOut(office, promised);
      const unpromised = items.filter((item) => !promised.some((each) => each.items.includes(item)));
      return { examined: channels.length, facts: { file, channels, waits: waitsOf(office.config), unpromised } };
    });
  },

  judge: ({ file, channels, waits, unpromised }) => [
    ...channels.flatMap((each) => channelFaults(each, waits)).map((finding) => ({ file, ...finding })),
    ...unpromised.map((item) => ({
      message: `no promised channel answers ${item}`,
      identity: item,
      fix: `Name in alerts.channels by which ways it arrives: { …, items: ['${item}'] }.`,
    })),
  ],

  samples: {
    good: [good],
    bad: [
      arriving([]),
      arriving(arrivals.filter(({ way }) => way !== 'email')),
      arriving(arrivals.filter(({ status }) => status === 'firing')),
      { ...good, waits: { 'on-call': 11 } },
      { ...good, unpromised: ['alerts.channels.sms'] },
    ],
  },

  /** All routes lead to one receiver, and it has no way. */
  async sabotage({ scratch, config }) {
    const nobody = { route: { receiver: 'nobody' }, receivers: [{ name: 'nobody' }] };
    await scratch.write(fileOf(config), JSON.stringify(nobody));
    return undefined;
  },
});

/** One alert for each channel, all at once; then, when what can come has come, the word that they are over. */
async function tryOut({ inbox, post, until }: PostOffice, promised: readonly Channel[]): Promise<Facts['channels']> {
  const probes = promised.map((each, index) => ({
    ...each,
    alert: { alertname: `PreflightProbe${index}`, instance: 'preflight', ...each.labels },
  }));
  const came = (status: string) =>
    probes.every(({ alert, by }) =>
      by.every((way) =>
        arrivalsOf(inbox.received, alert.alertname).some((each) => each.way === way && each.status === status),
      ),
    );
  const all = probes.map(({ alert }) => alert);
  await post(all);
  await until(() => came('firing'));
  await post(all, 'over');
  await until(() => came('resolved'));
  return probes.map(({ alert, ...each }) => ({ ...each, arrivals: arrivalsOf(inbox.received, alert.alertname) }));
}

function arrivalsOf(received: readonly Notification[], alertname: string): Arrival[] {
  return received
    .filter(({ alerts }) => alerts.some(({ labels }) => labels.alertname === alertname))
    .map(({ path, status }) => {
      const [receiver = '', way = ''] = path.slice(1).split('/');
      return { receiver: decodeURIComponent(receiver), way, status };
    });
}

function channelFaults(
  { labels, by, withinSeconds, arrivals: came }: Facts['channels'][number],
  waits: Facts['waits'],
): Finding[] {
  const named = Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ');
  return by.flatMap((way): Finding[] => {
    const [told, over] = ['firing', 'resolved'].map((status) =>
      came.filter((each) => each.way === way && each.status === status),
    );
    const quickest = Math.min(...(told ?? []).map(({ receiver }) => waits[receiver] ?? 0));
    if (!told?.length)
      return [
        {
          message: `an alert with ${named} does not arrive by ${way}`,
          fix: `Lead a route with ${named} to a receiver with ${way}_configs.`,
        },
      ];
    if (!over?.length)
      return [
        { message: `that an alert with ${named} is over is not told by ${way}`, fix: 'Set send_resolved: true there.' },
      ];
    if (quickest > withinSeconds)
      return [
        {
          message: `an alert with ${named} waits ${quickest} s before it goes out by ${way}: ${withinSeconds} s were promised`,
          ...{ identity: `${named} ${way} waits`, fix: `Set group_wait: ${withinSeconds}s on its route.` },
        },
      ];
    return [];
  });
}
