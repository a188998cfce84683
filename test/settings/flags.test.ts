import { describe, expect, it } from 'vitest';
import { parseServeFlags } from '#naiad/settings/flags.js';
import { SERVE_FLAGS } from '#naiad/settings/serve-flags.js';
import type { LifecycleSettings, ServerSettings } from '#naiad/settings/settings.js';
import type { TraceSettings } from '#naiad/settings/trace-settings.js';
import { tritonFlags } from '#naiad/settings/triton-flags.js';
import { anEnvironment } from './environment.js';

function settingsOf(argv: string[], environment = anEnvironment()): ServerSettings {
  const parsed = parseServeFlags(argv, environment);
  if (parsed.kind !== 'serve') throw new Error(JSON.stringify(parsed));
  return parsed.settings;
}

function mistakesOf(...argv: string[]): readonly string[] {
  const parsed = parseServeFlags(argv, anEnvironment());
  if (parsed.kind !== 'mistakes') throw new Error(JSON.stringify(parsed));
  return parsed.lines;
}

function warningsOf(...argv: string[]): readonly string[] {
  const parsed = parseServeFlags(argv, anEnvironment());
  if (parsed.kind !== 'serve') throw new Error(JSON.stringify(parsed));
  return parsed.warnings;
}

describe('defaults', () => {
  it("are Triton's, but for exit-on-error", () => {
    expect(settingsOf([])).toEqual({
      id: 'triton',
      modelRepositories: ['/package/model-repository'],
      exitOnError: false,
      strictReadiness: true,
      statusMode: 'triton',
      autoComplete: true,
      modelLoadThreads: 4,
      lifecycle: {
        controlMode: 'none',
        pollSecs: 15,
        loadModels: null,
        configName: '',
        settleMs: 1000,
        loadRetries: 0,
        reloadPolicy: 'availability-preserving',
        keepWarmSecs: 0,
        artifactCache: '/home/user/.cache/naiad',
        artifactCacheBytes: 32 * 2 ** 30,
      },
      exitTimeoutSecs: 30,
      grpc: {
        enabled: true,
        address: '0.0.0.0',
        port: 8001,
        restrictions: [],
        headerPattern: null,
        keepaliveMs: 7_200_000,
        keepaliveTimeoutMs: 20_000,
        connectionAgeMs: Number.POSITIVE_INFINITY,
        connectionAgeGraceMs: Number.POSITIVE_INFINITY,
        tls: null,
      },
      http: {
        enabled: true,
        address: '0.0.0.0',
        port: 8000,
        restrictions: [],
        headerPattern: null,
        inputBytesMax: 64 << 20,
      },
      metrics: { enabled: true, address: '0.0.0.0', port: 8002 },
      metering: {
        cpu: true,
        gpu: true,
        intervalMs: 2000,
        counterLatencies: true,
        histogramLatencies: false,
        summaryLatencies: false,
        summaryQuantiles: [0.5, 0.9, 0.95, 0.99, 0.999],
        stageHistograms: true,
      },
      lanes: { cores: 8, cpuLanes: 0, cpuLanesMax: 32 },
      decodeThreads: 4,
      allowClientSharedMemory: false,
      queueRowsMax: 16_384,
      queueBytesMax: 1 << 30,
      log: { verbose: 0, info: true, warning: true, error: true, format: 'json', file: '', access: false },
      trace: {
        mode: 'triton',
        initial: { levels: [], rate: 1000, count: -1, logFrequency: 0 },
        file: '',
        collector: {
          url: 'http://localhost:4318/v1/traces',
          resource: { 'service.name': 'triton-inference-server' },
          queueSpansMax: 2048,
          delayMs: 5000,
          batchSpansMax: 512,
        },
      },
    });
  });

  it('follow the environment', () => {
    const settings = settingsOf([], anEnvironment({ cores: 2, terminal: true }));
    expect(settings.decodeThreads).toBe(2);
    expect(settings.lanes.cores).toBe(2);
    expect(settings.log.format).toBe('pretty');
  });
});

