/** One line of the table of drills: what was done, how it is known that it struck, what was promised, what was seen. */
export interface StrikeRow {
  fault: string;
  proof: string;
  bound: string;
  observed: string;
}
