import { from } from './from.js';

export const { defineConfig, defineDrill, defineGate } = await import(from('index'));
