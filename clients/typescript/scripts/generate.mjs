// Makes proto/, which the package carries, and the types in src/generated/ from it.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const proto = join(root, 'proto');
const generated = join(root, 'src', 'generated');

for (const folder of [proto, generated]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
for (const name of ['grpc_service.proto', 'model_config.proto', 'health.proto']) {
  copyFileSync(join(root, '..', '..', 'proto', name), join(proto, name));
}
copyFileSync(join(root, 'rpc', 'status.proto'), join(proto, 'status.proto'));

const loader = createRequire(import.meta.url).resolve('@grpc/proto-loader');
execFileSync(
  process.execPath,
  [
    join(loader, '..', '..', 'bin', 'proto-loader-gen-types.js'),
    ...['--longs=Number', '--enums=String', '--defaults', '--oneofs', '--includeComments'],
    ...['--grpcLib=@grpc/grpc-js', '--importFileExtension=.js'],
    ...['--includeDirs=proto', '--outDir=src/generated'],
    ...['grpc_service.proto', 'health.proto', 'status.proto'],
  ],
  { cwd: root, stdio: 'inherit' },
);
// What puts them together in grpc-js's way, which nothing here uses.
for (const name of ['grpc_service.ts', 'health.ts', 'status.ts']) rmSync(join(generated, name));
