/** Who may answer what no program can: the roles of the five documents. */
export const roles = [
  'engineering',
  'devops',
  'operations',
  'security',
  'risk',
  'compliance',
  'product',
  'business',
  'support',
] as const;
export type Role = (typeof roles)[number];
