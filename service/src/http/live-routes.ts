import type { Express } from 'express';

/** A route that the running router really has. */
export interface LiveRoute {
  readonly method: string;
  readonly path: string;
}

/** What the walk needs to know of Express's router; its own types leave the handles untyped. */
interface Layer {
  readonly route?: { readonly path: string | readonly string[]; readonly methods: Readonly<Record<string, boolean>> };
  readonly handle: unknown;
}

function stackOf(handle: unknown): readonly Layer[] {
  if (typeof handle !== 'function') return [];
  const stack: unknown = Reflect.get(handle, 'stack');
  return Array.isArray(stack) ? stack : [];
}

function routesOf(layer: Layer, prefix: string): readonly LiveRoute[] {
  // Express 5 keeps no mount path, so a nested router's routes are shown with an unknown prefix, never hidden.
  if (layer.route === undefined) return stackOf(layer.handle).flatMap((inner) => routesOf(inner, '*'));
  const { methods, path } = layer.route;
  const paths = typeof path === 'string' ? [path] : path;
  const names = Object.keys(methods).filter((method) => methods[method] === true);
  return paths.flatMap((each) => names.map((method) => ({ method: method.toUpperCase(), path: `${prefix}${each}` })));
}

/** Walks the router itself, so that a route added behind the list's back shows up too. Sorted by path and method. */
export function liveRoutes(app: Express): readonly LiveRoute[] {
  const order = (route: LiveRoute): string => `${route.path} ${route.method}`;
  return stackOf(app.router)
    .flatMap((layer) => routesOf(layer, ''))
    .sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
}
