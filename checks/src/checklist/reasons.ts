/**
 * Why items have no object here. Each is said once, and names what stands in the place of what is asked for.
 */
export const NO_ANALYTICS =
  'Performance of strategies over time is computed where strategies live; the service gives the fills, and realised and unrealised profit and loss (money.unrealised).';
export const NO_COOKIES =
  'A browser adds nothing to a request by itself: the service reads no cookie, and its key is a header that the caller has to set.';
export const NO_ECONOMIC_DATA =
  'The service executes orders: it reads quotes of the instruments that it trades, and no economic indicators.';
export const NO_FRONTEND =
  'There is no web application: no components, no bundle, no rendering. People read the API page and the dashboards (documentation.api, dashboards.overview).';
export const NO_HISTORY =
  'There is no earlier version whose TimescaleDB records would have to be brought along. What is moved between databases here is moved by a dump that is compared row by row (backups.restore.integrity).';
export const NO_PASSWORDS =
  'Nobody logs in with a password: the service knows API keys only, 256 random bits that it makes itself (config.api-key.strength).';
export const NO_PUBLIC_ANSWERS =
  'Every answer of the API belongs to one account and to one moment: none may be kept at an edge.';
export const NO_PUSH =
  'Nothing is pushed over a socket: clients read the activity of their account with a cursor, or have it delivered by a signed webhook (orders.activity-notified).';
export const NO_QUESTDB =
  'No time-series store is run: quotes and orders lie in PostgreSQL, whose provisioning, caching and backups have items of their own (db, market-data, backups).';
export const NO_SESSIONS =
  'There is no session that could be kept or time out: each request carries its key, and a revoked or expired key is refused at once (access.keys.rotated).';
export const NO_STATIC_ASSETS =
  'The service answers an API: it has no static assets that a content delivery network could carry.';
export const NO_STRATEGIES =
  'The service executes what a strategy sends it, and stops strategies when the kill switch says so (kill-switch.stops-strategies); it computes no indicators, and tests none against history.';
export const NO_VERCEL =
  'The ways to call the processor exclude each other, and this one is not taken: nothing is deployed to Vercel. The vercel.json that is handed out is judged with the other schedules (schedule.cron.vercel).';
export const SPOT_ONLY =
  'Accounts trade with the cash that they hold: there are no futures, no leverage, no margin and no staking in the order, in the books or in the risk rules.';
