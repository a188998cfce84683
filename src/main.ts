#!/usr/bin/env node
import { wordsOf } from './cli/alias.js';
import { processIo } from './cli/io.js';
import { run } from './cli/run.js';

// The process ends by itself when nothing is left to do: `process.exit` would abort a model that runs.
process.exitCode = await run(wordsOf(process.argv), processIo());
