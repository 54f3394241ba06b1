package watch

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/api"
	"event-processing-service/console"
	"event-processing-service/internal/event"
	"event-processing-service/internal/settings"
)

// cluster describes topics and groups.
type cluster struct{ client *kgo.Client }

func (c *cluster) Describe(ctx context.Context) (d console.Description, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	admin := kadm.NewClient(c.client)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return d, fmt.Errorf("list topics: %w", err)
	}
	first, err1 := admin.ListStartOffsets(ctx, topics.Names()...)
	end, err2 := admin.ListEndOffsets(ctx, topics.Names()...)
	if err := cmp.Or(err1, err2); err != nil {
		return d, fmt.Errorf("list offsets: %w", err)
	}
	for _, t := range topics.Sorted() {
		topic := console.Topic{Name: t.Topic, Partitions: len(t.Partitions), Replicas: t.Partitions.NumReplicas()}
		for p := range t.Partitions {
			f, _ := first.Lookup(t.Topic, p)
			e, _ := end.Lookup(t.Topic, p)
			topic.Records += e.Offset - f.Offset
		}
		d.Topics = append(d.Topics, topic)
	}
	lags, err := admin.Lag(ctx)
	if err != nil {
		return d, fmt.Errorf("describe groups: %w", err)
	}
	for _, l := range lags.Sorted() {
		g := console.Group{Name: l.Group, State: l.State, Members: []string{}, Behind: l.Lag.Total()}
		for _, m := range l.Members {
			g.Members = append(g.Members, m.ClientID+" at "+strings.TrimPrefix(m.ClientHost, "/"))
		}
		d.Groups = append(d.Groups, g)
	}
	return d, nil
}

// sender posts to the API.
type sender struct{ url, key string }

// maxAnswer is larger than any answer of the API: 1,000 results, each with a problem.
const maxAnswer = 4 << 20

func (s *sender) send(ctx context.Context, contentType string, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("ask the API: %w", err)
	}
	req.Header.Set("Content-Type", contentType)
	if s.key != "" {
		req.Header.Set("Authorization", "Bearer "+s.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("ask the API: %w", err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, err
}

// Publisher reports to the journal which events Kafka has stored and which it has not.
func Publisher(p api.Publisher, journal *console.Journal) api.Publisher { return publisher{p, journal} }

type publisher struct {
	api.Publisher
	journal *console.Journal
}

func (p publisher) Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	receipts := p.Publisher.Publish(ctx, events, transport...)
	for i := range receipts {
		e, r := &events[i], &receipts[i]
		s := console.Step{State: console.Accepted, Type: e.Type, ID: e.ID, Source: e.Source, Key: e.PartitionKey()}
		if r.Err != nil {
			s.State, s.Error = console.Refused, r.Err.Error()
		} else {
			s.Place = console.PlaceOf(r.Place)
		}
		p.journal.Add(s)
	}
	return receipts
}

// shown are the variables whose values may be shown. All others are hidden, because a new variable may be a secret.
var shown = []string{
	"PORT", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC", "KAFKA_AUTH", "LOG_LEVEL", "PUBLISH_TIMEOUT", "DRAIN_DELAY",
	"STORE", "EVENTS_TABLE", "METRICS_PORT", "METRICS_ADDRESS", "ACCESS_LOG_ONE_IN", "RATE_LIMIT",
	"TLS_SELF_SIGNED", "TRUSTED_PROXIES", "CORS_ALLOWED_ORIGINS", "PUBLIC_URL", "SCHEMA_MODE", "OPEN_CURRENT_TIME",
	"KAFKA_DLQ_TOPIC", "MAX_ATTEMPTS", "PARTIAL_BATCH_RESPONSE", "ATTEMPT_TIMEOUT", "BACKOFF_BASE", "BACKOFF_CAP",
	"HANDLERS_CONCURRENCY",
	"PROCESSOR", "PROCESSOR_SCHEMAS", "PROCESSOR_TOPICS", "TOPIC_ROUTES", "FOREIGN_ID_MEMBER",
}

func settingsOf(lookup settings.Lookup) []console.Setting {
	all := []console.Setting{}
	fromAPI, fromProcessor := settings.Variables()
	for _, v := range append(fromAPI, fromProcessor...) {
		if slices.ContainsFunc(all, func(s console.Setting) bool { return s.Name == v.Name }) {
			continue
		}
		s := console.Setting{Name: v.Name, Default: v.Default, Meaning: strings.ReplaceAll(v.Meaning, "`", "")}
		if value, _ := lookup(v.Name); slices.Contains(shown, v.Name) {
			s.Value = value
		} else {
			s.Hidden = value != ""
		}
		all = append(all, s)
	}
	return all
}
