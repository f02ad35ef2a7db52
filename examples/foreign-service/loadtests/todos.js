import { check } from 'k6';
import http from 'k6/http';

const keys = open(__ENV.KEYS_FILE).trim().split('\n');

export const options = {
  scenarios: {
    todos: {
      ...{ executor: 'constant-arrival-rate', rate: 30, timeUnit: '1s', duration: '3s' },
      ...{ preAllocatedVUs: 30, maxVUs: 30 },
    },
  },
  thresholds: { http_req_duration: ['p(95)<500'], checks: ['rate==1'], http_reqs: ['count>=85'] },
};

export default function todo() {
  const key = keys[__ITER % keys.length];
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${key}`,
    'idempotency-key': `${__VU}-${__ITER}`,
  };
  const response = http.post(`${__ENV.BASE_URL}/todos`, JSON.stringify({ title: 'from k6' }), { headers });
  check(response, { 'it is taken': ({ status }) => status === 201 });
}
