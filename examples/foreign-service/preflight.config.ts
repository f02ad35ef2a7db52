import { defineConfig } from 'preflight';

/** All that preflight knows of this service. */
export default defineConfig({
  service: {
    start: ['node', 'src/main.ts'],
    checkConfig: ['node', 'src/main.ts', '--check-config'],
    printRoutes: ['node', 'src/main.ts', '--print-routes'],
    environment: { DATABASE_URL: '{databaseUrl}', PORT: '{port}' },
    variables: {
      DATABASE_URL: { required: true, refused: ['', 'not a url', 'mysql://127.0.0.1/todo', 'postgres://'] },
      PORT: { required: false, refused: ['-1', '0', '65536', 'http'] },
      POOL_MAX: { required: false, refused: ['0', '101', 'many'] },
    },
    liveness: '/live',
    readiness: '/ready',
    openApi: '/openapi.json',
    publicRoutes: ['GET /live', 'GET /ready', 'GET /openapi.json'],
  },
  database: {
    migrations: 'migrations/*.sql',
    bookkeeping: 'public.applied_migrations',
    migrate: ['node', 'src/migrate.ts', 'up'],
    applyNext: ['node', 'src/migrate.ts', 'up', '1'],
    revertLast: ['node', 'src/migrate.ts', 'down', '1'],
    seed: ['node', 'src/seed.ts'],
    credentials: (seedOutput) => JSON.parse(seedOutput) as { writers: string[]; operator: string },
    requiredIndexes: [
      {
        name: 'todos_account_created_idx',
        table: 'todo.todos',
        columns: ['account_id', 'created_at DESC'],
        serves: `SELECT id FROM todo.todos WHERE account_id = '00000000-0000-7000-8000-000000000000'
                  ORDER BY created_at DESC LIMIT 50`,
      },
    ],
    invariants: [
      {
        name: 'every reply has its to-do, of the same account',
        looksAt: 'SELECT count(*) FROM todo.replies',
        violations: `SELECT r.account_id, r.key FROM todo.replies r LEFT JOIN todo.todos t ON t.id = r.todo_id
                      WHERE t.account_id IS DISTINCT FROM r.account_id`,
      },
    ],
  },
  write: {
    request: { method: 'POST', path: '/todos', body: { title: 'preflight' } },
    idempotencyHeader: 'Idempotency-Key',
    acceptedStatus: 201,
    idField: 'id',
    storedIds: 'SELECT id::text FROM todo.todos',
  },
  stateMachine: {
    table: 'todo.todos',
    states: ['open', 'done', 'archived'],
    initial: ['open'],
    transitions: 'SELECT from_status, to_status FROM todo.transitions',
    begin: `INSERT INTO todo.todos (id, account_id, title, status)
            SELECT gen_random_uuid(), id, 'preflight', $1::text FROM todo.accounts LIMIT 1 RETURNING id`,
    move: 'UPDATE todo.todos SET status = $2::text WHERE id = $1::uuid',
    eventRequired: false,
  },
  killSwitch: {
    engage: { method: 'PUT', path: '/read-only', body: { on: true } },
    clear: { method: 'PUT', path: '/read-only', body: { on: false } },
    committedAt: 'SELECT pg_xact_commit_timestamp(xmin) FROM todo.read_only',
  },
  workers: { heartbeats: 'SELECT name, heartbeat_at FROM todo.workers', expected: ['reminder'] },
  code: { typeCheck: ['tsc', '--noEmit'], production: ['src/**/*.ts'] },
  smoke: {
    steps: [
      { name: 'it lives', as: 'nobody', request: { method: 'GET', path: '/live' } },
      { name: 'it is ready', as: 'nobody', request: { method: 'GET', path: '/ready' } },
      {
        name: 'nobody writes without a key',
        as: 'nobody',
        request: { method: 'POST', path: '/todos', body: { title: 'smoke' } },
        status: [401],
      },
      {
        name: 'a to-do is written',
        request: { method: 'POST', path: '/todos', body: { title: 'smoke {unique}' } },
        idempotencyKey: 'smoke-{unique}',
        status: [201],
        capture: { todo: 'id' },
      },
      {
        name: 'the same request writes no second one',
        request: { method: 'POST', path: '/todos', body: { title: 'smoke {unique}' } },
        idempotencyKey: 'smoke-{unique}',
        status: [201],
        expect: { id: '{todo}' },
      },
    ],
  },
  load: { script: 'loadtests/todos.js', environment: { BASE_URL: '{url}', KEYS_FILE: '{writerKeysFile}' } },
  runbooks: { scripts: ['runbooks/*'], dryRunArguments: { 'runbooks/read-only': ['on'] } },
  workflows: ['.github/workflows/*.yml'],
  schedule: {
    files: [{ path: 'deploy/crontab', kind: 'crontab' }],
    calls: 'send-digests',
    session: { timeZone: 'Europe/Berlin', opens: '09:00', closes: '17:30' },
    everyMinutes: 3,
    otherwiseEveryMinutes: 60,
  },
  notApplicable: [
    {
      gate: 'code/lint-is-clean',
      reason: 'Its two authors have agreed on no linter yet: the compiler is all that reads along.',
    },
    { gate: 'deploy/rollback-works', reason: 'This is its first release: there is nothing yet to go back to.' },
    { gate: 'runbooks/deployment-is-described', reason: 'A push to main rolls it out: nobody does so by hand.' },
    {
      gate: 'deploy/replicas-share-the-load',
      reason: 'The gateway in front is run by another team, with checks of its own.',
    },
    { gate: 'edge/tls-is-modern', reason: 'The gateway in front is run by another team, with checks of its own.' },
    {
      gate: 'edge/plain-http-is-redirected',
      reason: 'The gateway in front is run by another team, with checks of its own.',
    },
    {
      gate: 'edge/a-dead-replica-is-left-out',
      reason: 'The gateway in front is run by another team, with checks of its own.',
    },
    {
      gate: 'http/connections-outlast-the-proxy',
      reason: 'The gateway in front is run by another team, with checks of its own.',
    },
    {
      gate: 'backups/point-in-time-is-exact',
      reason: 'The platform team backs up the cluster that all services share.',
    },
    {
      gate: 'backups/recovery-point-is-met',
      reason: 'The platform team backs up the cluster that all services share.',
    },
    { gate: 'backups/recovery-time-is-met', reason: 'The platform team backs up the cluster that all services share.' },
    {
      gate: 'backups/service-runs-on-the-copy',
      reason: 'The platform team backs up the cluster that all services share.',
    },
    { gate: 'deploy/manifests-are-valid', reason: 'It runs on one host, under systemd: there are no manifests.' },
    { gate: 'deploy/probes-are-declared', reason: 'It runs on one host, under systemd: there are no manifests.' },
    { gate: 'deploy/roll-outs-keep-serving', reason: 'It runs on one host, under systemd: there are no manifests.' },
    { gate: 'deploy/replicas-scale', reason: 'It runs on one host, under systemd: there are no manifests.' },
    { gate: 'alerts/are-grouped', reason: 'The platform team keeps the alerts of every service of ours.' },
    { gate: 'alerts/reach-their-channel', reason: 'The platform team keeps the alerts of every service of ours.' },
    { gate: 'alerts/rules-fire', reason: 'The platform team keeps the alerts of every service of ours.' },
    { gate: 'access/lockout-holds', reason: 'The gateway in front of every service of ours locks addresses out.' },
    { gate: 'access/rate-limits-hold', reason: 'The gateway in front of every service of ours limits the rate.' },
    {
      gate: 'database/connections-are-encrypted',
      reason: 'Its database listens on the loopback of the same machine alone.',
    },
    {
      gate: 'database/pool-fits',
      reason: 'Its database server belongs to the platform team, which counts connections.',
    },
    {
      gate: 'database/timeouts-are-set',
      reason: 'Its database server knows one role per service, the owner, and sets no timeouts.',
    },
    {
      gate: 'database/constraints-refuse',
      reason: 'What its database refuses is tried by the state machine of a to-do alone.',
    },
    {
      gate: 'database/hot-queries-use-indexes',
      reason: 'A thousand to-dos per account are the most that this service keeps.',
    },
    {
      gate: 'database/slow-queries-are-known',
      reason: 'A thousand to-dos per account are the most that this service keeps.',
    },
    {
      gate: 'database/statements-per-request-are-bounded',
      reason: 'Its pages are counted by the gateway in front, statement by statement.',
    },
    {
      gate: 'database/indexes-are-used',
      reason: 'It has two indexes, and the one that serves its list is required by name.',
    },
    { gate: 'database/migrations-are-safe', reason: 'Its migrations run in a window in which nobody writes.' },
    {
      gate: 'database/a-half-dead-migration-can-be-resumed',
      reason: 'Whoever runs its migrations restores the backup that was taken just before.',
    },
    {
      gate: 'database/migrations-do-not-block-writers',
      reason: 'Its migrations run in a window in which nobody writes.',
    },
    {
      gate: 'database/applied-migrations-are-unchanged',
      reason: 'Its migration tool keeps the sums of what it has applied.',
    },
    { gate: 'database/service-role-is-limited', reason: 'Its database server knows one role per service, the owner.' },
    { gate: 'access/roles-are-enforced', reason: 'A key may write, or operate: there are no finer roles.' },
    {
      gate: 'access/key-use-is-recorded',
      reason: 'Keys are made for one program each, and replaced with each release of it.',
    },
    { gate: 'http/lists-are-paged', reason: 'The list of to-dos is bounded by its query: the latest fifty.' },
    {
      gate: 'audit/every-transition-is-recorded',
      reason: 'A to-do list is no book of record: nobody has to prove who ticked off what.',
    },
    {
      gate: 'audit/records-cannot-be-changed',
      reason: 'A to-do list is no book of record: nobody has to prove who ticked off what.',
    },
    {
      gate: 'logs/are-collected',
      reason: 'Our platform collects what every container prints, and keeps it for a year.',
    },
    {
      gate: 'logs/are-kept-long-enough',
      reason: 'Our platform collects what every container prints, and keeps it for a year.',
    },
    { gate: 'logs/are-structured', reason: 'Our platform wraps each line that a service prints into JSON itself.' },
    { gate: 'logs/security-events-are-logged', reason: 'The gateway in front of every service of ours logs refusals.' },
    {
      gate: 'dashboards/show-what-exists',
      reason: 'The platform draws the same four panels for every service of ours.',
    },
    { gate: 'drills/graceful-stop', reason: 'One process is all there is: it is stopped when nobody works.' },
    { gate: 'drills/kill-switch-linearizable', reason: 'One process is all there is: a second one is not planned.' },
    { gate: 'drills/postgres-stopped', reason: 'It promises nothing while its database is gone: people come back.' },
    { gate: 'drills/redis-lost', reason: 'This service has no Redis: its switch is one row of its database.' },
    { gate: 'drills/replica-killed', reason: 'One process is all there is: a second one is not planned.' },
    { gate: 'drills/replicas-are-rolled', reason: 'One process is all there is: a second one is not planned.' },
    {
      gate: 'drills/slow-and-broken-links',
      reason: 'It promises nothing while its database is gone: people come back.',
    },
    { gate: 'drills/clock', reason: 'Nothing of it goes by the hours of a market, and its times order nothing.' },
    { gate: 'drills/quote-provider-lost', reason: 'It asks nobody for prices, and prices nothing.' },
    {
      gate: 'drills/worker-frozen',
      reason: 'Its one worker sends reminders, without a lease, and may send one twice.',
    },
    { gate: 'drills/worker-killed', reason: 'No endpoint of this service is called by a scheduler.' },
    {
      gate: 'load/a-hundred-users-are-served',
      reason: 'Its users are a handful of programs, which the load test stands for.',
    },
    { gate: 'load/peak-is-carried', reason: 'To-dos have no busiest minute: their programs write at a steady pace.' },
    {
      gate: 'load/an-hour-at-100-per-second',
      reason: 'Nobody will ever make a hundred to-dos in a second, for an hour.',
    },
    { gate: 'load/processor-keeps-up', reason: 'No endpoint of this service is called by a scheduler.' },
    {
      gate: 'kill-switch/redis-engages-it',
      reason: 'This service has no Redis: its switch is one row of its database.',
    },
    { gate: 'market-data/breaker-opens', reason: 'Nothing here has a price: no provider is asked for any.' },
    { gate: 'market-data/fails-over', reason: 'Nothing here has a price: no provider is asked for any.' },
    { gate: 'market-data/providers-agree', reason: 'Nothing here has a price: no provider is asked for any.' },
    { gate: 'market-data/quota-is-watched', reason: 'Nothing here has a price: no provider is asked for any.' },
    { gate: 'market-data/quotes-are-cached', reason: 'Nothing here has a price: no provider is asked for any.' },
    { gate: 'metrics/are-exported', reason: 'The gateway in front of every service of ours measures what passes it.' },
    { gate: 'money/books-are-conserved', reason: 'No money is kept here: a to-do has no amount.' },
    { gate: 'money/portfolio-comes-from-the-books', reason: 'No money is kept here: a to-do has no amount.' },
    { gate: 'money/unrealised-has-an-age', reason: 'No money is kept here: a to-do has no price.' },
    { gate: 'orders/activity-is-notified', reason: 'A to-do is done by its owner, who need not be told of it.' },
    { gate: 'orders/expired-orders-are-cleaned-up', reason: 'A to-do has no end in time: it stays until it is done.' },
    { gate: 'orders/fills-match-their-quotes', reason: 'No order is executed here: a to-do has no price.' },
    { gate: 'orders/limit-orders-fill-when-met', reason: 'No order is executed here: a to-do has no price.' },
    { gate: 'risk/denials-say-why', reason: 'A to-do carries no risk that would be limited by account.' },
    {
      gate: 'risk/limits-hold-under-parallel-orders',
      reason: 'A to-do carries no risk that would be limited by account.',
    },
    { gate: 'runbooks/every-alert-has-a-page', reason: 'The platform team keeps the alerts of every service of ours.' },
    {
      gate: 'runbooks/every-drill-has-a-page',
      reason: 'The platform team keeps the alerts of every service of ours, and their pages.',
    },
    {
      gate: 'runbooks/commands-work',
      reason: 'The one script stands for itself; what it does is judged by runbooks/scripts-are-sound.',
    },
    {
      gate: 'runbooks/post-mortem-template-is-there',
      reason: 'The form of a post-mortem is the same for all teams, and is kept with the on-call guide of the company.',
    },
    { gate: 'schedule/last-cycle-is-recent', reason: 'No endpoint of this service is called by a scheduler.' },
    { gate: 'schedule/process-orders-is-not-doubled', reason: 'No endpoint of this service is called by a scheduler.' },
    { gate: 'workers/claims-are-not-doubled', reason: 'The one worker here sends reminders, and may send one twice.' },
    { gate: 'workers/reconciliation-converges', reason: 'Nothing is kept twice here, and so nothing can differ.' },
    { gate: 'workers/outbox-drains', reason: 'There is no outbox: what is read is what was written.' },
    {
      gate: 'tracing/orders-can-be-followed',
      reason: 'A to-do is written in one request and goes nowhere from there.',
    },
  ],
});
