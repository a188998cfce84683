#!/usr/bin/env bash
# install-perf-analyzer.sh FOLDER: NVIDIA's perf_analyzer as FOLDER/perf_analyzer, for Linux on x86-64 with apt-get.
# The binary travels in a wheel of tritonclient; newer ones have none. Of the two libraries it wants besides what
# every system has, one is another wheel, the other a package of Debian, unpacked without being installed.
set -euo pipefail
folder=$1
mkdir -p "$folder/lib"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cat >wheels.txt <<'W'
tritonclient==2.41.0 --hash=sha256:cf4ed5df836fa99937678a9fd852f86ba05c7b83656dd0a540e20afdb9ab4629
nvidia-cuda-runtime-cu12==12.4.127 --hash=sha256:64403288fa2136ee8e467cdc9c9427e0434110899d07c779f25b5c068934faa5
W
"${NAIAD_PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --platform=manylinux1_x86_64 --platform=manylinux2014_x86_64 --require-hashes --requirement=wheels.txt --dest=wheels
"${NAIAD_PYTHON:-python3}" - "$folder" <<'P'
import pathlib, sys, zipfile

wanted = {"bin/perf_analyzer": "perf_analyzer.bin", "lib/libcudart.so.12": "lib/libcudart.so.12"}
found = 0
for wheel in pathlib.Path("wheels").glob("*.whl"):
    archive = zipfile.ZipFile(wheel)
    for name in archive.namelist():
        for end, place in wanted.items():
            if name.endswith(end):
                pathlib.Path(sys.argv[1], place).write_bytes(archive.read(name))
                found += 1
if found != len(wanted):
    sys.exit(f"{found} of {len(wanted)} files are in the wheels")
P
# Where apt-get runs as another user, it has to be let in.
chmod 755 "$scratch"
apt-get download -qq libb64-0d || { apt-get update -qq && apt-get download -qq libb64-0d; }
dpkg -x libb64-0d_*.deb b64
cp b64/usr/lib/*/libb64.so.0d "$folder/lib/"
chmod +x "$folder/perf_analyzer.bin"
cat >"$folder/perf_analyzer" <<'S'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/lib" exec "$here/perf_analyzer.bin" "$@"
S
chmod +x "$folder/perf_analyzer"
"$folder/perf_analyzer" --version >&2
