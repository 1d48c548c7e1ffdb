# The service alone: no development packages, no embedded PostgreSQL. It needs DATABASE_URL.
# Debian and not Alpine: Node's builds for musl are experimental, and the tests run on glibc.

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The binaries of the embedded PostgreSQL are optional packages.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-slim
# DATA_DIR is not used with DATABASE_URL. Without it, the start can at least say what is missing.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/tmp/dateline
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY migrations migrations
COPY seeds seeds
COPY src src
# What Node makes of the sources (types stripped, code compiled) is made once, here: a start takes
# two thirds of the time.
ENV NODE_COMPILE_CACHE=/app/compiled
RUN node src/cli.ts openapi > /dev/null
USER node
EXPOSE 3000
# It takes up to twelve seconds to end; give the container more (docker stop -t 15).
STOPSIGNAL SIGTERM
# /livez and not /readyz: a restart does not mend a database that is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
