import { gate, type Item } from '../item.ts';

/** The environment that the service starts with. */
export const config: readonly Item[] = [
  {
    id: 'config.api-key.strength',
    severity: 'blocker',
    answer: gate('config/missing-variables-are-refused'),
    asks: ['S0:8 Generate a secure, random API key (minimum 32 characters)'],
  },
  {
    id: 'config.variables.validated',
    severity: 'blocker',
    answer: gate('config/missing-variables-are-refused'),
    asks: ['S1:7 Environment variable validation on startup', 'S4:162 **Environment variables validated on startup**'],
  },
];
