import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { watchParent } from '#naiad/cli/parent-watch.js';
import { FakeClock } from '../support/fake-clock.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';

it('tells once that the parent has ended', async () => {
  const clock = new FakeClock();
  let parent = 7;
  let gone = 0;
  watchParent(
    clock,
    () => parent,
    () => gone++,
  );
  await clock.advance(5e9);
  expect(gone).toBe(0);
  parent = 1;
  await clock.advance(1e9);
  await clock.advance(5e9);
  expect(gone).toBe(1);
  expect(clock.pendingTimers).toBe(0);
});

it('stops a server whose npm script has been ended', async () => {
  const repository = new TestRepository(identityModel('m', identityConfig()));
  // As npm does: a shell that stays between, here one that ends without passing anything on.
  const shell = spawn(
    'sh',
    [
      '-c',
      `${process.execPath} dist/main.js serve --model-repository ${repository.directory} --grpc-address 127.0.0.1 --http-address 127.0.0.1 --grpc-port 0 --http-port 0 --metrics-port 0 --artifact-cache ${repository.directory}/.cache --log-format json; true`,
    ],
    { env: { ...process.env, npm_lifecycle_event: 'start' }, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let log = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString();
    if (log.includes('"msg":"serving')) shell.kill('SIGKILL');
  });
  await once(shell.stdout, 'close');
  expect(log).toContain('"msg":"stopped"');
  repository.remove();
});
