import { writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import type { BuildCall, BuildEvent } from './build-message.js';
import { ArtifactBuilds } from './run-build.js';

/** Entry of the build process: makes of models what lanes load. It ends when its parent lets go of it. */

/** Steps of niceness: beside busy threads of normal priority about a tenth of a core is left. */
const STEPS_DOWN = 10;
const NICE_MAX = 19;

process.title = 'naiad build';

// The parent says when to end: a terminal and a service manager tell all processes at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

try {
  // Where memory runs out a build is lost rather than a server.
  writeFileSync('/proc/self/oom_score_adj', '1000');
} catch {
  // Only Linux has it.
}

const builds = new ArtifactBuilds();
let isGentle = false;
process.on('disconnect', () => builds.close());
process.on('message', ({ gentle, request }: BuildCall) => {
  if (gentle && !isGentle) {
    isGentle = true;
    setPriority(Math.min(NICE_MAX, getPriority() + STEPS_DOWN));
  }
  builds.run(request).then(
    (reply) => send({ kind: 'done', reply }),
    (error: unknown) => {
      send({ kind: 'failed', text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    },
  );
});

function send(event: BuildEvent): void {
  // Nobody is there to hear it once the parent has gone.
  if (process.connected) process.send?.(event, undefined, undefined, () => {});
}
