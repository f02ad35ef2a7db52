/** Keys of the target, by what they may do. */
export interface Credentials {
  /** May make the configured write; each belongs to another account. */
  writers: string[];
  /** May throw the kill switch, and change limits. */
  operator: string;
  /** May make the configured write for an account of its own, whose limits are as they come: gates change them. */
  limited?: { key: string; account: string };
  /** A key of each role of `roles`, by its name. */
  roles?: Record<string, string>;
}
