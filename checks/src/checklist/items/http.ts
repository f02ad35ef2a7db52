import { gate, type Item, notApplicable } from '../item.ts';
import { NO_COOKIES } from '../reasons.ts';

/** What the service says over HTTP. */
export const http: readonly Item[] = [
  {
    id: 'http.health',
    severity: 'blocker',
    answer: gate('http/health-answers'),
    asks: ['S1:10 Health check endpoints functional', 'S4:68 **Health check endpoints implemented**'],
  },
  {
    id: 'http.pagination',
    severity: 'warning',
    answer: gate('http/lists-are-paged'),
    asks: ['S1:59 **S2: Repository Pagination**'],
  },
  {
    id: 'http.hsts',
    severity: 'blocker',
    answer: gate('http/security-headers-are-set'),
    asks: ['S2:87 HTTP Strict Transport Security (HSTS) headers enabled'],
  },
  {
    id: 'http.input-validated',
    severity: 'blocker',
    answer: gate('http/hostile-input-is-refused'),
    asks: ['S2:106 Input validation implemented for all user inputs', 'S4:180 **All user inputs validated**'],
  },
  {
    id: 'http.sql-injection',
    severity: 'blocker',
    answer: gate('http/hostile-input-is-refused'),
    asks: ['S2:107 SQL injection protection enabled'],
  },
  {
    id: 'http.xss',
    severity: 'warning',
    answer: gate('http/security-headers-are-set'),
    asks: ['S2:108 Cross-site scripting (XSS) protection implemented'],
  },
  {
    id: 'http.csrf',
    severity: 'advisory',
    answer: notApplicable(NO_COOKIES),
    asks: ['S2:109 Cross-site request forgery (CSRF) protection enabled'],
  },
  {
    id: 'http.errors-say-nothing',
    severity: 'blocker',
    answer: gate('http/errors-say-nothing-inside'),
    asks: ['S2:111 Error messages do not reveal sensitive information'],
  },
  {
    id: 'http.cache-headers',
    severity: 'warning',
    answer: gate('http/answers-are-not-stored'),
    asks: ['S2:160 Cache headers properly configured'],
  },
  {
    id: 'http.keep-alive',
    severity: 'warning',
    answer: gate('http/connections-outlast-the-proxy'),
    asks: ['S2:166 Keep-alive connections configured'],
  },
  {
    id: 'http.health.automated',
    severity: 'warning',
    answer: gate('deploy/probes-are-declared'),
    asks: ['S2:211 System health checks automated'],
  },
  {
    id: 'http.health.failover',
    severity: 'blocker',
    answer: gate('deploy/probes-are-declared'),
    partly: ['http/health-answers'],
    asks: ['S2:350 Health checks configured for automatic failover'],
  },
  {
    id: 'http.security-headers',
    severity: 'blocker',
    answer: gate('http/security-headers-are-set'),
    asks: ['S3:61 Set security headers (HSTS, CSP, X-Frame-Options)'],
  },
  {
    id: 'http.health.deployed',
    severity: 'blocker',
    answer: gate('deploy/probes-are-declared'),
    asks: ['S4:73 **Health checks configured in deployment**'],
  },
  {
    id: 'http.cors',
    severity: 'blocker',
    answer: gate('http/cors-reflects-no-stranger'),
    asks: ['S4:148 **CORS configured correctly**'],
  },
  {
    id: 'http.json-validated',
    severity: 'blocker',
    answer: gate('http/hostile-input-is-refused'),
    asks: ['S4:185 **JSONB inputs sanitized**'],
  },
];
