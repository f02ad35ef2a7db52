import { gate, type Item, signOff } from '../item.ts';

/** What is written while the service runs, and how long it is kept. */
export const logs: readonly Item[] = [
  {
    id: 'logs.aggregated',
    severity: 'warning',
    answer: gate('logs/are-collected'),
    asks: [
      'S0:60 Configure log aggregation (if using external service)',
      'S2:246 Centralized logging system configured (ELK, Splunk, etc.)',
    ],
  },
  {
    id: 'logs.analysed',
    severity: 'warning',
    answer: gate('logs/are-collected', 'alerts/rules-fire'),
    asks: ['S2:198 Application logs aggregated and analyzed', 'S2:249 Security logs collected and analyzed'],
  },
  {
    id: 'logs.aggregated.whole',
    severity: 'warning',
    answer: gate('logs/are-collected', 'logs/arrive-from-the-target', 'logs/are-kept-long-enough'),
    asks: ['S4:90 **Log aggregation configured**'],
  },
  {
    id: 'logs.retention',
    severity: 'warning',
    answer: gate('logs/are-kept-long-enough'),
    asks: [
      'S0:65 Create log retention policy (minimum 30 days recommended)',
      'S2:253 Log retention policies defined (minimum 90 days)',
      'S4:92 Retention: 30 days minimum',
      'S4:318 Logs: Retained for 30 days',
    ],
  },
  {
    id: 'logs.structured',
    severity: 'warning',
    answer: gate('logs/are-structured', 'code/no-console'),
    asks: [
      'S1:67 **S5: Structured Logging**',
      'S2:175 Logging performance optimized (structured logging)',
      'S4:85 **Structured logging implemented**',
    ],
  },
  {
    id: 'logs.rotated',
    severity: 'warning',
    answer: gate('logs/are-kept-long-enough'),
    asks: ['S2:137 Log rotation and retention policies configured'],
  },
  {
    id: 'logs.security-events',
    severity: 'warning',
    answer: gate('logs/security-events-are-logged'),
    asks: ['S2:201 Security event logging and monitoring'],
  },
  {
    id: 'logs.application-forwarded',
    severity: 'warning',
    answer: gate('logs/are-collected'),
    asks: ['S2:247 Application logs collected and forwarded'],
  },
  {
    id: 'logs.system-forwarded',
    severity: 'warning',
    answer: signOff('devops', 90, "A query of the central system that shows the host's own log lines of today."),
    asks: ['S2:248 System logs collected and centralized'],
  },
  {
    id: 'logs.database-forwarded',
    severity: 'advisory',
    answer: gate('logs/are-collected'),
    asks: ['S2:250 Database logs collected for audit purposes'],
  },
  {
    id: 'logs.archived',
    severity: 'advisory',
    answer: gate('logs/are-kept-long-enough'),
    asks: ['S2:254 Log compression and archiving configured'],
  },
  {
    id: 'logs.searchable',
    severity: 'warning',
    answer: gate('logs/arrive-from-the-target'),
    asks: ['S2:256 Log search and query capabilities enabled'],
  },
  {
    id: 'logs.compliance-retention',
    severity: 'warning',
    answer: signOff('compliance', 365, 'The retention that the regulation asks for, and the setting that keeps it.'),
    asks: ['S2:257 Compliance log retention implemented'],
  },
  {
    id: 'logs.collected-on-target',
    severity: 'warning',
    answer: gate('logs/arrive-from-the-target'),
    asks: ['S2:405 Log collection verified'],
  },
  {
    id: 'logs.no-secrets',
    severity: 'blocker',
    answer: gate('logs/no-secret-is-logged'),
    asks: ['S4:340 No PII logged in plaintext'],
  },
];
