/** When failed attempts lock an address out. The thresholds are numbers of failures within `seconds`. */
export interface LockoutPolicy {
  /** Of one key prefix from one address: that pair is locked. */
  readonly failuresPerKey: number;
  /** Of any credential from one address: the address is locked. */
  readonly failuresPerAddress: number;
  /** How long failures count, and how long a lockout lasts. */
  readonly seconds: number;
}