describe('values', () => {
  it.each([
    [['--allow-http=false'], false],
    [['--allow-http', 'false'], false],
    [['--allow-http=0'], false],
    [['--allow-http=False'], false],
    [['--allow-http'], true],
    [['--allow-http', '--allow-grpc'], true],
    [['--allow-http=false', '--allow-http=1'], true],
  ])('%j sets allow-http to %s', (argv, enabled) => {
    expect(settingsOf(argv).http.enabled).toBe(enabled);
  });

  it('bound the bodies of HTTP requests', () => {
    expect(settingsOf(['--http-max-input-size=1000']).http.inputBytesMax).toBe(1000);
    expect(mistakesOf('--http-max-input-size=0')).toHaveLength(1);
  });

  it('come behind = or as the next word', () => {
    expect(settingsOf(['--grpc-port=9001', '--http-port', '9000'])).toMatchObject({
      grpc: { port: 9001 },
      http: { port: 9000 },
    });
  });

  it('keep what follows the first =', () => {
    expect(settingsOf(['--id=a=b']).id).toBe('a=b');
  });

  it('of repositories add up, from both names, as absolute paths', () => {
    const argv = ['--model-repository=models', '--model-store', '/srv/models'];
    expect(settingsOf(argv).modelRepositories).toEqual(['/work/models', '/srv/models']);
  });

  it('name a repository once', () => {
    const parsed = parseServeFlags(['--model-store=a', '--model-store=./a'], anEnvironment());
    expect(parsed).toMatchObject({
      settings: { modelRepositories: ['/work/a'] },
      warnings: ['--model-repository=./a was given twice'],
    });
  });

  it('need no word for a switch', () => {
    expect(settingsOf(['--disable-auto-complete-config', '--id', 'x'])).toMatchObject({
      autoComplete: false,
      id: 'x',
    });
  });

  it.each([
    ['2', 2],
    ['true', 1],
    ['0', 0],
  ])('of log-verbose may be %s', (text, level) => {
    expect(settingsOf([`--log-verbose=${text}`]).log.verbose).toBe(level);
  });

  it.each([
    ['auto', 'json'],
    ['default', 'default'],
    ['ISO8601', 'ISO8601'],
    ['json', 'json'],
    ['pretty', 'pretty'],
  ])('of log-format %s means %s when no terminal is there', (text, format) => {
    expect(settingsOf([`--log-format=${text}`]).log.format).toBe(format);
  });
});

describe('the model repository', () => {
  const lifecycleOf = (...argv: string[]): LifecycleSettings => settingsOf(argv).lifecycle;

  it.each([
    [['--model-control-mode=explicit'], []],
    [
      ['--model-control-mode=EXPLICIT', '--load-model=a', '--load-model', 'b', '--load-model=a'],
      ['a', 'b'],
    ],
    [['--model-control-mode=explicit', '--load-model=*'], null],
    [['--model-control-mode=Poll'], null],
    [[], null],
  ])('%j loads %j at start', (argv, models) => {
    expect(lifecycleOf(...argv).loadModels).toEqual(models);
  });

  it('is looked into as often as said, where that means something', () => {
    expect(lifecycleOf('--model-control-mode=poll', '--repository-poll-secs=1').pollSecs).toBe(1);
    expect(lifecycleOf('--model-control-mode=explicit', '--repository-poll-secs=0').pollSecs).toBe(15);
  });

  it('is read as said', () => {
    expect(
      lifecycleOf(
        '--model-config-name=h100',
        '--repository-settle-ms=0',
        '--model-load-retry-count=3',
        '--reload-policy=memory-preserving',
        '--keep-warm-secs=60',
      ),
    ).toMatchObject({
      configName: 'h100',
      settleMs: 0,
      loadRetries: 3,
      reloadPolicy: 'memory-preserving',
      keepWarmSecs: 60,
    });
  });

  it('has as many bytes of copies as it says', () => {
    expect(lifecycleOf('--artifact-cache-bytes=1000').artifactCacheBytes).toBe(1000);
  });

  it.each([
    ['cache', '/work/cache'],
    ['/var/cache/naiad', '/var/cache/naiad'],
    ['none', null],
  ])('has its copies in %s', (text, folder) => {
    expect(lifecycleOf(`--artifact-cache=${text}`).artifactCache).toBe(folder);
  });

  it.each([
    [['--strict-model-config=true'], false],
    [['--strict-model-config', 'true'], false],
    [['--strict-model-config=false'], true],
    [['--disable-auto-complete-config'], false],
  ])('%j completes configurations: %s', (argv, autoComplete) => {
    expect(settingsOf(argv).autoComplete).toBe(autoComplete);
  });
});

