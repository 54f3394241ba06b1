#!/usr/bin/env bash
# Fuzzes the API over HTTP by its own OpenAPI document: no status that the document lacks, no 5xx, no answer or header that
# breaks it. Starts the whole service in one process on a free port and ends it.
#
#   api/fuzz-http.sh [EXAMPLES]   examples an operation, 50 by default (about 1,000 requests); set FUZZ_TIMEOUT too for many more
set -euo pipefail
cd "$(dirname "$0")/.."

examples=${1:-50}
seed=${SEED:-$RANDOM}
work=$(mktemp -d)
service=
trap '[[ -z $service ]] || kill "$service" 2>/dev/null || true; rm -rf "$work"' EXIT

# The version is pinned: another one may look for other things.
tool=schemathesis==4.32.5
if ! [[ -x ${SCHEMATHESIS:=$(command -v schemathesis || true)} ]]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$tool"
  SCHEMATHESIS=$work/venv/bin/schemathesis
fi

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port) kafka_port=$(free_port)
go build -o "$work/local" ./cmd/local
"$work/local" -port "$port" -kafka-port "$kafka_port" >"$work/service.log" 2>&1 &
service=$!
for _ in $(seq 100); do
  curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health/ready" && break
  sleep 0.1
done

# In its own folder, as the tool keeps files where it runs. What the document promises is checked, not what the tool
# believes of other people's APIs.
cd "$work"
timeout "${FUZZ_TIMEOUT:-1500}" "$SCHEMATHESIS" run "http://127.0.0.1:$port/openapi.json" --no-color \
  --phases examples,coverage,fuzzing --max-examples "$examples" --seed "$seed" --generation-database none \
  --suppress-health-check all --continue-on-failure --warnings off \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance
kill -0 "$service" || { echo "the service has died:" >&2; tail "$work/service.log" >&2; exit 1; }
