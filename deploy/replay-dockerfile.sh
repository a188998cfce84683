#!/usr/bin/env bash
# Replays the Dockerfile's own COPY, ENV, WORKDIR and RUN lines in a scratch folder, without Docker, and
# checks what the image would hold: its size, that it starts as another user from read-only files, answers
# the HEALTHCHECK and ends in good order. Exit code 0 when all of it holds, 1 with the reason when not.
#
#   deploy/replay-dockerfile.sh [--keep] [--target=cuda12|cuda13]
#
# --keep leaves the scratch folder there. A target for GPUs fetches 2 GB; without one those are passed over.
# Lines with apt-get are skipped: they need the base image. So is FROM: node is the one of this machine.
set -euo pipefail

readonly CONTEXT=$(cd "$(dirname "$0")/.." && pwd)
readonly SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/naiad-image.XXXXXX")
# node:24-bookworm-slim with tini, uncompressed; 22-slim is 220 MB.
readonly BASE_MB=240
IMAGE_MB_MAX=400
readonly CUDA_MB_MAX=3100
readonly READY_SECS_MAX=60
# Any user that does not own the files.
readonly OTHER_UID=1000

keep=false target=cpu
for word in "$@"; do
  case $word in
    --keep) keep=true ;;
    --target=cuda12 | --target=cuda13) target=${word#--target=} && ((IMAGE_MB_MAX += CUDA_MB_MAX)) ;;
    *) echo "usage: $0 [--keep] [--target=cuda12|cuda13]" >&2 && exit 2 ;;
  esac
done
server_pid=

