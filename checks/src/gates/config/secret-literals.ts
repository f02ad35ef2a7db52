/** A secret that is written where everybody can read it. Its value stays inside the gate: facts leave it out. */
export interface SecretLiteral {
  line: number;
  /** What the literal is given to, or what it is when nothing has a name: `a URL`. */
  name: string;
  /**
   * - `fallback`: used when the environment does not give one.
   * - `assignment`: given to something whose name says that it opens something.
   * - `url`, `sql`, `argument`: a password inside a URL, a statement, a command line.
   */
  how: 'fallback' | 'assignment' | 'url' | 'sql' | 'argument';
  value: string;
}

export interface Reading {
  literals: SecretLiteral[];
  /** Assignments to secret names that were looked at, whatever they assign. */
  assignments: number;
}
