export interface Config {
  readonly databaseUrl: string;
  readonly port: number;
  readonly poolMax: number;
}

/** Reads the environment. Every fault is collected, one line for each variable, without its value. */
export function readConfig(environment: NodeJS.ProcessEnv): { config: Config; faults: string[] } {
  const faults: string[] = [];
  const databaseUrl = environment.DATABASE_URL ?? '';
  if (!isPostgresUrl(databaseUrl)) faults.push('DATABASE_URL: a postgres:// address with a host is wanted');
  const whole = (name: string, fallback: number, most: number) => {
    const text = environment[name] ?? String(fallback);
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > most) faults.push(`${name}: a whole number from 1 to ${most}`);
    return value;
  };
  const config = { databaseUrl, port: whole('PORT', 3000, 65_535), poolMax: whole('POOL_MAX', 10, 100) };
  return { config, faults };
}

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.hostname !== '';
}
