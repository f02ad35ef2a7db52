/**
 * A condition on `pg_class AS relation` joined with `pg_namespace AS schema`: what the service's own migrations made. Not
 * the catalogs, nobody's temporary tables, and nothing that belongs to an extension, which makes its own tables again.
 */
export const isOfTheUser = `schema.nspname !~ '^pg_' AND schema.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend AS member WHERE member.classid = 'pg_class'::regclass
    AND member.objid = relation.oid AND member.deptype = 'e')`;

/** `FROM` of every relation of the user, to be followed by conditions that begin with AND. */
export const fromUserRelations = `
  FROM pg_class AS relation JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
 WHERE ${isOfTheUser}`;

/** The relation's name as it can be pasted into SQL. */
export const qualifiedName = "format('%I.%I', schema.nspname, relation.relname)";