it('metrics have the address of HTTP unless they have their own', () => {
  expect(settingsOf(['--http-address=127.0.0.1']).metrics.address).toBe('127.0.0.1');
  expect(settingsOf(['--metrics-address=::1', '--metrics-port=9']).metrics).toEqual({
    enabled: true,
    address: '::1',
    port: 9,
  });
});

describe('mistakes', () => {
  it('are told all at once, one line each', () => {
    expect(
      mistakesOf('--grcp-port=8001', '--http-port=80000', '--log-format=jsn', '--strict-readiness=maybe'),
    ).toEqual([
      "unknown flag '--grcp-port', did you mean '--grpc-port'?",
      '--http-port=80000: expected a whole number from 0 to 65535',
      "--log-format=jsn: expected one of auto, json, pretty, default, ISO8601, did you mean 'json'?",
      '--strict-readiness=maybe: expected true or false',
    ]);
  });

  it.each([
    [['--grpc-port'], '--grpc-port needs a value: a whole number from 0 to 65535'],
    [['--grpc-port', '--allow-http'], '--grpc-port needs a value: a whole number from 0 to 65535'],
    [['--grpc-port='], '--grpc-port=: expected a whole number from 0 to 65535'],
    [['--grpc-port=1e3'], '--grpc-port=1e3: expected a whole number from 0 to 65535'],
    [['--grpc-port=-1'], '--grpc-port=-1: expected a whole number from 0 to 65535'],
    [['--id='], '--id=: expected a text that is not empty'],
    [['models'], "unexpected argument 'models', did you mean '--model-repository=models'?"],
    [['--', '--id=x'], "unexpected argument '--id=x', did you mean '--model-repository=--id=x'?"],
    [['-p'], "unknown flag '-p'"],
    [['--frobnicate', 'value'], "unknown flag '--frobnicate'"],
    [
      ['--model-repository=s3://bucket/models'],
      '--model-repository=s3://bucket/models: only directories are supported, mount or copy it first',
    ],
    [['--grpc-port=8000'], '--grpc-port and --http-port are both 8000, they need a port each'],
    [['--grpc-port=8002'], '--grpc-port and --metrics-port are both 8002, they need a port each'],
    [
      ['--grpc-port=80', '--http-port=80', '--metrics-port=80'],
      '--grpc-port, --http-port and --metrics-port are all 80, they need a port each',
    ],
    [['--model-control-mode=pol'], expect.stringContaining("did you mean 'poll'?")],
    [
      ['--load-model=x'],
      '--load-model needs --model-control-mode=explicit: in mode none all models of the repository are loaded',
    ],
    [
      ['--load-model=*', '--model-control-mode=poll'],
      '--load-model needs --model-control-mode=explicit: in mode poll all models of the repository are loaded',
    ],
    [
      ['--model-control-mode=explicit', '--load-model=*', '--load-model=a'],
      '--load-model=* stands for all models and must be the only --load-model',
    ],
    [
      ['--model-control-mode=poll', '--repository-poll-secs=0'],
      '--repository-poll-secs=0 would never look into the repository: expected at least 1 in poll mode',
    ],
    [['--repository-poll-secs=-1'], expect.stringContaining('a whole number from 0 to 86400')],
    ...['a b', 'a/b', '..'].map((name): [string[], string] => [
      [`--model-config-name=${name}`],
      `--model-config-name=${name}: expected the name of a file without .pbtxt, and without blanks`,
    ]),
    [
      ['--allow-grpc=false', '--allow-http=false'],
      '--allow-grpc=false and --allow-http=false leave nothing to serve',
    ],
  ])('%j', (argv, line) => {
    expect(mistakesOf(...argv)).toEqual([line]);
  });

  it('do not stand in the way of help', () => {
    expect(parseServeFlags(['--nope', '--help'], anEnvironment())).toEqual({ kind: 'help' });
    expect(parseServeFlags(['-h'], anEnvironment())).toEqual({ kind: 'help' });
  });

  it('allow all ports to be any free one', () => {
    expect(settingsOf(['--grpc-port=0', '--http-port=0', '--metrics-port=0']).grpc.port).toBe(0);
  });

  it('are none where a port is closed', () => {
    expect(settingsOf(['--grpc-port=8002', '--allow-metrics=false']).metrics.enabled).toBe(false);
  });
});

