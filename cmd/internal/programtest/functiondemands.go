package programtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

type functionDemand struct {
	value string
	with  []string
	seen  func(f *Function) error
}

func functionDemands(t *testing.T) map[string]functionDemand {
	var produced flag
	mine := table(t, "mine")
	asked := vault(t, "shop/key", "secret", nil)
	invoke := func(f *Function, eventType string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		answer, err := f.Function.Invoke(ctx, record(eventType))
		return string(answer), err
	}
	letters := func(topic string, seen func(f *Function) error) func(*Function) error {
		return func(f *Function) error {
			if _, err := invoke(f, "failing"); err != nil {
				return err
			}
			if n := f.dead(topic); n != 1 {
				return fmt.Errorf("%d dead letters in %s", n, topic)
			}
			return seen(f)
		}
	}
	nothing := func(*Function) error { return nil }
	return map[string]functionDemand{
		"KAFKA_BOOTSTRAP_SERVERS": {value: address(newBroker(t, produced.raise)), seen: func(f *Function) error {
			_, err := invoke(f, "failing")
			return errors.Join(err, produced.seen())
		}},
		// The function gets its records from its caller. The topic is for the programs that read it.
		"KAFKA_TOPIC": {value: "other", seen: func(f *Function) error { return contains(f.env.Topic(), "other") }},
		"TOPIC_ROUTES": {value: "follow*=other", seen: func(f *Function) error {
			_, err := invoke(f, "publishing")
			if n := f.dead("other"); n != 1 {
				return fmt.Errorf("%d events were published to the topic of their type: %w", n, err)
			}
			return err
		}},
		"PROCESSOR_TOPICS": {value: "audit=other", with: []string{"PROCESSOR", "audit"}, seen: func(f *Function) error {
			return contains(f.env.Topic(), "other")
		}},
		"KAFKA_AUTH": {value: "iam", seen: func(f *Function) error {
			if _, err := invoke(f, "failing"); err == nil { // the broker speaks no TLS
				return errors.New("the dead letter was stored")
			}
			return nil
		}},
		"LOG_LEVEL": {value: "ERROR", seen: func(f *Function) error {
			if _, err := invoke(f, "good"); err != nil {
				return err
			}
			if strings.Contains(f.Log(), `"msg":"event processed"`) {
				return errors.New("there are lines at INFO")
			}
			return nil
		}},
		"PROCESSOR":       {value: "audit", seen: letters("events.dlq.audit", nothing)},
		"KAFKA_DLQ_TOPIC": {value: "dead", seen: letters("dead", nothing)},
		"MAX_ATTEMPTS": {value: "2", seen: letters("events.dlq", func(f *Function) error {
			if !regexp.MustCompile(`"msg":"event dead-lettered".*"attempts":2`).MatchString(f.Log()) {
				return fmt.Errorf("not after 2 attempts: %s", f.Log())
			}
			return nil
		})},
		"ATTEMPT_TIMEOUT": {value: "50ms", seen: func(f *Function) error {
			start := time.Now()
			_, err := invoke(f, "hanging")
			if took := time.Since(start); took > time.Second {
				return fmt.Errorf("the attempt took %s", took)
			}
			return err
		}},
		// The invocation leaves 2 s for attempts and their pauses.
		"BACKOFF_BASE": {value: "20ms", with: []string{"MAX_ATTEMPTS", "4"}, seen: letters("events.dlq", nothing)},
		"BACKOFF_CAP": {
			value: "600ms", with: []string{"MAX_ATTEMPTS", "5", "BACKOFF_BASE", "600ms"},
			seen: letters("events.dlq", nothing),
		},
		"FOREIGN_ID_MEMBER": {value: "event_id", seen: func(f *Function) error {
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
			defer cancel()
			foreign := `{"records":{"events-0":[{"topic":"events","offset":1,"value":"{\"event_id\":\"e-7\"}"}]}}`
			_, err := f.Function.Invoke(ctx, []byte(foreign))
			return errors.Join(err, contains(f.Log(), `"event_id":"e-7"`))
		}},
		"STORE":        {value: "dynamodb", with: []string{"EVENTS_TABLE", "mine"}, seen: writes(invoke, mine)},
		"EVENTS_TABLE": {value: "mine", with: []string{"STORE", "dynamodb"}, seen: writes(invoke, mine)},
		"OUTCOME_RETENTION": {value: "36h", with: []string{"STORE", "dynamodb", "EVENTS_TABLE", "mine"},
			seen: func(f *Function) error { return errors.Join(writes(invoke, mine)(f), mine.expiresIn(36*time.Hour)) }},
		"PARTIAL_BATCH_RESPONSE": {value: "true", with: []string{"KAFKA_AUTH", "iam"}, seen: func(f *Function) error {
			answer, err := invoke(f, "failing") // its dead letter can't be stored
			return errors.Join(err, contains(answer, `"itemIdentifier":{"partition":"events-0","offset":1}`))
		}},
		// One slot, and three slots that slow handlers lend.
		"HANDLERS_CONCURRENCY": {value: "1", seen: func(f *Function) error {
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
			defer cancel()
			_, err := f.Function.Invoke(ctx, records("crowded", 12))
			if n := f.dead("events.dlq"); n > 0 {
				return fmt.Errorf("%d handlers found too many others", n)
			}
			return err
		}},
		"PROCESSOR_SCHEMAS": {value: "enforce", seen: func(f *Function) error {
			_, err := invoke(f, "current_time.requested") // its data is not JSON
			return errors.Join(err, contains(f.Log(), "data breaks the schema of current_time.requested"))
		}},
		"SHREDDED_TYPES": {value: "followup", with: []string{"SUBJECT_KEYS", "file://" + filepath.ToSlash(t.TempDir())},
			seen: func(f *Function) error { // the follow-up has no subject
				_, err := invoke(f, "publishing")
				return errors.Join(err, contains(f.Log(), "their data is encrypted with a key of the subject"))
			}},
		"SUBJECT_KEYS": {value: "file://" + filepath.ToSlash(t.TempDir()), seen: func(f *Function) error {
			sealed := recordWith("failing", "ce_datakeyid", "k1", "ce_datakeyalg", "A256GCM")
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
			defer cancel()
			_, err := f.Function.Invoke(ctx, sealed)
			return errors.Join(err, contains(f.Log(), "key k1 is not in this key store"))
		}},
		"PROCESSOR_SECRETS": {value: `{"SHOP_KEY":{"secretsManager":"shop/key"}}`,
			seen: func(*Function) error { return asked.seen() }},
	}
}

func writes(invoke func(*Function, string) (string, error), asked *flag) func(*Function) error {
	return func(f *Function) error {
		_, err := invoke(f, "good")
		return errors.Join(err, asked.seen())
	}
}

// expiresIn fails unless the last item that was written expires in d.
func (f *flag) expiresIn(d time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := regexp.MustCompile(`"expires_at":\{"N":"(\d+)"\}`).FindStringSubmatch(f.said)
	if found == nil {
		return fmt.Errorf("nothing expires in %s", f.said)
	}
	at, err := strconv.ParseInt(found[1], 10, 64)
	if off := time.Until(time.Unix(at, 0)) - d; err != nil || off.Abs() > time.Minute {
		return fmt.Errorf("it expires %s off: %w", off, err)
	}
	return nil
}
