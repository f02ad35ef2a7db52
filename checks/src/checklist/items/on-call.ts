import { gate, type Item, signOff } from '../item.ts';

/** Whom to call, and how it goes on from there. */
export const onCall: readonly Item[] = [
  {
    id: 'on-call.escalation',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: [
      'S0:120 Set up escalation procedures for critical failures',
      'S2:50 Support escalation procedures defined',
      'S2:225 Alert escalation procedures defined',
      'S3:214 Define escalation paths',
    ],
  },
  {
    id: 'on-call.acknowledgement',
    severity: 'warning',
    answer: signOff('operations', 90, 'An alert that was acknowledged within its time, with both times.'),
    asks: ['S2:227 Alert acknowledgment workflow established'],
  },
  {
    id: 'on-call.recovery-roles',
    severity: 'warning',
    answer: gate('on-call/contacts-are-complete'),
    asks: ['S2:329 Recovery team roles and responsibilities defined'],
  },
  {
    id: 'on-call.contacts-current',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:358 Emergency contact information current'],
  },
  {
    id: 'on-call.contacts.system',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:492 System Administrator: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.database',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:493 Database Administrator: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.network',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:494 Network Administrator: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.security',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:495 Security Officer: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.developer',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:496 Application Developer: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.cloud',
    severity: 'warning',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:499 Cloud Provider Support: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.database-vendor',
    severity: 'warning',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:500 Database Vendor Support: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.security-vendor',
    severity: 'warning',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:501 Security Vendor Support: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.broker',
    severity: 'warning',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:502 Broker API Support: [Contact Information]'],
  },
  {
    id: 'on-call.contacts.registrar',
    severity: 'warning',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:503 Domain Registrar Support: [Contact Information]'],
  },
  {
    id: 'on-call.escalation.severity-1',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:506 Severity 1 (Critical): Immediate escalation to all technical team'],
  },
  {
    id: 'on-call.escalation.severity-2',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:507 Severity 2 (High): Escalation within 30 minutes'],
  },
  {
    id: 'on-call.escalation.severity-3',
    severity: 'warning',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:508 Severity 3 (Medium): Escalation within 2 hours'],
  },
  {
    id: 'on-call.escalation.severity-4',
    severity: 'advisory',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S2:509 Severity 4 (Low): Standard business hour response'],
  },
  {
    id: 'on-call.rota',
    severity: 'blocker',
    answer: gate('on-call/contacts-are-current'),
    asks: ['S3:216 Define on-call rotation', 'S4:372 On-call rotation scheduled'],
  },
  {
    id: 'on-call.guide',
    severity: 'blocker',
    answer: gate('on-call/escalation-is-complete'),
    asks: ['S4:306 **On-call guide**'],
  },
];
