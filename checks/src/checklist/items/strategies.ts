import { type Item, notApplicable } from '../item.ts';
import { NO_ECONOMIC_DATA, NO_STRATEGIES } from '../reasons.ts';

/** Indicators, signals and the data that they need. */
export const strategies: readonly Item[] = [
  {
    id: 'strategies.economic-data.key',
    severity: 'advisory',
    answer: notApplicable(NO_ECONOMIC_DATA),
    asks: ['S3:277 Get free API key from https://fred.stlouisfed.org/'],
  },
  {
    id: 'strategies.economic-data.provider',
    severity: 'advisory',
    answer: notApplicable(NO_ECONOMIC_DATA),
    asks: ['S3:278 Implement `FredDataProvider : IEconomicDataProvider`'],
  },
  {
    id: 'strategies.economic-data.indicators',
    severity: 'advisory',
    answer: notApplicable(NO_ECONOMIC_DATA),
    asks: ['S3:279 Add 816,000+ economic indicators'],
  },
  {
    id: 'strategies.economic-data.dashboard',
    severity: 'advisory',
    answer: notApplicable(NO_ECONOMIC_DATA),
    asks: ['S3:280 Create economic indicators dashboard'],
  },
  {
    id: 'strategies.economic-data.used',
    severity: 'advisory',
    answer: notApplicable(NO_ECONOMIC_DATA),
    asks: ['S3:284 Integrate with trading strategies'],
  },
  {
    id: 'strategies.economic-data.refreshed',
    severity: 'advisory',
    answer: notApplicable(NO_ECONOMIC_DATA),
    asks: ['S3:285 Set up daily data refresh'],
  },
  {
    id: 'strategies.macd.indicator',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:296 Implement MACD indicator'],
  },
  {
    id: 'strategies.macd.crossings',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:297 MACD line crosses signal line detection'],
  },
  {
    id: 'strategies.macd.divergence',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:298 Histogram divergence detection'],
  },
  {
    id: 'strategies.macd.backtest',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:299 Backtest with historical data'],
  },
  {
    id: 'strategies.macd.sharpe',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:300 Validate Sharpe ratio >1.5'],
  },
  {
    id: 'strategies.macd.tests',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:301 Add unit tests'],
  },
  {
    id: 'strategies.macd.documented',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:302 Document strategy parameters'],
  },
  {
    id: 'strategies.bollinger.indicator',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:312 Implement Bollinger Bands indicator'],
  },
  {
    id: 'strategies.bollinger.breakout',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:313 Band squeeze breakout detection'],
  },
  {
    id: 'strategies.bollinger.reversion',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:314 Mean reversion from outer bands'],
  },
  {
    id: 'strategies.bollinger.backtest',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:315 Backtest with historical data'],
  },
  {
    id: 'strategies.bollinger.drawdown',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:316 Validate max drawdown <20%'],
  },
  {
    id: 'strategies.bollinger.tests',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:317 Add unit tests'],
  },
  {
    id: 'strategies.bollinger.documented',
    severity: 'advisory',
    answer: notApplicable(NO_STRATEGIES),
    asks: ['S3:318 Document strategy parameters'],
  },
];
