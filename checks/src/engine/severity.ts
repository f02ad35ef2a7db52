/** How much a red gate weighs. `--fail-on` names the lowest severity that stops a release; its default is `blocker`. */
export const severities = ['blocker', 'warning', 'advisory'] as const;
export type Severity = (typeof severities)[number];
