import * as z from 'zod';
import { KILL_SWITCH_REASON_MAX, KILL_SWITCH_STATES, type KillSwitchState } from '../domain/kill-switch.ts';
import { type EffectiveSwitch, REDIS_PARTS } from '../kill-switch/kill-switch.ts';
import { nameOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface KillSwitchDeps {
  readonly readKillSwitch: () => Promise<EffectiveSwitch>;
  readonly setKillSwitch: (state: KillSwitchState, reason: string, by: string) => Promise<EffectiveSwitch>;
}

const PATH = '/api/v1/kill-switch';
const killSwitch = z.strictObject({
  state: z.enum(KILL_SWITCH_STATES),
  reason: z.string(),
  changedBy: z.string(),
  changedAt: z.string(),
  version: z.int(),
  redis: z.enum(REDIS_PARTS),
});
const change = z.strictObject({
  state: z.enum(KILL_SWITCH_STATES),
  reason: z.string().trim().min(1).max(KILL_SWITCH_REASON_MAX),
});

/** Reading the switch is for every key, changing it for those who answer for it. */
export function killSwitchRoutes(deps: KillSwitchDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      essential: true,
      summary: 'The kill switch as it stands, read afresh.',
      access: ['viewer', 'trader', 'operator', 'admin'],
      responses: { 200: { description: 'State, reason, and who changed it when.', schema: killSwitch } },
      handler: async () => ({ status: 200, body: await deps.readKillSwitch() }),
    }),
    route({
      method: 'PUT',
      path: PATH,
      essential: true,
      summary: 'Changes the kill switch. Once it answers, no order that it stops is still on its way.',
      access: ['operator', 'admin'],
      body: change,
      responses: { 200: { description: 'The switch as it stands now.', schema: killSwitch } },
      handler: async ({ body, principal, log }) => {
        const changed = await deps.setKillSwitch(body.state, body.reason, nameOf(principal));
        log.warn({ state: changed.state, version: changed.version, by: changed.changedBy }, 'Kill switch changed');
        return { status: 200, body: changed };
      },
    }),
  ];
}
