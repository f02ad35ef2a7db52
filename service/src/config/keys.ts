/** Variables that open something, and the commit that is built. */
import { quoted, type Variable } from './variable.ts';

const KEY_LENGTH_MIN = 32;
const KEY_LENGTH_MAX = 256;
/** 32 random hexadecimal digits hold fewer than 8 different ones about once in 10,000 times; typed patterns almost always do. */
const KEY_DISTINCT_MIN = 8;
const WELL_KNOWN_KEY =
  /dev[-_]?key|change[-_]?(me|this|it)|replace[-_]?(me|this|with)|your[-_]?(api[-_]?|secret[-_]?)?key|example|placeholder|password|insecure|secret|0123456789abcdef/i;

export const processingKey: Variable<string> = {
  right: `set ${KEY_LENGTH_MIN} to ${KEY_LENGTH_MAX} random characters without whitespace, for example from: openssl rand -hex 32`,
  parse: (raw) => {
    if (/\s/.test(raw)) return { wrong: 'contains whitespace' };
    if (!/^[\x21-\x7e]+$/.test(raw)) return { wrong: 'contains characters other than visible ASCII' };
    if (raw.length < KEY_LENGTH_MIN) return { wrong: `is too short (${raw.length} characters)` };
    if (raw.length > KEY_LENGTH_MAX) return { wrong: `is too long (${raw.length} characters)` };
    if (WELL_KNOWN_KEY.test(raw)) return { wrong: 'contains a well-known default' };
    if (new Set(raw).size < KEY_DISTINCT_MIN) return { wrong: 'repeats too few different characters to be random' };
    return { value: raw };
  },
};

/** The key that is to follow: while a scheduler is being given the new one, both are accepted. */
export const nextProcessingKey: Variable<string | null> = {
  right: `leave it empty, or ${processingKey.right}`,
  fallback: '',
  parse: (raw) => (raw === '' ? { value: null } : processingKey.parse(raw)),
};

/** Signs what the webhook is sent. */
export const webhookSecret: Variable<string | null> = nextProcessingKey;

/** What the image was built from, for whoever asks which build runs. */
export const buildCommit: Variable<string | null> = {
  right: 'leave it empty, or set the 40 hexadecimal digits of a commit; the image brings it',
  fallback: '',
  parse: (raw) => {
    if (raw === '') return { value: null };
    return /^[0-9a-f]{40}$/.test(raw) ? { value: raw } : { wrong: `${quoted(raw)} is not a commit` };
  },
};
