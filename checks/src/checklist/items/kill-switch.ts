import { drill, gate, type Item, planned } from '../item.ts';

/** The switch that stops trading. */
export const killSwitch: readonly Item[] = [
  {
    id: 'kill-switch.redis',
    severity: 'blocker',
    answer: gate('kill-switch/redis-engages-it'),
    asks: ['S1:13 Kill switch activation/deactivation via Redis', 'S1:160 redis-cli DEL kill_switch:global'],
  },
  {
    id: 'kill-switch.stops-new-orders',
    severity: 'blocker',
    answer: gate('kill-switch/stops-new-orders'),
    asks: ['S1:144 # Activate kill switch (stops all new orders)'],
  },
  {
    id: 'kill-switch.stops-strategies',
    severity: 'blocker',
    answer: planned('kill-switch/stops-strategies'),
    asks: ['S1:147 # Verify all strategies stopped'],
  },
  {
    id: 'kill-switch.linearizable',
    severity: 'blocker',
    answer: drill('drills/kill-switch-linearizable'),
    asks: [],
  },
  {
    id: 'kill-switch.redis-forgets',
    severity: 'blocker',
    answer: gate('kill-switch/redis-engages-it'),
    asks: [],
  },
];
