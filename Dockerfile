# One image for every role: PROCESS_ROLE says what a container does. See "In production" in README.md.

FROM node:20.19-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json ./

FROM base AS build
# No package's own script is needed for what is built here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json bundle.mjs natural-names.mjs ./
COPY src src
COPY migrations migrations
RUN npm run build

FROM base AS dependencies
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:20.19-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=5000 METRICS_PORT=9090
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# Owns none of it, and needs to write nowhere.
USER node
EXPOSE 5000 9090
# In every role: the port of METRICS_PORT has the process's own health, on loopback unless METRICS_HOST says otherwise.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.METRICS_PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No shell and no npm in between: SIGTERM reaches node, which handles it as the first process, too, and has no children.
CMD ["node", "--max-semi-space-size=32", "dist/src/main.js"]
