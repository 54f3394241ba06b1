package programtest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/canary"
	"event-processing-service/internal/secrets"
)

// apiDemands are the demands by variable.
func apiDemands(t *testing.T) map[string]demand {
	const keys = `{"shop":"0123456789abcdef"}`
	port, metricsPort, elsewherePort := FreePort(t), FreePort(t), FreePort(t)
	var produced flag
	limits, limitsAsked := listener(t)
	canaryKey := secrets.NewKey()
	mine, keysAsked := table(t, "mine"), vault(t, "shop/keys", keys, map[string]string{"shop/canary": canaryKey})
	subjectKeys := t.TempDir()
	keysFile := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keysFile, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]demand{
		"PORT": {value: strconv.Itoa(port), seen: func(*Program) error {
			_, _, _, err := (&Program{URL: atPort(port)}).ask(http.MethodGet, "/health/live", "")
			return err
		}},
		"TLS_SELF_SIGNED": {value: "true", seen: func(p *Program) error {
			_, host, _ := strings.Cut(p.URL, "://")
			status, _, _, err := (&Program{URL: "https://" + host}).ask(http.MethodGet, "/health/live", "")
			plain, answer, _, badly := (&Program{URL: "http://" + host}).ask(http.MethodGet, "/health/live", "")
			return errors.Join(want(status, err, http.StatusOK), want(plain, badly, http.StatusBadRequest),
				contains(answer, "this port speaks HTTPS"))
		}},
		"KAFKA_BOOTSTRAP_SERVERS": {value: address(newBroker(t, produced.raise)), seen: func(p *Program) error {
			_, _, err := p.post()
			return errors.Join(err, produced.seen())
		}},
		"KAFKA_TOPIC": {value: "other", seen: func(p *Program) error {
			_, answer, err := p.post()
			return errors.Join(err, contains(answer, `"topic":"other"`))
		}},
		"TOPIC_ROUTES": {value: "order.*=other", seen: func(p *Program) error {
			_, answer, err := p.post()
			return errors.Join(err, contains(answer, `"topic":"other"`))
		}},
		"KAFKA_AUTH": {value: "iam", with: []string{"PUBLISH_TIMEOUT", "300ms"}, seen: func(p *Program) error {
			status, _, err := p.post() // the broker speaks no TLS
			return want(status, err, http.StatusServiceUnavailable)
		}},
		"LOG_LEVEL": {value: "ERROR", seen: func(p *Program) error {
			status, _, err := p.post()
			if strings.Contains(p.Log(), `"level":"INFO"`) {
				err = errors.New("there are lines at INFO")
			}
			return want(status, err, http.StatusAccepted)
		}, with: []string{"ACCESS_LOG_ONE_IN", "1"}},
		"PUBLISH_TIMEOUT": {
			value: "200ms",
			with:  []string{"KAFKA_BOOTSTRAP_SERVERS", address(newBroker(t, func() { time.Sleep(1500 * time.Millisecond) }))},
			seen: func(p *Program) error {
				status, _, err := p.post()
				return want(status, err, http.StatusServiceUnavailable)
			},
		},
		"DRAIN_DELAY": {value: "2s", seen: func(p *Program) error {
			p.Stop()
			draining := func() error {
				status, answer, _, err := p.ask(http.MethodGet, "/health/ready", "")
				return errors.Join(want(status, err, http.StatusServiceUnavailable), contains(answer, "draining"))
			}
			if err := p.eventually(draining); err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond) // without a delay it says so for a moment, too
			return draining()
		}},
		"STORE":        {value: "dynamodb", with: []string{"EVENTS_TABLE", "mine"}, seen: asksTable(mine)},
		"EVENTS_TABLE": {value: "mine", with: []string{"STORE", "dynamodb"}, seen: asksTable(mine)},
		"METRICS_PORT": {value: strconv.Itoa(metricsPort), seen: func(*Program) error {
			_, answer, _, err := (&Program{URL: atPort(metricsPort)}).ask(http.MethodGet, "/metrics", "")
			return errors.Join(err, contains(answer, "http_server_active_requests"))
		}},
		"METRICS_ADDRESS": {value: "127.0.0.2", with: []string{"METRICS_PORT", strconv.Itoa(elsewherePort)},
			seen: func(*Program) error {
				url := "http://127.0.0.2:" + strconv.Itoa(elsewherePort)
				_, answer, _, err := (&Program{URL: url}).ask(http.MethodGet, "/metrics", "")
				return errors.Join(err, contains(answer, "http_server_active_requests"))
			}},
		"ACCESS_LOG_ONE_IN": {value: "1", with: []string{"LOG_LEVEL", "INFO"}, seen: func(p *Program) error {
			for range 3 {
				if _, _, err := p.post(); err != nil {
					return err
				}
			}
			return p.eventually(func() error {
				if n := strings.Count(p.Log(), `"msg":"request"`); n != 3 {
					return fmt.Errorf("%d of 3 requests are logged", n)
				}
				return nil
			})
		}},
		"API_KEYS": {value: keys, seen: func(p *Program) error {
			status, _, err := p.post()
			return want(status, err, http.StatusUnauthorized)
		}},
		"API_KEYS_FILE": {value: keysFile, seen: func(p *Program) error {
			status, _, err := p.post()
			return want(status, err, http.StatusUnauthorized)
		}},
		"API_KEYS_SECRET": {value: "shop/keys", seen: func(p *Program) error {
			status, _, err := p.post()
			return errors.Join(want(status, err, http.StatusUnauthorized), keysAsked.seen())
		}},
		"CANARY_KEY_SECRET": {value: "shop/canary", with: []string{"API_KEYS_SECRET", "shop/keys"},
			seen: func(p *Program) error {
				post := func(eventType string) (int, error) {
					status, _, _, err := p.ask(http.MethodPost, "/v1/events", `{"type":"`+eventType+`","source":"`+canary.Source+`"}`,
						"Authorization", "Bearer "+canaryKey)
					return status, err
				}
				status, err := post(canary.Type)
				other, failed := post("order.created")
				return errors.Join(want(status, err, http.StatusAccepted), want(other, failed, http.StatusForbidden))
			}},
		"RATE_LIMIT": {value: "1/1h", seen: twoPosts(http.StatusTooManyRequests)},
		"RATE_LIMIT_URL": {value: "redis://" + limits, with: []string{"RATE_LIMIT", "9/1h"}, seen: func(p *Program) error {
			_, _, err := p.post()
			return errors.Join(err, p.eventually(limitsAsked.seen))
		}},
		"TRUSTED_PROXIES": {value: "127.0.0.0/8", with: []string{"RATE_LIMIT", "1/1h"}, seen: twoPosts(http.StatusAccepted)},
		"CORS_ALLOWED_ORIGINS": {value: "https://app.example.com", seen: func(p *Program) error {
			_, _, header, err := p.ask(http.MethodGet, "/hello", "", "Origin", "https://app.example.com")
			return errors.Join(err, contains(header.Get("Access-Control-Allow-Origin"), "https://app.example.com"))
		}},
		"PUBLIC_URL": {value: "https://api.example.com", seen: func(p *Program) error {
			_, answer, _, err := p.ask(http.MethodGet, "/nowhere", "")
			return errors.Join(err, contains(answer, "https://api.example.com"))
		}},
		"OPEN_CURRENT_TIME": {value: "true", with: []string{"API_KEYS", keys},
			seen: func(p *Program) error {
				status, _, _, err := p.ask(http.MethodGet, "/current_time", "")
				return want(status, err, http.StatusOK)
			}},
		"SHREDDED_TYPES": {value: "order.*", with: []string{"SUBJECT_KEYS", "file://" + filepath.ToSlash(t.TempDir())},
			seen: func(p *Program) error {
				status, answer, err := p.post()
				return errors.Join(want(status, err, http.StatusBadRequest), contains(answer, "/subject"))
			}},
		"SUBJECT_KEYS": {value: "file://" + filepath.ToSlash(subjectKeys), with: []string{"SHREDDED_TYPES", "order.created"},
			seen: func(p *Program) error {
				_, _, _, err := p.ask(http.MethodPost, "/v1/events", `{"type":"order.created","subject":"ada","data":1}`)
				made, _ := filepath.Glob(filepath.Join(subjectKeys, "*.1"))
				return errors.Join(err, want(len(made), nil, 1))
			}},
		"SCHEMA_MODE": {value: "strict", seen: func(p *Program) error {
			status, _, _, err := p.ask(http.MethodPost, "/v1/events", `{"type":"no.such.type"}`)
			return want(status, err, http.StatusUnprocessableEntity)
		}},
	}
}

func contains(text, part string) error {
	if !strings.Contains(text, part) {
		return fmt.Errorf("%q is not in %q", part, text)
	}
	return nil
}

func asksTable(asked *flag) func(*Program) error {
	return func(p *Program) error {
		_, _, _, err := p.ask(http.MethodGet, "/v1/events/one?source=/s", "")
		return errors.Join(err, asked.seen())
	}
}

// twoPosts are posts of two clients behind one proxy.
func twoPosts(second int) func(*Program) error {
	return func(p *Program) error {
		if status, _, err := p.post("X-Forwarded-For", "192.0.2.1"); err != nil || status != http.StatusAccepted {
			return want(status, err, http.StatusAccepted)
		}
		status, _, err := p.post("X-Forwarded-For", "192.0.2.2")
		return want(status, err, second)
	}
}

// listener accepts connections and never answers.
func listener(t *testing.T) (addr string, asked *flag) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	asked = &flag{}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			asked.raise()
			conn.Close()
		}
	}()
	return ln.Addr().String(), asked
}
