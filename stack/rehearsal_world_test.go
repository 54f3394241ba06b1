//go:build pulumi

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// world is what a delivery asks beside the engine: S3, ECS and Lambda as far as it needs them, and the API of each
// stack, behind which all have one real service: cmd/local.
type world struct {
	folder  string            // the buckets, what the stand-in tools noted, and the outputs of each stack
	url     string            // of /ecs/STACK, /lambda/STACK, the API at /api/STACK, and S3
	fails   map[string]string // by "STACK VERSION", what does: the roll-out or an event
	service http.Handler
}

const (
	rollOutFails = "roll-out"
	losesEvents  = "event"
)

// engine is the real one. What it deployed is noted for the world, and the address of the API is the world's.
const engine = `#!/usr/bin/env bash
set -euo pipefail
for ((i = 1; i < $#; i++)); do [ "${!i}" != --stack ] || { next=$((i + 1)); stack=${!next}; }; done
case "$*" in
"stack output --json"*) "$ENGINE" "$@" | jq --arg url "$WORLD/api/$stack" 'if .apiUrl then .apiUrl = $url else . end' ;;
*" apiUrl") echo "$WORLD/api/$stack" ;;
"up "*) "$ENGINE" "$@" && "$ENGINE" stack output --json --stack "$stack" >"$STORE/outputs-$stack.json" ;;
*) exec "$ENGINE" "$@" ;;
esac
`

func newWorld(t *testing.T, repository string) *world {
	t.Helper()
	w := &world{folder: t.TempDir(), fails: map[string]string{}, service: serveLocally(t, repository)}
	mux := http.NewServeMux()
	mux.HandleFunc("/ecs/{stack}", w.ecs)
	mux.HandleFunc("/ecs/{stack}/", w.ecs)
	mux.HandleFunc("GET /lambda/{stack}/2015-03-31/functions/{function}/aliases/live", w.alias)
	mux.HandleFunc("/api/{stack}/", w.api)
	mux.HandleFunc("/", w.storage)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

type noted struct{ ImageTag, TaskDefinition, ProcessorVersion string }

// deployed is what the engine deployed last.
func (w *world) deployed(r *http.Request) (stack string, outputs noted) {
	stack = r.PathValue("stack")
	if text, err := os.ReadFile(filepath.Join(w.folder, "outputs-"+stack+".json")); err == nil {
		_ = json.Unmarshal(text, &outputs)
	}
	return stack, outputs
}

// ecs has one deployment: of what was deployed, or of what ran before, where the circuit breaker took it back.
func (w *world) ecs(rw http.ResponseWriter, r *http.Request) {
	stack, outputs := w.deployed(r)
	if w.fails[stack+" "+outputs.ImageTag] == rollOutFails {
		outputs.TaskDefinition = "the-one-before"
	}
	rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
	fmt.Fprintf(rw, `{"services":[{"deployments":[{"status":"PRIMARY","rolloutState":"COMPLETED","taskDefinition":%q}]}]}`,
		outputs.TaskDefinition)
}

// alias is where the deployment wants it: how it is moved is tested in stack/rollout.
func (w *world) alias(rw http.ResponseWriter, r *http.Request) {
	_, outputs := w.deployed(r)
	fmt.Fprintf(rw, `{"FunctionVersion":%q}`, outputs.ProcessorVersion)
}

func (w *world) api(rw http.ResponseWriter, r *http.Request) {
	stack, outputs := w.deployed(r)
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api/"+stack)
	switch {
	case r.URL.Path == "/v1/health":
		fmt.Fprintf(rw, `{"version":%q}`, outputs.ImageTag)
	case r.Method == http.MethodGet && w.fails[stack+" "+outputs.ImageTag] == losesEvents:
		http.Error(rw, "no such event", http.StatusNotFound)
	default:
		w.service.ServeHTTP(rw, r)
	}
}

// storage is S3 as far as the notes need it, on the folder that the stand-in for `aws s3 cp` writes to, too.
func (w *world) storage(rw http.ResponseWriter, r *http.Request) {
	path := filepath.Join(w.folder, filepath.FromSlash(r.URL.Path))
	found, missing := os.ReadFile(path)
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		prefix := r.URL.Query().Get("prefix")
		notes, _ := filepath.Glob(filepath.Join(path, filepath.FromSlash(prefix), "*"))
		fmt.Fprint(rw, `<ListBucketResult><IsTruncated>false</IsTruncated>`)
		for _, note := range notes {
			if info, err := os.Stat(note); err == nil {
				fmt.Fprintf(rw, "<Contents><Key>%s</Key><LastModified>%s</LastModified></Contents>",
					prefix+filepath.Base(note), info.ModTime().UTC().Format("2006-01-02T15:04:05.000000Z"))
			}
		}
		fmt.Fprint(rw, `</ListBucketResult>`)
	case r.Method == http.MethodGet && missing != nil:
		rw.WriteHeader(http.StatusNotFound)
		fmt.Fprint(rw, `<Error><Code>NoSuchKey</Code></Error>`)
	case r.Method == http.MethodGet:
		_, _ = rw.Write(found)
	case missing == nil && r.Header.Get("If-None-Match") == "*":
		rw.WriteHeader(http.StatusPreconditionFailed)
		fmt.Fprint(rw, `<Error><Code>PreconditionFailed</Code></Error>`)
	default:
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, body, 0o644)
		}
		if err != nil {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	}
}

// serveLocally runs cmd/local until the test ends.
func serveLocally(t *testing.T, repository string) http.Handler {
	t.Helper()
	program := filepath.Join(t.TempDir(), "local")
	build := exec.Command("go", "build", "-o", program, "./cmd/local")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build cmd/local: %v\n%s", err, out)
	}
	var ports [3]string
	for i := range ports {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
		_ = free.Close()
	}
	local := exec.CommandContext(t.Context(), program, "-port", ports[0], "-kafka-port", ports[1], "-console-port", "0")
	local.Env = append(os.Environ(), "METRICS_PORT="+ports[2])
	local.Dir = t.TempDir()
	if err := local.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Wait() }) // the test's context has ended it
	address := &url.URL{Scheme: "http", Host: "127.0.0.1:" + ports[0]}
	for range 300 {
		if answer, err := http.Get(address.String() + "/health/ready"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return httputil.NewSingleHostReverseProxy(address)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("cmd/local does not become ready")
	return nil
}
