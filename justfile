# event-processing-service: `just` lists what there is. Each recipe is a line or two that also works without just.

set shell := ["bash", "-euo", "pipefail", "-c"]

import 'stack.just'
import 'faults.just'

api_url := "http://localhost:5001"

# A variable of just's, so that `just IMAGE_TAG=v1.2.3 aws-deploy prod` says it, too; empty is unset
export IMAGE_TAG := env('IMAGE_TAG', '')

# List the recipes
[group('help')]
help:
    @just --list --unsorted

# Run everything in one process; needs only Go
[group('run')]
local *args:
    go run ./cmd/local {{ args }}

# Serve the console for the brokers that the environment names, or of a stack: `just console prod`; then eventctl's flags, such as --log -
[group('look')]
[positional-arguments]
console *args:
    @{{ if args =~ '^[a-z]' { 'stack/console' } else { 'go run ./cmd/eventctl console' } }} "$@"

# Post 1,000 events of all known types, the same each time, 20 of them faulty; takes eventctl's flags, such as --print
[group('look')]
seed *args:
    go run ./cmd/eventctl seed {{ args }}

# Answer as the API's document says, without Kafka, for clients' tests: docs/clients.md
[group('run')]
mock *args:
    go run ./cmd/mock {{ args }}

# Start the containers and follow their logs
[group('run')]
dev: up logs

# Build and start the containers, and wait until each is healthy
[group('run')]
up:
    docker compose up --build --detach --wait

# Stop the containers; Kafka keeps the events, but their outcomes are lost
[group('run')]
down:
    docker compose down

# Restart the containers
[group('run')]
restart: down up

# Show the health of the API and its dependencies
[group('look')]
health url=api_url:
    curl --silent --show-error --fail-with-body {{ url }}/health/ready && echo

# Show the containers, and how far behind the processor is
[group('look')]
status:
    docker compose ps --all
    docker compose run --rm --no-deps --entrypoint /eventctl setup status

# Follow the logs of all containers, or of those named
[group('look')]
logs *services:
    @# In a process group of its own, so that Ctrl-C ends the logs and not, with an error, just
    @set -m; trap 'exit 0' INT; docker compose logs --follow --tail 100 {{ services }} || [ $? -eq 130 ]

# Follow the API's logs
[group('look')]
logs-api: (logs "api")

# Follow the processor's logs
[group('look')]
logs-processor: (logs "processor")

# Follow Kafka's logs
[group('look')]
logs-kafka: (logs "kafka")

# List the topics
[group('kafka')]
topics brokers="localhost:9092":
    KAFKA_BOOTSTRAP_SERVERS={{ brokers }} go run ./cmd/eventctl topics list

# Create a topic with the given number of partitions, unless it exists
[group('kafka')]
create-topic name="events" partitions="3" brokers="localhost:9092":
    KAFKA_BOOTSTRAP_SERVERS={{ brokers }} go run ./cmd/eventctl topics apply --topic {{ name }} --partitions {{ partitions }}

# Run the tests and, if the containers are up, send an event through them
[group('test')]
test:
    go test ./...
    if curl --silent --fail --output /dev/null {{ api_url }}/healthcheck; then just smoke; else echo "no API at {{ api_url }}: the smoke test of the containers is left out"; fi

# Install the tools of `check` in the versions of CI, below the user's cache folder
[group('help')]
setup:
    .ci/setup

# Check formatting, vet and the changed packages' tests before each commit of this clone
[group('help')]
hooks:
    ln -sf "$(git rev-parse --show-toplevel)/.ci/pre-commit" "$(git rev-parse --git-path hooks)/pre-commit"

# Format, vet and lint
[group('test')]
check:
    just --fmt --check
    golangci-lint run ./...
    go vet ./...

# Post an event to a deployment and wait until it is processed
[group('test')]
smoke url=api_url:
    go run ./cmd/eventctl send --url {{ url }} --type smoke.test --data '{"smoke":true}' --wait 30s

# Run the tests that need a broker (KAFKA_BOOTSTRAP_SERVERS) and DynamoDB Local (DYNAMODB_ENDPOINT)
[group('test')]
test-integration:
    go test -race -tags integration ./...

# Walk the console's tour in a real browser: chromium on the PATH, and axe-core by npm; `shots` keeps pictures there
[group('test')]
test-console shots="":
    CONSOLE_SHOTS={{ shots }} .ci/console

# Measure the service and the parts it is made of, on KAFKA_BOOTSTRAP_SERVERS and DYNAMODB_ENDPOINT or else on the containers'
[group('test')]
bench *args:
    [ -n "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || docker compose up --detach --wait kafka
    [ -n "${DYNAMODB_ENDPOINT:-}" ] || docker compose up --detach --wait dynamodb
    KAFKA_BOOTSTRAP_SERVERS="${KAFKA_BOOTSTRAP_SERVERS:-localhost:9092}" DYNAMODB_ENDPOINT="${DYNAMODB_ENDPOINT:-http://localhost:8000}" go run ./bench {{ args }}

# Measure what the console's page takes, and what it costs the others, at 5,000 events a second and on a topic of so many records; needs chromium
[group('test')]
bench-console records="10000000" *args="-rounds 4 -duration 5s":
    [ -n "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || docker compose up --detach --wait kafka
    KAFKA_BOOTSTRAP_SERVERS="${KAFKA_BOOTSTRAP_SERVERS:-localhost:9092}" go run ./bench -parts console,backlog -records {{ records }} -out "$(mktemp -d)" {{ args }}

# Fuzz each decoder for a while
[group('test')]
fuzz time="10s":
    .ci/fuzz {{ time }}

# Invoke the function with an event file: in process, or `--bootstrap PATH` through the Lambda Runtime API
[group('run')]
invoke file="cmd/eventctl/testdata/msk-event.json" *args:
    go run ./cmd/eventctl invoke {{ file }} {{ args }}

# Stop the containers and delete their events
[group('clean')]
clean:
    docker compose down --volumes --remove-orphans

# Like clean, and also delete the images and everything that was built
[group('clean')]
clean-all: clean
    docker image rm --force event-processing-service-api:local event-processing-service-processor:local
    rm -rf bin dist
