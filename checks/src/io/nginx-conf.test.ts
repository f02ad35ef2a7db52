import { expect, test } from 'vitest';
import { directivesNamed, parseNginxConf, printNginxConf, secondsOf } from './nginx-conf.ts';

const variable = ['$', '{host}'].join('');
const text = `
user www-data; # who
http {
  log_format main '{"time": "$time;"}' "a b";
  map $uri $kind { "~^/a{2}" 1; }
  server { listen 443 ssl; return 301 https://${variable}$request_uri; }
}`;

test('words, quotes, variables and blocks are read as they are, comments are not', () => {
  const conf = parseNginxConf(text);
  expect(conf.map(({ name }) => name)).toEqual(['user', 'http']);
  expect(directivesNamed(conf, 'log_format')[0]?.words).toEqual(['main', `'{"time": "$time;"}'`, '"a b"']);
  expect(directivesNamed(conf, 'return')[0]?.words).toEqual(['301', `https://${variable}$request_uri`]);
  expect(directivesNamed(conf, '"~^/a{2}"')[0]?.words).toEqual(['1']);
});

test('what was printed is what was read', () => {
  const conf = parseNginxConf(text);
  expect(parseNginxConf(printNginxConf(conf))).toEqual(conf);
});

test.each(['http {', 'a', '}', '; ', 'a "b'])('%j is no configuration', (broken) => {
  expect(() => parseNginxConf(broken)).toThrow('nginx configuration');
});

test.each([
  ['65s', 65],
  ['1m30s', 90],
  ['1m 30s', 90],
  ['75', 75],
  ['500ms', 0.5],
] as const)('%s is %d s', (time, seconds) => {
  expect(secondsOf(time)).toBe(seconds);
});

test.each(['', 'soon', '1y2x'])('%j is no time', (time) => {
  expect(() => secondsOf(time)).toThrow('no time of nginx');
});
