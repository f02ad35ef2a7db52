import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import type { Notification } from '../../sandbox/alertmanager.ts';
import { type Route, readAlertmanager } from './support/alertmanager-config.ts';
import { fileOf, type PostOffice, withPostOffice } from './support/post-office.ts';

type Labels = Record<string, string>;

interface Facts {
  file: string;
  /** For each channel: how many alerts of one name were sent, how many notifications came of them by its first way, and how many of them came again after the same alerts had been sent again. */
  storms: { labels: Labels; sent: number; told: number; alerts: number; again: number }[];
  /** Whether the second one came while nothing else fired, and whether it came while the first one did. */
  inhibited: { by: Labels; silenced: Labels; aloneTold: boolean; besideTold: boolean }[];
}

/** As many replicas as might fail together. */
const stormSize = 20;
/** A group that has just been told of is told of once more when something joins it while that was under way. */
const mostNotifications = 2;

const storm = { labels: { severity: 'warning' }, sent: stormSize, told: 1, alerts: stormSize, again: 0 };
const pair = { by: { alertname: 'HostDown' }, silenced: { alertname: 'CpuHigh' }, aloneTold: true, besideTold: false };
const good: Facts = { file: 'alertmanager.yml', storms: [storm], inhibited: [pair] };

export default defineGate<Facts>({
  id: 'alerts/are-grouped',
  severity: 'warning',
  profile: 'commit',
  needs: ['config:alerts', 'prometheus-alertmanager'],
  files: ({ alerts }) => (alerts ? [alerts.alertmanager] : []),
  covers: ['alerts.grouped'],
  unit: 'alerts',
  why: 'Who gets a hundred messages about one outage reads none of them, and misses the one that is about something else.',
  fix: 'Group by alertname, and let what follows from something worse be inhibited by it.',
  source: 'https://prometheus.io/docs/alerting/latest/alertmanager/#grouping',

  async observe(context) {
    const { channels, inhibited } = partOf(context.config, 'alerts');
    return withPostOffice(context, async (office) => {
      const storms = await Promise.all(channels.map((each, index) => raiseStorm(office, each.labels, index)));
      const pairs = await tryInhibited(office, inhibited);
      const facts = { file: fileOf(context.config), storms, inhibited: pairs };
      return { examined: channels.length * stormSize + pairs.length * 2, facts };
    });
  },

  judge: ({ file, storms, inhibited }) =>
    [...storms.flatMap(stormFaults), ...inhibited.flatMap(inhibitionFaults)].map((finding) => ({ file, ...finding })),

  samples: {
    good: [good],
    bad: [
      { ...good, storms: [{ ...storm, told: stormSize }] },
      { ...good, storms: [{ ...storm, alerts: 1 }] },
      { ...good, storms: [{ ...storm, again: 1 }] },
      { ...good, inhibited: [{ ...pair, besideTold: true }] },
      { ...good, inhibited: [{ ...pair, aloneTold: false }] },
    ],
  },

  /** Every alert is a group of its own. */
  async sabotage({ scratch, config }) {
    const file = fileOf(config);
    const { route, ...rest } = readAlertmanager(await scratch.read(file));
    const ungrouped = ({ routes, ...own }: Route): Route => ({
      ...own,
      group_by: ['...'],
      ...(routes && { routes: routes.map(ungrouped) }),
    });
    await scratch.write(file, JSON.stringify({ ...rest, route: ungrouped(route) }));
    return undefined;
  },
});

async function raiseStorm(office: PostOffice, labels: Labels, index: number): Promise<Facts['storms'][number]> {
  const prefix = `storm-${index}-`;
  const alerts = Array.from({ length: stormSize }, (_, replica) => ({
    alertname: `PreflightStorm${index}`,
    ...labels,
    instance: prefix + replica,
  }));
  const own = () =>
    toOneWay(
      office.inbox.received.filter((each) => each.alerts.some(({ labels: of }) => of.instance?.startsWith(prefix))),
    );
  await office.post(alerts);
  await office.until(() => alertsIn(own()) >= stormSize);
  const told = own().length;
  // The same again, as Prometheus does every minute; what is told after it comes with the same flush of the group, or later.
  await office.post(alerts);
  await flushed(office, prefix, labels);
  return { labels, sent: stormSize, told, alerts: alertsIn(own()), again: own().length - told };
}

/** First the second one alone: that it comes then shows that it is the first one that keeps it back. */
async function tryInhibited(
  office: PostOffice,
  pairs: readonly { by: Labels; silenced: Labels }[],
): Promise<Facts['inhibited']> {
  const tried: Facts['inhibited'] = [];
  for (const [index, { by, silenced }] of pairs.entries()) {
    const [alone, beside] = [`alone-${index}`, `beside-${index}`];
    const came = (instance: string) => office.inbox.received.some((each) => isAbout(each, { ...silenced, instance }));
    await office.post([{ ...silenced, instance: alone }]);
    const aloneTold = await office.until(() => came(alone));
    await office.post([{ ...silenced, instance: alone }], 'over');
    await office.post([{ ...by, instance: beside }]);
    await office.until(() => office.inbox.received.some((each) => isAbout(each, { ...by, instance: beside })));
    await office.post([{ ...silenced, instance: beside }]);
    await flushed(office, `beside-${index}`, silenced);
    tried.push({ by, silenced, aloneTold, besideTold: came(beside) });
    await office.post([{ ...by, instance: beside }], 'over');
  }
  return tried;
}

/** Waits until every group had its turn twice: a marker comes, and then another one that joined its group. */
async function flushed(office: PostOffice, name: string, labels: Labels): Promise<void> {
  for (const turn of ['first', 'second', 'third']) {
    const marker = { ...labels, alertname: `PreflightMarker-${name}`, instance: turn };
    await office.post([marker]);
    await office.until(() => office.inbox.received.some((each) => isAbout(each, marker)));
  }
}

function isAbout({ alerts }: Notification, wanted: Labels): boolean {
  return alerts.some(({ labels }) => Object.entries(wanted).every(([name, value]) => labels[name] === value));
}

/** One receiver may have several ways, and one alert several receivers: those of the first path alone are counted. */
function toOneWay(received: readonly Notification[]): Notification[] {
  return received.filter(({ path }) => path === received[0]?.path);
}

function alertsIn(received: readonly Notification[]): number {
  return new Set(received.flatMap(({ alerts }) => alerts.map(({ labels }) => labels.instance))).size;
}

const named = (labels: Labels) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ');

function stormFaults({ labels, sent, told, alerts, again }: Facts['storms'][number]): Finding[] {
  const of = `${sent} alerts of one name with ${named(labels)}`;
  if (alerts < sent) return [{ message: `of ${of} only ${alerts} were told`, identity: `${named(labels)} lost` }];
  if (told > mostNotifications)
    return [{ message: `${of} came as ${told} notifications`, identity: `${named(labels)} not grouped` }];
  if (again > 0)
    return [
      {
        ...{
          message: `${of} were told again ${again} times though nothing was new`,
          identity: `${named(labels)} again`,
        },
        fix: 'Set repeat_interval to half an hour or more.',
      },
    ];
  return [];
}

function inhibitionFaults({ by, silenced, aloneTold, besideTold }: Facts['inhibited'][number]): Finding[] {
  if (!aloneTold) return [{ message: `an alert with ${named(silenced)} is never told, not even alone` }];
  if (!besideTold) return [];
  return [
    {
      message: `an alert with ${named(silenced)} is told while one with ${named(by)} fires`,
      fix: `Add an inhibit_rule with source_matchers of ${named(by)} and target_matchers of ${named(silenced)}.`,
    },
  ];
}
