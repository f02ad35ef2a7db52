/** What a `preflight.config.ts` and a gate of another repository are written with. */
export { blank } from './blank.ts';
export { type ConfigInput, type Credentials, defineConfig } from './config.ts';
export {
  type Drill,
  defineDrill,
  defineGate,
  type Finding,
  type Gate,
  type Observation,
  type Strike,
} from './engine/gate.ts';