describe('restricted APIs', () => {
  it('are named with the header that opens them', () => {
    const { grpc, http } = settingsOf([
      '--grpc-restricted-protocol=health,metadata:key=a=b',
      '--grpc-restricted-protocol=inference:other=c',
      '--http-restricted-api=statistics:key=d',
    ]);
    expect(grpc.restrictions).toEqual([
      { categories: ['health', 'metadata'], header: 'key', value: 'a=b' },
      { categories: ['inference'], header: 'other', value: 'c' },
    ]);
    expect(http.restrictions).toEqual([{ categories: ['statistics'], header: 'key', value: 'd' }]);
  });

  it.each([
    ['healht:k=s3cret', "no API 'healht', did you mean 'health'?"],
    ['models:k=s3cret', "no API 'models'; known ones: health, metadata, inference,"],
    ['health', '--http-restricted-api=health: expected API[,API]:KEY=VALUE'],
    ['health:k=', 'expected KEY=VALUE after the colon'],
    ['health:a b=s3cret', 'expected KEY=VALUE after the colon'],
    ['health,health:k=s3cret', "API 'health' has a header already"],
  ])('%s is a mistake, told without the secret', (text, expected) => {
    const [line = ''] = mistakesOf(`--http-restricted-api=${text}`);
    expect(line).toContain(expected);
    expect(line).not.toContain('s3cret');
  });
});

describe('the doors', () => {
  it('forward headers that a pattern finds, whatever their case', () => {
    const { grpc, http } = settingsOf([
      '--grpc-header-forward-pattern=^x-',
      '--http-header-forward-pattern=^X-',
    ]);
    expect(grpc.headerPattern?.test('X-User')).toBe(true);
    expect(http.headerPattern?.test('x-user')).toBe(true);
    expect(mistakesOf('--grpc-header-forward-pattern=(')[0]).toContain('--grpc-header-forward-pattern=(');
  });

  it('have connections that end when they are told to', () => {
    const flags = ['--grpc-keepalive-time=1', '--grpc-keepalive-timeout=2', '--grpc-max-connection-age=3'];
    expect(settingsOf([...flags, '--grpc-max-connection-age-grace=4']).grpc).toMatchObject({
      keepaliveMs: 1,
      keepaliveTimeoutMs: 2,
      connectionAgeMs: 3,
      connectionAgeGraceMs: 4,
    });
  });

  it('speak TLS with the files that are named', () => {
    const files = ['--grpc-server-cert=c.pem', '--grpc-server-key=/k.pem', '--grpc-root-cert=r.pem'];
    expect(settingsOf([...files, '--grpc-use-ssl-mutual']).grpc.tls).toEqual({
      certificate: '/work/c.pem',
      key: '/k.pem',
      roots: '/work/r.pem',
      mutual: true,
    });
  });

  it.each([
    [['--grpc-use-ssl'], '--grpc-use-ssl needs --grpc-server-cert and --grpc-server-key'],
    [
      ['--grpc-use-ssl-mutual', '--grpc-server-cert=c', '--grpc-server-key=k'],
      '--grpc-use-ssl-mutual needs --grpc-root-cert',
    ],
    [['--grpc-server-cert=c'], 'certificates of gRPC were given, but TLS is off: give --grpc-use-ssl, too'],
  ])('%j is a mistake', (flags, line) => {
    expect(mistakesOf(...flags)).toEqual([line]);
  });
});

