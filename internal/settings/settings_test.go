package settings_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/settings"
)

// environment is a Lookup over name, value, name, value, …
func environment(pairs ...string) settings.Lookup {
	return func(name string) (string, bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

var (
	apiDefaults = settings.API{
		Port: 5000, Kafka: settings.Kafka{Brokers: []string{"localhost:9092"}, Topic: "events",
			Auth: settings.AuthNone},
		LogLevel: slog.LevelInfo, PublishTimeout: 10 * time.Second, Store: settings.Store{Kind: "memory"},
		MetricsPort: 9464, MetricsAddress: "127.0.0.1", AccessLogOneIn: 100,
	}
	processorDefaults = settings.Processor{
		Kafka: apiDefaults.Kafka, LogLevel: slog.LevelInfo, DeadLetterTopic: "events.dlq", MaxAttempts: 5,
		AttemptTimeout: 10 * time.Second, BackoffBase: 2 * time.Second, BackoffCap: 30 * time.Second,
		Store: settings.Store{Kind: "memory", Retention: 30 * 24 * time.Hour}, HandlersConcurrency: 64, Schemas: "off",
	}
)

func TestAnEmptyEnvironmentHasDefaults(t *testing.T) {
	blank := func(value string) settings.Lookup { return func(string) (string, bool) { return value, true } }
	for name, lookup := range map[string]settings.Lookup{
		"where nothing is set": environment(), "where all is set to nothing": blank(""),
		"where all is set to space": blank(" \t"),
	} {
		t.Run(name, func(t *testing.T) {
			api, err := settings.LoadAPI(lookup)
			if diff := cmp.Diff(apiDefaults, api); diff != "" || err != nil {
				t.Errorf("API: %v\n%s", err, diff)
			}
			processor, err := settings.LoadProcessor(lookup)
			if diff := cmp.Diff(processorDefaults, processor); diff != "" || err != nil {
				t.Errorf("processor: %v\n%s", err, diff)
			}
		})
	}
}

func TestGoodValuesOfTheAPI(t *testing.T) {
	tests := map[string]struct {
		pairs []string
		want  func(*settings.API)
	}{
		"PORT":                 {[]string{"PORT", "80"}, func(s *settings.API) { s.Port = 80 }},
		"space around a value": {[]string{"PORT", " 80\n"}, func(s *settings.API) { s.Port = 80 }},
		"several brokers": {[]string{"KAFKA_BOOTSTRAP_SERVERS", "a:1, b:2"},
			func(s *settings.API) { s.Kafka.Brokers = []string{"a:1", "b:2"} }},
		"TLS_SELF_SIGNED": {[]string{"TLS_SELF_SIGNED", "true"}, func(s *settings.API) { s.SelfSigned = true }},
		"KAFKA_TOPIC": {[]string{"KAFKA_TOPIC", "Orders_v1.x-y"},
			func(s *settings.API) { s.Kafka.Topic = "Orders_v1.x-y" }},
		"KAFKA_AUTH in any case": {[]string{"KAFKA_AUTH", "IAM"},
			func(s *settings.API) { s.Kafka.Auth = settings.AuthIAM }},
		"LOG_LEVEL in any case": {[]string{"LOG_LEVEL", "debug"},
			func(s *settings.API) { s.LogLevel = slog.LevelDebug }},
		"LOG_LEVEL as Python has it": {[]string{"LOG_LEVEL", "WARNING"},
			func(s *settings.API) { s.LogLevel = slog.LevelWarn }},
		"LOG_LEVEL ERROR": {[]string{"LOG_LEVEL", "ERROR"}, func(s *settings.API) { s.LogLevel = slog.LevelError }},
		"PUBLISH_TIMEOUT": {[]string{"PUBLISH_TIMEOUT", "1500ms"},
			func(s *settings.API) { s.PublishTimeout = 1500 * time.Millisecond }},
		"DRAIN_DELAY":       {[]string{"DRAIN_DELAY", "5s"}, func(s *settings.API) { s.DrainDelay = 5 * time.Second }},
		"no METRICS_PORT":   {[]string{"METRICS_PORT", "0"}, func(s *settings.API) { s.MetricsPort = 0 }},
		"ACCESS_LOG_ONE_IN": {[]string{"ACCESS_LOG_ONE_IN", "1"}, func(s *settings.API) { s.AccessLogOneIn = 1 }},
		"keys of subjects": {[]string{"SHREDDED_TYPES", "order.created, customer.*", "SUBJECT_KEYS", "dynamodb://keys"},
			func(s *settings.API) {
				s.Keys = settings.Keys{Types: []string{"order.created", "customer.*"}, URL: "dynamodb://keys"}
			}},
		"a store in DynamoDB": {[]string{"STORE", "dynamodb", "EVENTS_TABLE", "events"}, func(s *settings.API) {
			s.Store = settings.Store{Kind: "dynamodb", Table: "events"}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want, err := settings.LoadAPI(environment())
			if err != nil {
				t.Fatal(err)
			}
			test.want(&want)
			got, err := settings.LoadAPI(environment(test.pairs...))
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestGoodValuesOfTheProcessor(t *testing.T) {
	want := processorDefaults
	want.DeadLetterTopic, want.MaxAttempts, want.PartialBatchResponse = "dead", 1, true
	want.Store.Retention = 36 * time.Hour
	got, err := settings.LoadProcessor(environment("KAFKA_DLQ_TOPIC", "dead", "MAX_ATTEMPTS", "1",
		"PARTIAL_BATCH_RESPONSE", "True", "OUTCOME_RETENTION", "36h"))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestEventsAndProcessorsHaveOtherTopicsWhereTheEnvironmentSaysSo(t *testing.T) {
	got, err := settings.LoadProcessor(environment("KAFKA_TOPIC", "all", "PROCESSOR", "audit",
		"TOPIC_ROUTES", "order.*=orders, login=logins,logout=logins", "PROCESSOR_TOPICS", "audit=orders,mail=news"))
	if err != nil {
		t.Fatal(err)
	}
	if k := got.Kafka; k.Topic != "all" || k.Routes["order.*"] != "orders" || len(k.Routes) != 3 {
		t.Errorf("the topics of all are %+v", k)
	}
	if topic := got.Topic(); topic != "orders" {
		t.Errorf("audit reads %s", topic)
	}
	if first, other := got.For("").Topic(), got.For("other").Topic(); first != "all" || other != "all" {
		t.Errorf("those without a topic of their own read %s and %s", first, other)
	}
	if diff := cmp.Diff([]string{"all", "logins", "orders", "news"}, got.EventTopics()); diff != "" {
		t.Errorf("the topics of the events (-want +got):\n%s", diff)
	}
	for name, bad := range map[string][]string{
		"a type with two topics":          {"TOPIC_ROUTES", "a=x,a=y"},
		"an asterisk in the midst":        {"TOPIC_ROUTES", "order.*.new=x"},
		"dead letters that are processed": {"TOPIC_ROUTES", "a=events.dlq"},
		"dead letters that audit reads":   {"PROCESSOR_TOPICS", "audit=events.dlq"},
	} {
		if _, err := settings.LoadProcessor(environment(bad...)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestTheDeadLettersOfANamedProcessorAreInATopicWithItsName(t *testing.T) {
	for _, c := range [][3]string{
		{"", "", "events.dlq"}, {"audit", "", "events.dlq.audit"}, {"", "dead", "dead"}, {"audit", "dead", "dead.audit"},
	} {
		got, err := settings.LoadProcessor(environment("PROCESSOR", c[0], "KAFKA_DLQ_TOPIC", c[1]))
		if err != nil || got.Name != c[0] || got.DeadLetterTopic != c[2] {
			t.Errorf("%q with KAFKA_DLQ_TOPIC=%s: %q has %s, %v", c[0], c[1], got.Name, got.DeadLetterTopic, err)
		}
		for name, want := range map[string]string{"": "", "billing": ".billing"} {
			if other := got.For(name); other.DeadLetterTopic != strings.TrimSuffix(c[2], ".audit")+want {
				t.Errorf("from %q, %q has %s", c[0], name, other.DeadLetterTopic)
			}
		}
	}
	_, err := settings.LoadProcessor(environment("PROCESSOR", "audit", "KAFKA_TOPIC", "events.dlq.audit"))
	if err == nil || !strings.Contains(err.Error(), "another topic than KAFKA_TOPIC") {
		t.Errorf("the dead letters of audit in the topic of the events: %v", err)
	}
}

func TestABadValueIsToldWithItsNameAndWhatMayStandThere(t *testing.T) {
	loadAPI := func(lookup settings.Lookup) error { _, err := settings.LoadAPI(lookup); return err }
	loadProcessor := func(lookup settings.Lookup) error { _, err := settings.LoadProcessor(lookup); return err }
	tests := []struct {
		load        func(settings.Lookup) error
		name, value string
		want        string
	}{
		{loadAPI, "PORT", "0", "a whole number from 1 to 65535"},
		{loadAPI, "PORT", "65536", "a whole number from 1 to 65535"},
		{loadAPI, "PORT", "http", "a whole number from 1 to 65535"},
		{loadAPI, "LOG_LEVEL", "TRACE", "one of DEBUG, INFO, WARN, WARNING, ERROR"},
		{loadAPI, "KAFKA_AUTH", "sasl", "one of none, iam"},
		{loadAPI, "KAFKA_BOOTSTRAP_SERVERS", "kafka", `host:port, or several with commas between: "kafka" is not`},
		{loadAPI, "KAFKA_BOOTSTRAP_SERVERS", "a:1,b:port,c", `"b:port" is not, "c" is not`},
		{loadAPI, "KAFKA_BOOTSTRAP_SERVERS", ",", "there is none"},
		{loadAPI, "KAFKA_TOPIC", "a b", "a topic name: 1 to 249 of"},
		{loadAPI, "KAFKA_TOPIC", "..", "a topic name"},
		{loadAPI, "KAFKA_TOPIC", strings.Repeat("x", 250), "a topic name"},
		{loadAPI, "PUBLISH_TIMEOUT", "10", "with its unit, such as 500ms or 10s"},
		{loadAPI, "PUBLISH_TIMEOUT", "99ms", "a duration from 100ms to 1m0s"},
		{loadAPI, "PUBLISH_TIMEOUT", "61s", "a duration from 100ms to 1m0s"},
		{loadAPI, "DRAIN_DELAY", "-1s", "a duration from 0s to 1m0s"},
		{loadAPI, "STORE", "redis", "one of memory, dynamodb"},
		{loadProcessor, "KAFKA_DLQ_TOPIC", "events/dlq", "a topic name"},
		{loadProcessor, "KAFKA_DLQ_TOPIC", "events", "another topic than KAFKA_TOPIC"},
		{loadAPI, "TOPIC_ROUTES", "orders", "TYPE=TOPIC, or several"},
		{loadAPI, "TOPIC_ROUTES", "order.*=or ders", "TYPE=TOPIC, or several"},
		{loadAPI, "TOPIC_ROUTES", "=orders", "TYPE=TOPIC, or several"},
		{loadProcessor, "PROCESSOR_TOPICS", "audit", "PROCESSOR=TOPIC, or several"},
		{loadProcessor, "PROCESSOR_TOPICS", "=orders", "the first processor, which has no name, reads KAFKA_TOPIC"},
		{loadProcessor, "MAX_ATTEMPTS", "0", "a whole number from 1 to 100"},
		{loadProcessor, "MAX_ATTEMPTS", "101", "a whole number from 1 to 100"},
		{loadProcessor, "OUTCOME_RETENTION", "30d", "a duration from 1h0m0s to 87672h0m0s"},
		{loadProcessor, "PARTIAL_BATCH_RESPONSE", "yes", "one of true, false"},
		{loadProcessor, "KAFKA_AUTH", "sasl", "one of none, iam"},
		{loadProcessor, "PROCESSOR_SECRETS", "SHOP_KEY", "a JSON object of secrets by name: invalid character"},
		{loadProcessor, "PROCESSOR_SECRETS", `{"A":{"value":"x"}}`, `unknown field "value"`},
		{loadProcessor, "PROCESSOR_SECRETS", `{"A":{}}`, "A with either secretsManager or parameter"},
	}
	for _, test := range tests {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			err := test.load(environment(test.name, test.value))
			if err == nil {
				t.Fatal("is taken")
			}
			if text := err.Error(); !strings.HasPrefix(text, test.name+"=") ||
				!strings.Contains(text, strconv.Quote(test.value)) ||
				!strings.Contains(text, test.want) || strings.Contains(text, "\n") {
				t.Errorf("says %q; want the name, the value, and %q in one line", text, test.want)
			}
		})
	}
	t.Run("a store in DynamoDB without a table", func(t *testing.T) {
		if err := loadAPI(environment("STORE", "dynamodb")); err == nil || !strings.HasPrefix(err.Error(), "EVENTS_TABLE=") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSeveralBadValuesAreToldTogether(t *testing.T) {
	_, err := settings.LoadAPI(environment("PORT", "x", "LOG_LEVEL", "y", "KAFKA_AUTH", "z", "PUBLISH_TIMEOUT", "never",
		"STORE", "s"))
	if err == nil {
		t.Fatal("are taken")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 5 {
		t.Errorf("%d lines:\n%v", len(lines), err)
	}
	for _, name := range []string{"PORT", "LOG_LEVEL", "KAFKA_AUTH", "PUBLISH_TIMEOUT", "STORE"} {
		if !strings.Contains(err.Error(), name+"=") {
			t.Errorf("says nothing of %s:\n%v", name, err)
		}
	}
}
