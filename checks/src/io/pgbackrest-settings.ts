/** Where a repository lies, as far as one fire would take it together with another. */
export interface Place {
  key: number;
  /** `posix`, `cifs`, `s3`, `azure`, `gcs`, `sftp`. */
  type: string;
  /** The machine that holds it; null: the one where pgBackRest runs. */
  host: string | null;
  /** Whether it says how much is kept: without, nothing is ever expired. */
  hasRetention: boolean;
}

/** Types that are a place of their own, wherever pgBackRest runs. */
const remoteTypes: readonly string[] = ['s3', 'azure', 'gcs', 'sftp'];

/** What pgbackrest.conf says for a stanza: its own section over `[global]`. Sections of single commands do not matter here. */
export function parseSettings(text: string, stanza: string): Map<string, string> {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    const [, name] = /^\[(.+)\]$/.exec(line) ?? [];
    const [, option = '', value = ''] = /^([a-z0-9-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
    } else if (option !== '') section.set(option, value);
  }
  return new Map([...(sections.get('global') ?? []), ...(sections.get(stanza) ?? [])]);
}

/** Each repository that the settings name, by its number. */
export function placesOf(settings: ReadonlyMap<string, string>): Place[] {
  const keys = new Set([...settings.keys()].flatMap((option) => /^repo(\d+)-/.exec(option)?.[1] ?? []));
  return [...keys]
    .map(Number)
    .sort(byNumber)
    .map((key) => ({
      key,
      type: settings.get(`repo${key}-type`) ?? 'posix',
      host: settings.get(`repo${key}-host`) ?? settings.get(`repo${key}-sftp-host`) ?? null,
      hasRetention: settings.has(`repo${key}-retention-full`),
    }));
}

/** Whether it outlives the machine where pgBackRest runs. */
export function isElsewhere({ type, host }: Place): boolean {
  return host !== null || remoteTypes.includes(type);
}

function byNumber(one: number, other: number): number {
  return one - other;
}
