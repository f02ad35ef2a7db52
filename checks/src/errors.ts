/** The caller's mistake: a flag, a glob, a file. It ends the program with exit code 2 and names the way out. */
export class UsageError extends Error {
  readonly suggestion: string;

  constructor(message: string, suggestion: string) {
    super(message);
    this.name = 'UsageError';
    this.suggestion = suggestion;
  }
}
