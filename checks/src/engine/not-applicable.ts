import type { Config, OptionalPart } from '../config.ts';
import { UsageError } from '../errors.ts';
import type { Check } from './gate.ts';
import type { Report } from './report.ts';
import { isUnwaivable } from './waiver-policy.ts';

interface Selected {
  checks: Check[];
  leftOut: Report['leftOut'];
}

/**
 * Sets aside what the configuration says has no object in this service. Such a check is neither passed nor waived: it is
 * listed with its reason, does not hold back the verdict, and covers no item of a checklist. Only a check about a part that
 * the configuration does not describe can be set aside, and none that governance.unwaivable names: what every service has is
 * mended, or waived for a time. A gate that is unwaivable by itself may be about a part that a service does not have.
 * @throws UsageError with all faults at once.
 */
export function setAside(selected: Selected, all: readonly Check[], config: Config): Selected {
  const named = new Set(config.notApplicable.map(({ gate }) => gate));
  const faults = [...named].flatMap((gate) => faultOf(gate, all, config));
  if (faults.length > 0) {
    throw new UsageError(
      `notApplicable has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`,
      'Only a gate about a part that preflight.config.ts does not describe can be not applicable.',
    );
  }
  const reasons = new Map(config.notApplicable.map(({ gate, reason }) => [gate, reason]));
  const checks = selected.checks.filter(({ id }) => !reasons.has(id));
  if (checks.length === 0)
    throw new UsageError('nothing is left to run', 'All that was asked for is not applicable, by preflight.config.ts.');
  const aside = selected.checks.flatMap(({ id }) => {
    const because = reasons.get(id);
    return because === undefined ? [] : [{ id, reason: 'not-applicable' as const, because }];
  });
  return { checks, leftOut: [...selected.leftOut, ...aside] };
}

function faultOf(gate: string, all: readonly Check[], config: Config): string[] {
  const check = all.find(({ id }) => id === gate);
  if (!check) return [`${gate}: no gate or drill is called that`];
  if (config.notApplicable.filter((entry) => entry.gate === gate).length > 1) return [`${gate}: it is named twice`];
  const parts = check.needs.filter((need) => need.startsWith('config:')).map((need) => need.slice('config:'.length));
  if (isUnwaivable({ id: gate }, config.governance)) return [`${gate}: governance.unwaivable names it`];
  if (parts.length === 0) return [`${gate}: every service has what it looks at`];
  const absent = parts.some((part) => config[part as OptionalPart] === undefined);
  return absent ? [] : [`${gate}: what it looks at is described, by ${parts.join(' and ')}`];
}
