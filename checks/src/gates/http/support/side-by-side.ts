/** Does the same with each, at most `concurrency` at once; the results are in the order of the list. */
export async function sideBySide<T, R>(
  all: readonly T[],
  concurrency: number,
  work: (each: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = all.entries();
  const one = async () => {
    for (const [index, each] of queue) results[index] = await work(each);
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  return results;
}
