import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onCores } from './cores.mjs';

/**
 * @typedef {object} RunningServer
 * @property {string} name
 * @property {number} pid
 * @property {number} grpcPort
 * @property {number} readyMs from its start until it said that it is ready
 * @property {() => Promise<void>} stop
 *
 * @typedef {object} Build a build of the server
 * @property {string} name
 * @property {string} main path of its `main.js`
 * @property {readonly string[]} nodeFlags
 *
 * @typedef {object} ServerOptions
 * @property {string} repository
 * @property {readonly string[]} [flags]
 * @property {string | null} [cores] it may use; null = all
 */

const READY_MS_MAX = 180_000;
const STOP_MS_MAX = 30_000;
const POLL_MS = 5;

/**
 * Starts a build with its defaults and waits until all models are ready.
 * @param {Build} build
 * @param {ServerOptions} options
 * @returns {Promise<RunningServer>}
 */
export async function startServer({ name, main, nodeFlags }, { repository, flags = [], cores = null }) {
  const [grpcPort, httpPort] = await freePorts(2);
  const words = [
    ...nodeFlags,
    main,
    'serve',
    `--model-repository=${repository}`,
    '--grpc-address=127.0.0.1',
    `--grpc-port=${grpcPort}`,
    '--http-address=127.0.0.1',
    `--http-port=${httpPort}`,
    '--metrics-port=0',
    ...flags,
  ];
  const { command, args } = onCores(cores, process.execPath, words);
  const startMs = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (/** @type {Buffer} */ chunk) => {
    output = `${output}${chunk}`.slice(-4000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const pid = child.pid ?? 0;
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await exit;
    clearTimeout(kill);
  };
  try {
    await becomesReady(httpPort, () => child.exitCode !== null || child.signalCode !== null);
  } catch (error) {
    await stop();
    throw new Error(`${name} did not become ready: ${error}\n${output}`);
  }
  return { name, pid, grpcPort, readyMs: performance.now() - startMs, stop };
}

/** Where a real Triton is installed, and the script that starts it. */
export class Peer {
  /** @param {{ shared: string, home: string }} places */
  constructor({ shared, home }) {
    this.script = join(shared, 'peers/triton.sh');
    this.models = join(shared, 'peers/models');
    this.home = home;
  }

  get installed() {
    return existsSync(this.script) && existsSync(join(this.home, 'tritonserver'));
  }

  /** @param {ServerOptions} options @returns {Promise<RunningServer>} */
  async start({ repository, cores = null }) {
    const [grpcPort, httpPort, metricsPort] = await freePorts(3);
    const env = { ...process.env, PEERS: this.home, WAIT: 'ready' };
    const words = [this.script, 'start', repository, grpcPort, httpPort, metricsPort].map(String);
    const { command, args } = onCores(cores, 'bash', words);
    const startMs = performance.now();
    const { stdout } = await promisify(execFile)(command, args, { env });
    return {
      name: 'Triton (python backend)',
      pid: Number(stdout.trim()),
      grpcPort,
      readyMs: performance.now() - startMs,
      stop: async () => {
        await promisify(execFile)('bash', [this.script, 'stop', repository, String(grpcPort)], { env });
      },
    };
  }
}

/** @param {number} port @param {() => boolean} ended */
async function becomesReady(port, ended) {
  const deadline = performance.now() + READY_MS_MAX;
  while (performance.now() < deadline) {
    if (ended()) throw new Error('it ended');
    try {
      const { ok } = await fetch(`http://127.0.0.1:${port}/v2/health/ready`);
      if (ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`not ready after ${READY_MS_MAX / 1000} s`);
}

/** @param {number} count @returns {Promise<any[]>} numbers, all different */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map(
    (server) => /** @type {import('node:net').AddressInfo} */ (server.address()).port,
  );
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