describe('traces', () => {
  const configsOf = (...configs: string[]): TraceSettings =>
    settingsOf(configs.map((config) => `--trace-config=${config}`)).trace;

  it('are set part by part', () => {
    expect(
      configsOf(
        'triton,file=/t',
        'level=TIMESTAMPS',
        'level=TENSORS',
        'rate=5',
        'count=7',
        'triton,log-frequency=3',
      ),
    ).toMatchObject({
      mode: 'triton',
      file: '/t',
      initial: { levels: ['TIMESTAMPS', 'TENSORS'], rate: 5, count: 7, logFrequency: 3 },
    });
  });

  it('go to a collector', () => {
    expect(
      configsOf(
        'mode=opentelemetry',
        'level=TIMESTAMPS',
        'opentelemetry,url=http://c:4318/v1/traces',
        'opentelemetry,resource=service.name=a=b',
        'opentelemetry,resource=x=y',
        'opentelemetry,bsp_max_queue_size=9',
        'opentelemetry,bsp_schedule_delay=8',
        'opentelemetry,bsp_max_export_batch_size=7',
      ),
    ).toMatchObject({
      mode: 'opentelemetry',
      collector: {
        url: 'http://c:4318/v1/traces',
        resource: { 'service.name': 'a=b', x: 'y' },
        queueSpansMax: 9,
        delayMs: 8,
        batchSpansMax: 7,
      },
    });
  });

  it('are set by the flags of older releases', () => {
    const flags = ['--trace-file=/t', '--trace-level=MAX', '--trace-rate=2', '--trace-count=3'];
    expect(settingsOf([...flags, '--trace-log-frequency=4']).trace).toMatchObject({
      file: '/t',
      initial: { levels: ['TIMESTAMPS'], rate: 2, count: 3, logFrequency: 4 },
    });
  });

  it.each([
    ['rate', 'expected [mode,]setting=value'],
    ['rates=1', "no setting 'rates', did you mean 'rate'?"],
    ['triton,fiel=/t', "no setting 'fiel', did you mean 'file'?"],
    ['tritn,file=/t', "no mode 'tritn', did you mean 'triton'?"],
    ['constructor,file=/t', "no mode 'constructor'"],
    ['rate=x', 'expected a whole number from 0'],
    ['count=-2', 'expected a whole number from -1'],
    ['mode=x', 'expected one of triton, opentelemetry'],
    ['level=x', 'expected OFF, TIMESTAMPS or TENSORS'],
    ['level=TIMESTAMPS', 'needs a file: --trace-config=triton,file=PATH'],
    ['opentelemetry,url=ftp://x', 'expected an http or https URL'],
    ['opentelemetry,resource=x', 'expected KEY=VALUE'],
    ['opentelemetry,bsp_schedule_delay=0', 'expected a whole number from 1'],
  ])('%s is a mistake', (config, text) => {
    const lines = mistakesOf(`--trace-config=${config}`);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(text);
  });
});

