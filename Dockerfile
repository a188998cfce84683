# syntax=docker/dockerfile:1
# deploy/replay-dockerfile.sh runs these steps without Docker and checks what comes out.

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

FROM node:24-bookworm-slim
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
