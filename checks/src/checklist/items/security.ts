import { type Item, signOff } from '../item.ts';

/** What is done about attackers beside the service itself. */
export const security: readonly Item[] = [
  {
    id: 'security.audit',
    severity: 'warning',
    answer: signOff('security', 365, 'The report of the audit, with its findings closed or accepted.'),
    asks: ['S2:44 Security audit performed'],
  },
  {
    id: 'security.at-rest',
    severity: 'warning',
    answer: signOff('devops', 180, "The provider's page or dmsetup/LUKS status that shows the volumes encrypted."),
    asks: ['S2:84 Data at rest encryption enabled'],
  },
  {
    id: 'security.siem',
    severity: 'warning',
    answer: signOff('security', 90, "The system's name, its sources, and an event of this service that it shows."),
    asks: ['S2:98 Security information and event management (SIEM) system active'],
  },
  {
    id: 'security.log-analysis',
    severity: 'warning',
    answer: signOff('security', 90, 'A rule of the log analysis that fired on an event of this service.'),
    asks: ['S2:99 Log aggregation with security analysis enabled'],
  },
  {
    id: 'security.threat-detection',
    severity: 'warning',
    answer: signOff('security', 90, 'The detections that are switched on, and the last test of one.'),
    asks: ['S2:100 Automated threat detection configured'],
  },
  {
    id: 'security.scans-weekly',
    severity: 'warning',
    answer: signOff('security', 7, "The report of this week's scan."),
    asks: ['S2:102 Regular security scans scheduled (weekly)'],
  },
];