clean_up() {
  [[ -n $server_pid ]] && kill -KILL "$server_pid" 2>/dev/null
  if $keep; then echo "kept: $SCRATCH"; else
    chmod -R u+w "$SCRATCH"
    rm -rf "$SCRATCH"
  fi
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

mb_of() { du -sm --apparent-size "$@" | awk '{ sum += $1 } END { print sum }'; }

# ---------------------------------------------------------------- the Dockerfile's lines

stage_dir= workdir=/ user= healthcheck= entrypoint= exposed= passed_over=false
stage_env=() layer_sizes=()

begin_stage() { # IMAGE AS NAME
  local name=$3
  # Stages for GPUs and for other targets than the one that is wanted.
  passed_over=false
  if [[ $name == *cuda* && $name != "$target" && $name != *-"$target" ]] || [[ $name == cpu && $target != cpu ]]; then
    passed_over=true
    return
  fi
  stage_dir=$SCRATCH/$name
  if [[ -d $SCRATCH/$1 ]]; then
    cp -a "$SCRATCH/$1" "$stage_dir"
    # What the stage it continues has set holds on.
    source "$SCRATCH/$1.settings"
  else
    workdir=/ stage_env=() layer_sizes=()
    mkdir -p "$stage_dir"
  fi
  echo "== stage $name (from $1)"
}

end_stage() { # what a stage that continues this one needs
  [[ -z $stage_dir ]] || declare -p workdir stage_env layer_sizes | sed 's/^declare -[-a]* //' >"$stage_dir.settings"
}

is_in_context() { # PATH: not kept out by .dockerignore, which here names what is let in
  grep -qxF "!$1" "$CONTEXT/.dockerignore"
}

copy() { # [--from=STAGE] SOURCE... TARGET
  local from=$CONTEXT
  while [[ ${1:-} == --* ]]; do
    case $1 in
      --from=*) from=$SCRATCH/${1#--from=} ;;
      *) fail "COPY $1 is not understood by this script" ;;
    esac
    shift
  done
  local sources=("${@:1:$#-1}") target=${!#}
  [[ $target == /* ]] || target=$workdir/$target
  target=$stage_dir$target
  local source path
  for source in "${sources[@]}"; do
    if [[ $from == "$CONTEXT" ]]; then
      is_in_context "$source" || fail "COPY $source: .dockerignore keeps it out"
      path=$CONTEXT/$source
    else
      path=$from$source
    fi
    [[ -e $path ]] || fail "COPY $source: not there"
    if [[ -d $path ]]; then
      mkdir -p "$target"
      cp -a "$path/." "$target/"
    else
      mkdir -p "$target"
      cp -a "$path" "$target/"
    fi
    layer_sizes+=("$(mb_of "$path") $source")
  done
}

run() { # COMMAND
  if [[ $1 == *apt-get* ]]; then
    echo "   skipped: RUN ${1:0:60}..."
    return
  fi
  echo "   RUN ${1:0:90}"
  (cd "$stage_dir$workdir" && env "${stage_env[@]}" bash -euo pipefail -c "$1") >"$SCRATCH/run.log" 2>&1 ||
    { tail -20 "$SCRATCH/run.log" >&2; fail "RUN $1"; }
}

json_words() { # ["a", "b"] -> a b
  node -e 'console.log(JSON.parse(process.argv[1]).join(" "))' "$1"
}

replay() {
  local instruction rest
  while read -r instruction rest; do
    if [[ $instruction == FROM ]]; then
      end_stage
      begin_stage $rest
      continue
    fi
    $passed_over && continue
    case $instruction in
      WORKDIR) workdir=$rest && mkdir -p "$stage_dir$workdir" ;;
      ENV) stage_env+=("$rest") ;;
      COPY) copy $rest ;;
      RUN) run "$rest" ;;
      USER) user=$rest ;;
      EXPOSE) exposed=$rest ;;
      HEALTHCHECK) healthcheck=$(json_words "${rest#*CMD }") ;;
      ENTRYPOINT) entrypoint=$(json_words "$rest") ;;
      CMD | ARG) ;;
      *) fail "$instruction is not understood by this script" ;;
    esac
  done < <(sed -e '/^[[:space:]]*#/d' "$CONTEXT/Dockerfile" | sed -e ':join' -e '/\\$/{N;s/\\\n[[:space:]]*//;b join' -e '}' -e '/^[[:space:]]*$/d')
}

# ------------------------------------------------------------------------------ checks

check_contents() {
  local app=$stage_dir/app package
  while read -r package; do
    [[ -e $app/$package ]] && fail "$package is in the image, and only development needs it"
  done < <(node -p 'Object.entries(require(process.argv[1]).packages)
    .filter(([, { dev }]) => dev).map(([path]) => path).join("\n")' "$CONTEXT/package-lock.json")
  local foreign
  foreign=$(find "$app/node_modules" \( -name '*.dll' -o -name '*.dylib' -o -name '*.exe' \) | head -1)
  [[ -z $foreign ]] || fail "for another platform: $foreign"
  [[ $(find "$app/node_modules/onnxruntime-node/bin" -name onnxruntime_binding.node | wc -l) == 1 ]] ||
    fail 'ONNX Runtime is there for more or less than one platform'
  [[ -n $user && $user != root && $user != 0 ]] || fail 'the image runs as root'
  [[ $entrypoint == tini\ * ]] || fail 'no init is the first process'
  [[ $exposed == '8000 8001 8002' ]] || fail "EXPOSE $exposed"
  [[ -n $healthcheck ]] || fail 'no HEALTHCHECK'
}

check_size() {
  local layer layers_mb
  for layer in "${layer_sizes[@]}"; do printf '   %4d MB  %s\n' $layer; done
  layers_mb=$(mb_of "$stage_dir")
  echo "   $layers_mb MB of ours + $BASE_MB MB base = $((layers_mb + BASE_MB)) MB (at most $IMAGE_MB_MAX)"
  ((layers_mb + BASE_MB <= IMAGE_MB_MAX)) || fail "the image is larger than $IMAGE_MB_MAX MB"
}

# In front of a command: from /, as another user, on a file system where nothing can be written, as far as
# this machine lets us. Each word execs the next, so that the process keeps its id.
as_in_image=()
choose_isolation() {
  local drop="setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups"
  if [[ $EUID != 0 ]]; then
    isolation='as this user, files read-only'
  elif unshare --mount mount -o remount,bind,ro / 2>/dev/null; then
    isolation="as user $OTHER_UID, root file system read-only"
    as_in_image=(unshare --mount sh -c "mount -o remount,bind,ro / && cd / && exec $drop \"\$@\"" sh)
  else
    isolation="as user $OTHER_UID, files read-only"
    as_in_image=($drop)
  fi
}

field_of_log() { # FIELD: of the line that tells the ports
  sed -nE 's/.*"'"$1"'":([0-9]+).*"msg":"serving .*/\1/p' "$SCRATCH/server.log"
}

in_app() { # /app/... as it lies here
  echo "${1//\/app\//$stage_dir/app/}"
}

check_server() {
  chmod -R a+rX,a-w "$stage_dir"
  chmod a+rx "$SCRATCH"
  local command=${entrypoint#tini -- } isolation
  choose_isolation
  "${as_in_image[@]}" env HOME=/nonexistent NODE_ENV=production $(in_app "$command") serve \
    --http-address=127.0.0.1 --grpc-address=127.0.0.1 --http-port=0 --grpc-port=0 --metrics-port=0 --log-format=json \
    >"$SCRATCH/server.log" 2>&1 &
  server_pid=$!

  local http_port= second
  for ((second = 0; second < READY_SECS_MAX * 2; second++)); do
    http_port=$(field_of_log httpPort)
    [[ -n $http_port ]] && break
    kill -0 "$server_pid" 2>/dev/null || { cat "$SCRATCH/server.log" >&2; fail 'the server ended'; }
    sleep 0.5
  done
  [[ -n $http_port ]] || { cat "$SCRATCH/server.log" >&2; fail "not ready within $READY_SECS_MAX s"; }

  "${as_in_image[@]}" $(in_app "$healthcheck") --url="http://127.0.0.1:$http_port" || fail 'the HEALTHCHECK says no'
  "${as_in_image[@]}" $(in_app "$healthcheck") --url="127.0.0.1:$(field_of_log grpcPort)" || fail 'gRPC health says no'
  local row='[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]'
  "${as_in_image[@]}" $(in_app "$command") infer simple --url="127.0.0.1:$(field_of_log grpcPort)" \
    --input=INPUT0=$row --input=INPUT1=$row >"$SCRATCH/infer.log" 2>&1 ||
    { cat "$SCRATCH/infer.log" >&2; fail 'inference'; }

  local rss_mb
  rss_mb=$(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$server_pid/status")
  kill -TERM "$server_pid"
  local code=0
  wait "$server_pid" || code=$?
  server_pid=
  ((code == 0)) || { tail -5 "$SCRATCH/server.log" >&2; fail "exit code $code after SIGTERM"; }
  echo "   serves $isolation; $rss_mb MB resident; ends with 0 after SIGTERM"
}

# Where there is no GPU doctor says no, and shows what it found of the rest.
check_cuda() {
  local report
  report=$(cd "$stage_dir/app" && node dist/main.js doctor) || true
  echo "$report" | grep -E '^\| (provider|libraries)' | cut -c1-110
  [[ $(grep -cE '^\| (provider|libraries) +\| ok ' <<<"$report") == 2 ]] || fail 'provider or libraries are not right'
}

replay
echo '== contents' && check_contents
echo '== size' && check_size
[[ $target == cpu ]] || { echo '== cuda' && check_cuda; }
echo '== server' && check_server
echo 'PASSED'