describe('--metrics-config', () => {
  const meteringOf = (...configs: string[]) =>
    settingsOf(configs.map((config) => `--metrics-config=${config}`)).metering;

  it.each([
    ['counter_latencies=false', { counterLatencies: false }],
    ['histogram_latencies=true', { histogramLatencies: true }],
    ['summary_latencies=true', { summaryLatencies: true }],
    ['stage_histograms=false', { stageHistograms: false }],
    ['summary_quantiles=0.99:0.001,0.5:0.05', { summaryQuantiles: [0.5, 0.99] }],
    // Triton's own tests have it so.
    ['summary_quantiles=0.1:0.0.1,0.7:0.01', { summaryQuantiles: [0.1, 0.7] }],
  ])('%s', (config, changed) => {
    expect(meteringOf(config)).toEqual({ ...settingsOf([]).metering, ...changed });
    expect(warningsOf(`--metrics-config=${config}`)).toEqual([]);
  });

  it('stands any number of times', () => {
    expect(meteringOf('summary_latencies=true', 'summary_quantiles=1:0')).toMatchObject({
      summaryLatencies: true,
      summaryQuantiles: [1],
    });
  });

  it.each([
    ['counter_latencies', 'expected setting=value'],
    ['a,b=c', 'expected setting=value'],
    ['summary_latencies=maybe', 'expected true or false'],
  ])('%s is a mistake', (config, text) => {
    const lines = mistakesOf(`--metrics-config=${config}`);
    expect(lines).toEqual([`--metrics-config=${config}: ${text}`]);
  });

  it.each([
    ['summary_latency=true', "no setting 'summary_latency', did you mean 'summary_latencies'?"],
    ['constructor=true', "no setting 'constructor'"],
    ['summary_quantiles=2:0.1', "'2:0.1' is ignored"],
    ['summary_quantiles=0.5', "'0.5' is ignored"],
  ])('%s is a warning, and changes nothing', (config, text) => {
    const warnings = warningsOf(`--metrics-config=${config}`);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(text);
    expect(meteringOf(config)).toEqual(settingsOf([]).metering);
  });

  it('has flags beside it for the machine', () => {
    const argv = ['--allow-cpu-metrics=false', '--allow-gpu-metrics=0', '--metrics-interval-ms', '500'];
    expect(settingsOf(argv).metering).toMatchObject({ cpu: false, gpu: false, intervalMs: 500 });
    expect(mistakesOf('--metrics-interval-ms=0')).toHaveLength(1);
  });
});

describe("Triton's other flags", () => {
  it.each([
    [['--grpc-infer-thread-count=4'], '--grpc-infer-thread-count is ignored'],
    [['--http-thread-count', '5'], '--http-thread-count is ignored'],
    [['--model-namespacing=true'], '--model-namespacing is ignored: a name that two repositories have'],
    [['--backend-config=onnxruntime,x=y'], '--backend-config is ignored'],
    [['--backend-directory=/opt/tritonserver/backends'], '--backend-directory is ignored'],
  ])('%j is ignored with a warning', (argv, text) => {
    const warnings = warningsOf(...argv);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(text);
  });

  it.each([['--model-control-mode=none'], ['--rate-limit=off'], ['--allow-client-shm=False']])(
    '%s asks for what is done anyway',
    (flag) => {
      expect(warningsOf(flag)).toEqual([]);
    },
  );

  it('are not among ours', () => {
    const ours = Object.values(SERVE_FLAGS).flatMap((flag) => [flag.name, ...flag.aliases]);
    expect(ours.filter((name) => tritonFlags.names.includes(name))).toEqual([]);
    expect(new Set(ours).size).toBe(ours.length);
  });

  it('are candidates for a mistyped name', () => {
    expect(mistakesOf('--model-namespacin=true')).toEqual([
      "unknown flag '--model-namespacin', did you mean '--model-namespacing'?",
    ]);
  });
});

describe('the table', () => {
  it('holds fallbacks that its own flags accept', () => {
    for (const flag of Object.values(SERVE_FLAGS)) {
      // The others depend on the machine, their fallback says so in words.
      if (flag.fallbackText !== undefined) continue;
      expect(flag.read(String(flag.fallback)), flag.name).toBe(flag.fallback);
    }
  });
});
