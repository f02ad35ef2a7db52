/** A dependency that is not pinned, or whose pin nothing checks. */
export interface Loose {
  file: string;
  line: number;
  /** The package, module, action or image. */
  name: string;
  /** What is wrong, as the rest of a sentence that begins with the name. */
  wrong: string;
  fix: string;
}

/** What one kind of file showed: how many dependencies it declares, and which of them are loose. */
export interface Pins {
  examined: number;
  loose: Loose[];
}

export function joined(all: readonly Pins[]): Pins {
  return {
    examined: all.reduce((sum, { examined }) => sum + examined, 0),
    loose: all.flatMap(({ loose }) => loose),
  };
}

/** The line, counted from 1, of the first occurrence at or after an offset; 1 where there is none. */
export function lineOf(text: string, piece: string, from = 0): number {
  const at = text.indexOf(piece, from);
  return at === -1 ? 1 : text.slice(0, at).split('\n').length;
}
