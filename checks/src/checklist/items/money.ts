import { gate, type Item } from '../item.ts';

/** Cash, reservations, positions, profit and loss. */
export const money: readonly Item[] = [
  {
    id: 'money.conserved',
    severity: 'blocker',
    answer: gate('money/books-are-conserved'),
    partly: ['drills/backend-killed-mid-order'],
    asks: ['S0:79 Validate cash and holdings updates are correct'],
  },
  {
    id: 'money.portfolio-from-books',
    severity: 'blocker',
    answer: gate('money/portfolio-comes-from-the-books'),
    asks: ['S1:12 Portfolio balance queries database (not hardcoded)'],
  },
  {
    id: 'money.unrealised',
    severity: 'warning',
    answer: gate('money/unrealised-has-an-age'),
    asks: ['S1:63 **S4: Unrealized PnL Calculation**'],
  },
];
