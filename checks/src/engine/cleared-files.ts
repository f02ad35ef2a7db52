/** Single files in which a check has found nothing, as long as they stay as they were then. */
export interface ClearedFiles {
  /**
   * Has `look` look through the files that are not cleared. It returns those in which it found something, or into which it did
   * not look: all others are cleared from now on.
   * @param rules What the answer depends on beside the file, the check's code, its tools and the configuration.
   * @returns how many were cleared before.
   */
  lookThrough(
    files: readonly string[],
    rules: string,
    look: (uncleared: string[]) => Promise<Iterable<string>>,
  ): Promise<number>;
}

/** Where nothing is kept, every file is looked through. */
export const nothingCleared: ClearedFiles = {
  async lookThrough(files, _, look) {
    await look([...files]);
    return 0;
  },
};
