package settings

import (
	"log/slog"
	"strings"
	"time"

	"event-processing-service/internal/kafka"
)

// Kafka is what both programs need of the brokers.
type Kafka struct {
	Brokers []string
	Topic   string
	Auth    kafka.Auth
}

// Store is where outcomes are kept.
type Store struct {
	Kind  string // "memory" or "dynamodb"
	Table string // of DynamoDB
}

// API is the environment of cmd/api.
type API struct {
	Port           int
	Kafka          Kafka
	LogLevel       slog.Level
	PublishTimeout time.Duration
	DrainDelay     time.Duration
	Store          Store
	MetricsPort    int // 0: none
	AccessLogOneIn int // 0: none
	Protection
}

// Processor is the environment of cmd/processor.
type Processor struct {
	Kafka                Kafka
	LogLevel             slog.Level
	DeadLetterTopic      string
	MaxAttempts          int
	Store                Store
	PartialBatchResponse bool
}

// LoadAPI reads the environment of the API. The error joins every problem.
func LoadAPI(lookup Lookup) (API, error) {
	r := &reader{lookup: lookup}
	s := API{
		Port:     r.integer("PORT", 5000, 1, 65535),
		Kafka:    r.kafka(),
		LogLevel: r.logLevel(),
		// Less than a second is less than a leader election takes; more than a minute outlives every client.
		PublishTimeout: r.duration("PUBLISH_TIMEOUT", kafka.DefaultTimeout, 100*time.Millisecond, time.Minute),
		DrainDelay:     r.duration("DRAIN_DELAY", 0, 0, time.Minute),
		Store:          r.store(),
		MetricsPort:    r.integer("METRICS_PORT", 9464, 0, 65535), // 9464 is registered for Prometheus exporters
		AccessLogOneIn: r.integer("ACCESS_LOG_ONE_IN", 100, 0, 1_000_000),
		Protection:     r.protection(),
	}
	return s, r.err()
}

// LoadProcessor reads the environment of the processor. The error joins every problem.
func LoadProcessor(lookup Lookup) (Processor, error) {
	r := &reader{lookup: lookup}
	s := Processor{
		Kafka:                r.kafka(),
		LogLevel:             r.logLevel(),
		DeadLetterTopic:      r.topic("KAFKA_DLQ_TOPIC", "events.dlq"),
		MaxAttempts:          r.integer("MAX_ATTEMPTS", 5, 1, 100),
		Store:                r.store(),
		PartialBatchResponse: r.boolean("PARTIAL_BATCH_RESPONSE"),
	}
	if s.DeadLetterTopic == s.Kafka.Topic { // dead letters would be processed, fail, and come again, without end
		r.problem("KAFKA_DLQ_TOPIC", s.DeadLetterTopic, "another topic than KAFKA_TOPIC")
	}
	return s, r.err()
}

func (r *reader) kafka() Kafka {
	k := Kafka{
		Brokers: kafka.ParseBrokers(r.text("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")),
		Topic:   r.topic("KAFKA_TOPIC", "events"),
		Auth:    kafka.Auth(r.oneOf("KAFKA_AUTH", string(kafka.AuthNone), string(kafka.AuthNone), string(kafka.AuthIAM))),
	}
	// Without credentials here: whether the addresses are addresses is all that is asked.
	if err := (kafka.Config{Brokers: k.Brokers, Auth: kafka.AuthNone}).Validate(); err != nil {
		r.problem("KAFKA_BOOTSTRAP_SERVERS", r.text("KAFKA_BOOTSTRAP_SERVERS", ""), "host:port, or several with commas between: "+strings.ReplaceAll(err.Error(), "\n", ", "))
	}
	return k
}

func (r *reader) topic(name, byDefault string) string {
	v := r.text(name, byDefault)
	legal := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	if len(v) > 249 || v == "." || v == ".." || strings.ContainsFunc(v, func(c rune) bool { return !legal(c) }) {
		r.problem(name, v, "a topic name: 1 to 249 of a-z A-Z 0-9 . _ -")
		return byDefault
	}
	return v
}

func (r *reader) logLevel() slog.Level {
	var level slog.Level
	name := r.oneOf("LOG_LEVEL", "INFO", "DEBUG", "INFO", "WARN", "WARNING", "ERROR")
	if name == "WARNING" { // as Python calls it
		name = "WARN"
	}
	if err := level.UnmarshalText([]byte(name)); err != nil {
		r.problem("LOG_LEVEL", name, "a level of log/slog")
	}
	return level
}

func (r *reader) store() Store {
	s := Store{Kind: r.oneOf("STORE", "memory", "memory", "dynamodb"), Table: r.text("EVENTS_TABLE", "")}
	if s.Kind == "dynamodb" && s.Table == "" {
		r.problem("EVENTS_TABLE", "", "the table's name, as STORE is dynamodb")
	}
	return s
}
