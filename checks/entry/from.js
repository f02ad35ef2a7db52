import { existsSync } from 'node:fs';

/**
 * Where the program is: the TypeScript itself in its own repository, and the JavaScript that `npm pack` compiled from it
 * everywhere else, because Node strips no types under node_modules.
 * @param {string} name of a file in src, without its ending
 * @returns {string} its URL
 * @throws when the package was packed without being compiled: `make pack` does both.
 */
export function from(name) {
  const places = [`../src/${name}.ts`, `../dist/${name}.js`].map((path) => new URL(path, import.meta.url));
  const place = places.find((url) => existsSync(url));
  if (!place) throw new Error('preflight was packed without being compiled: pack it again, with `make pack`');
  return place.href;
}
