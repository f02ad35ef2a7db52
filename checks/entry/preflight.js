#!/usr/bin/env node
import { from } from './from.js';

await import(from('cli'));
