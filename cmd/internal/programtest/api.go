// Package programtest checks that each program obeys its environment: it sets each variable that the program reads to
// another value than the default, and checks the effect. A variable without a check is an error.
package programtest

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/internal/settings"
)

// Program runs until its test ends.
type Program struct {
	URL  string
	Log  func() string // its log so far
	Stop func()        // stops it

	patience time.Duration
}

// StartAPI starts a program that serves the API, in this environment. PORT is already set.
type StartAPI func(t *testing.T, env settings.Lookup) *Program

// demand is the effect that a variable must have.
type demand struct {
	value string
	with  []string               // other variables, name, value, …
	seen  func(p *Program) error // fails if the effect is missing
}

// API checks each of the API's variables, except those that the caller tests itself.
func API(t *testing.T, start StartAPI, but ...string) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_REGION", "us-east-1")
	variables, _ := settings.Variables()
	demands := apiDemands(t)
	for _, v := range variables {
		if slices.Contains(but, v.Name) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			d, ok := demands[v.Name]
			if !ok {
				t.Fatalf("nothing is demanded of %s: add it to apiDemands", v.Name)
			}
			others := append(broker(t), d.with...)
			set := append(slices.Clone(others), v.Name, d.value)
			if _, err := settings.LoadAPI(Environment(others...)); err == nil && v.Name != "PORT" {
				t.Run("unset", func(t *testing.T) {
					p := start(t, Environment(others...))
					p.patience = 200 * time.Millisecond
					if d.seen(p) == nil {
						t.Errorf("the effect is seen without it, too: the test proves nothing")
					}
				})
			}
			t.Run("set", func(t *testing.T) {
				p := start(t, Environment(set...))
				if err := d.seen(p); err != nil {
					t.Errorf("%s=%s has no effect: %v", v.Name, d.value, err)
				}
			})
		})
	}
}

// Environment is a Lookup of alternating names and values. Of equal names the last counts.
func Environment(pairs ...string) settings.Lookup {
	return func(name string) (string, bool) {
		for i := len(pairs) - 2; i >= 0; i -= 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// broker is the environment of a program with a broker of its own.
func broker(t *testing.T) []string {
	return []string{"KAFKA_BOOTSTRAP_SERVERS", address(newBroker(t, nil)), "METRICS_PORT", "0"}
}

func address(c *kfake.Cluster) string { return strings.Join(c.ListenAddrs(), ",") }

// newBroker calls produced before each request that stores something.
func newBroker(t *testing.T, produced func()) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(1, "events", "other", "events.dlq", "events.dlq.audit",
			"dead"))
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(c.Close)
	if produced != nil {
		c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			produced()
			return nil, nil, false
		})
	}
	return c
}

// FreePort returns a free port. It is below the system's ports for connections, because one of those could be taken
// before the program listens.
func FreePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 15000 + rand.IntN(17000)
		if ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// flag is raised by one goroutine and lowered by another.
type flag struct {
	mu   sync.Mutex
	set  bool
	said string // what raise was told
}

func (f *flag) raise() { f.raiseFor("") }

func (f *flag) raiseFor(said string) { f.mu.Lock(); f.set, f.said = true, said; f.mu.Unlock() }

func (f *flag) seen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.set {
		return errors.New("it was not asked")
	}
	f.set = false
	return nil
}

// table is a stand-in for an empty DynamoDB.
func table(t *testing.T, name string) *flag {
	t.Helper()
	asked := &flag{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a truncated request names no table
		if regexp.MustCompile(`"TableName":"` + name + `"`).Match(body) {
			asked.raiseFor(string(body))
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", s.URL)
	return asked
}

func want(status int, err error, wanted int) error {
	if err == nil && status != wanted {
		err = fmt.Errorf("the answer is %d, not %d", status, wanted)
	}
	return err
}

func (p *Program) ask(method, path, body string, headers ...string) (status int, answer string, header http.Header,
	err error) {
	req, err := http.NewRequest(method, p.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.DefaultClient
	if strings.HasPrefix(p.URL, "https:") { // with a certificate that nobody can verify
		client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Header, err
}

func (p *Program) post(headers ...string) (status int, answer string, err error) {
	status, answer, _, err = p.ask(http.MethodPost, "/v1/events", `{"type":"order.created"}`, headers...)
	return status, answer, err
}

// eventually waits for an effect that may come after the answer.
func (p *Program) eventually(seen func() error) (err error) {
	for end := time.Now().Add(cmp.Or(p.patience, 5*time.Second)); time.Now().Before(end); time.Sleep(
		10 * time.Millisecond) {
		if err = seen(); err == nil {
			return nil
		}
	}
	return err
}

func atPort(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) }

// AwaitLive waits until the program answers.
func (p *Program) AwaitLive(t *testing.T) {
	t.Helper()
	if err := p.eventually(func() error {
		status, _, _, err := p.ask(http.MethodGet, "/health/live", "")
		return want(status, err, http.StatusOK)
	}); err != nil {
		t.Fatalf("it does not start: %v\n%s", err, p.Log())
	}
}

// vault is a stand-in for Secrets Manager with one secret, and others by their ids. It tells when the first is asked
// for.
func vault(t *testing.T, id, value string, others map[string]string) *flag {
	t.Helper()
	asked := &flag{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a truncated request names no secret
		if strings.Contains(string(body), `"SecretId":"`+id+`"`) {
			asked.raise()
		}
		answer := value
		for other, its := range others {
			if strings.Contains(string(body), `"SecretId":"`+other+`"`) {
				answer = its
			}
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": answer})
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", s.URL)
	return asked
}
