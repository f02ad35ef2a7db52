import { gate, type Item, signOff } from '../item.ts';

/** Keys and passwords, and where they must not be. */
export const secrets: readonly Item[] = [
  {
    id: 'secrets.no-defaults',
    severity: 'blocker',
    answer: gate('config/no-default-secrets', 'config/missing-variables-are-refused'),
    asks: ['S0:10 Remove or secure the default `dev-key-12345` from production code'],
  },
  {
    id: 'secrets.location-documented',
    severity: 'warning',
    answer: signOff('devops', 180, 'The page that says in which vault each key lies and who may read it.'),
    asks: ['S0:11 Document the API key location for team access', 'S3:20 Document secrets retrieval process'],
  },
  {
    id: 'secrets.in-environment',
    severity: 'blocker',
    answer: gate('secrets/no-secret-in-tree', 'config/no-default-secrets'),
    asks: [
      'S2:58 All API keys stored in environment variables (not in code)',
      'S4:22 **All secrets in environment variables**',
    ],
  },
  {
    id: 'secrets.no-credentials-file',
    severity: 'warning',
    answer: signOff('security', 90, 'What that grep printed of the code that is deployed: nothing.'),
    partly: ['secrets/no-secret-in-tree'],
    asks: ['S4:25 Verify: `grep -r "credentials.json"` returns 0 results in code'],
  },
  {
    id: 'secrets.vault',
    severity: 'warning',
    answer: signOff('security', 90, "The vault's list of entries (names only) with its encryption and its readers."),
    asks: [
      'S2:63 Backup API keys stored securely (encrypted vault)',
      'S3:18 Set up Azure Key Vault or AWS Secrets Manager',
      'S3:19 Migrate secrets from .env to vault',
      'S4:158 **Secrets in secure storage**',
    ],
  },
  {
    id: 'secrets.none-in-version-control',
    severity: 'blocker',
    answer: gate('secrets/no-secret-in-history', 'secrets/no-secret-in-tree'),
    asks: ['S4:154 **No secrets in code or version control**'],
  },
];
