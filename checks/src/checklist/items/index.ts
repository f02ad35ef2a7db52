import type { Item } from '../item.ts';
import { access } from './access.ts';
import { alerts } from './alerts.ts';
import { approval } from './approval.ts';
import { audit } from './audit.ts';
import { backups } from './backups.ts';
import { cache } from './cache.ts';
import { ci } from './ci.ts';
import { code } from './code.ts';
import { compliance } from './compliance.ts';
import { config } from './config.ts';
import { dashboards } from './dashboards.ts';
import { dataStore } from './data-store.ts';
import { db } from './db.ts';
import { deployment } from './deployment.ts';
import { documentation } from './documentation.ts';
import { edge } from './edge.ts';
import { failover } from './failover.ts';
import { frontend } from './frontend.ts';
import { governance } from './governance.ts';
import { host } from './host.ts';
import { http } from './http.ts';
import { killSwitch } from './kill-switch.ts';
import { load } from './load.ts';
import { logs } from './logs.ts';
import { maintenance } from './maintenance.ts';
import { marketData } from './market-data.ts';
import { metrics } from './metrics.ts';
import { money } from './money.ts';
import { onCall } from './on-call.ts';
import { orders } from './orders.ts';
import { risk } from './risk.ts';
import { runbooks } from './runbooks.ts';
import { schedule } from './schedule.ts';
import { secrets } from './secrets.ts';
import { security } from './security.ts';
import { slo } from './slo.ts';
import { strategies } from './strategies.ts';
import { supplyChain } from './supply-chain.ts';
import { team } from './team.ts';
import { venues } from './venues.ts';
import { workers } from './workers.ts';

/** Every item of the five documents, by area; beside them, without a place in a document, what gates hold of their own accord. */
export const allItems: readonly Item[] = [
  ...access,
  ...alerts,
  ...approval,
  ...audit,
  ...backups,
  ...cache,
  ...ci,
  ...code,
  ...compliance,
  ...config,
  ...dashboards,
  ...dataStore,
  ...db,
  ...deployment,
  ...documentation,
  ...edge,
  ...failover,
  ...frontend,
  ...governance,
  ...host,
  ...http,
  ...killSwitch,
  ...load,
  ...logs,
  ...maintenance,
  ...marketData,
  ...metrics,
  ...money,
  ...onCall,
  ...orders,
  ...risk,
  ...runbooks,
  ...schedule,
  ...secrets,
  ...security,
  ...slo,
  ...strategies,
  ...supplyChain,
  ...team,
  ...venues,
  ...workers,
];
