import { from } from './from.js';

export const { blank, defineConfig, defineDrill, defineGate } = await import(from('index'));
