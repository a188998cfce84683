# syntax=docker/dockerfile:1
# deploy/replay-dockerfile.sh runs these steps without Docker and checks what comes out.
#
#   docker build .                    for processors
#   docker build --target cuda12 .    and NVIDIA GPUs from the V100 on; docs/gpu.md
#   docker build --target cuda13 .    and those from the T4 on, with a newer ONNX Runtime

FROM node:24-bookworm-slim AS build
WORKDIR /app
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY .npmrc package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY src ./src
RUN npm run build

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
# The CPU build of ONNX Runtime comes with the package; this keeps it from fetching the CUDA build.
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY .npmrc package.json package-lock.json ./
# The package carries ONNX Runtime for every platform; only this one's is kept.
RUN npm ci --omit=dev && \
    find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 -type d ! -name linux -exec rm -rf {} + && \
    find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 -type d ! -name "$(node -p process.arch)" -exec rm -rf {} +

FROM dependencies AS dependencies-cuda13
RUN npm install --no-save --omit=dev onnxruntime-node@1.30.0 && \
    find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 -type d ! -name linux -exec rm -rf {} + && \
    find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 -type d ! -name "$(node -p process.arch)" -exec rm -rf {} +

FROM node:24-bookworm-slim AS runtime
# The first process: it hands signals on and lets the server end by one, which the kernel denies to process 1.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE NOTICE ./
COPY proto ./proto
COPY model-repository ./model-repository
# Nothing is written at run time: `docker run --read-only` works.
USER node
EXPOSE 8000 8001 8002
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/dist/main.js", "health"]
ENTRYPOINT ["tini", "--", "node", "/app/dist/main.js"]
CMD ["serve"]

# NVIDIA's container toolkit puts the driver into containers of images that say so. Of CUDA only the runtime
# libraries are there; they make the image 2 to 3 GB larger.
FROM runtime AS cuda12
USER root
ENV NVIDIA_VISIBLE_DEVICES=all
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
ARG PIP_INDEX_URL
RUN node dist/main.js cuda install --gpu=v100 --folder=cuda
USER node

FROM runtime AS cuda13
USER root
COPY --from=dependencies-cuda13 /app/node_modules/onnxruntime-node ./node_modules/onnxruntime-node
COPY --from=dependencies-cuda13 /app/node_modules/onnxruntime-common ./node_modules/onnxruntime-common
ENV NVIDIA_VISIBLE_DEVICES=all
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
ARG PIP_INDEX_URL
RUN node dist/main.js cuda install --gpu=h100 --folder=cuda
USER node

# What is built where no target is named.
FROM runtime AS cpu
