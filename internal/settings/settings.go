package settings

import (
	"cmp"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Auth is how a program proves to the brokers who it is.
type Auth string

// The ways to authenticate.
const (
	AuthNone Auth = "none"
	AuthIAM  Auth = "iam"
)

// Auths are the values that KAFKA_AUTH may have.
var Auths = []string{string(AuthNone), string(AuthIAM)}

// Kafka is what both programs need of the brokers.
type Kafka struct {
	Brokers []string // host:port
	Topic   string   // of events whose type has no route
	Auth    Auth
	Routes  map[string]string // topics by event type, or by what types begin with and an asterisk
}

// Store is where outcomes are kept.
type Store struct {
	Kind      string        // "memory" or "dynamodb"
	Table     string        // of DynamoDB
	Retention time.Duration // of an outcome; 0 where the program writes none
}

// API is the environment of the program that serves HTTP.
type API struct {
	Port           int
	SelfSigned     bool // Port speaks TLS, with a certificate that nobody can verify
	Kafka          Kafka
	LogLevel       slog.Level
	PublishTimeout time.Duration
	DrainDelay     time.Duration
	Store          Store
	MetricsPort    int    // 0: none
	MetricsAddress string // of MetricsPort
	AccessLogOneIn int    // 0: none
	Keys           Keys
	Protection
}

// Processor is the environment of the function.
type Processor struct {
	Name                 string // "": the first
	Kafka                Kafka
	LogLevel             slog.Level
	DeadLetterTopic      string // of the processor that Name names
	MaxAttempts          int
	AttemptTimeout       time.Duration
	BackoffBase          time.Duration
	BackoffCap           time.Duration
	ForeignIDMember      string
	Store                Store
	PartialBatchResponse bool
	HandlersConcurrency  int
	Schemas              string            // "off", "warn", "enforce"
	Secrets              map[string]Secret // by name
	Keys                 Keys
	Topics               map[string]string // by processor: the topics of those that do not read Kafka.Topic
}

// LoadAPI reads the environment of the API. The error joins every problem.
func LoadAPI(lookup Lookup) (API, error) {
	r := &reader{lookup: lookup}
	return r.api(), r.err()
}

// LoadProcessor reads the environment of the processor. The error joins every problem.
func LoadProcessor(lookup Lookup) (Processor, error) {
	r := &reader{lookup: lookup}
	return r.processor(), r.err()
}

// LoadArchive reads where the archive lies; "" where nobody says.
func LoadArchive(lookup Lookup) (url string, err error) {
	r := &reader{lookup: lookup}
	return r.archive(), r.err()
}

func (r *reader) archive() (url string) {
	url = r.text("ARCHIVE_URL", "", "the archive: `file:///DIRECTORY` or `s3://BUCKET[/PREFIX]`")
	if url != "" && !strings.HasPrefix(url, "file:///") && !strings.HasPrefix(url, "s3://") {
		r.problem("ARCHIVE_URL", url, "file:///DIRECTORY or s3://BUCKET[/PREFIX]")
	}
	return url
}

func (r *reader) api() API {
	return API{
		Port: r.integer("PORT", 5000, 1, 65535, "port of the API"),
		SelfSigned: r.boolean("TLS_SELF_SIGNED", "`true` serves HTTPS alone on that port, with a certificate that is "+
			"made at the start and signed by nobody: for a load balancer that encrypts and does not verify"),
		Kafka:    r.kafka(),
		LogLevel: r.logLevel(),
		// Less than a second is less than a leader election takes; more than a minute outlives every client.
		PublishTimeout: r.duration("PUBLISH_TIMEOUT", 10*time.Second, 100*time.Millisecond, time.Minute,
			"how long a request waits for Kafka"),
		DrainDelay: r.duration("DRAIN_DELAY", 0, 0, time.Minute,
			"how long connections are accepted after SIGTERM, while `/health/ready` answers 503"),
		Store: r.store(),
		// 9464 is registered for Prometheus exporters.
		MetricsPort: r.integer("METRICS_PORT", 9464, 0, 65535, "private port of `/metrics` and profiles; `0`: none"),
		MetricsAddress: r.address("METRICS_ADDRESS", "127.0.0.1",
			"where that port listens; `0.0.0.0` where a collector comes from elsewhere"),
		AccessLogOneIn: r.integer("ACCESS_LOG_ONE_IN", 100, 0, 1_000_000,
			"one request in this many is logged, with its client's name; `0`: none. Every 5xx is logged"),
		Keys:       r.keys(),
		Protection: r.protection(),
	}
}

func (r *reader) processor() Processor {
	s := Processor{
		Kafka:    r.kafka(),
		LogLevel: r.logLevel(),
		DeadLetterTopic: r.topic("KAFKA_DLQ_TOPIC", "events.dlq",
			"topic of the dead letters; a processor with a name adds `.NAME`"),
		MaxAttempts: r.integer("MAX_ATTEMPTS", 5, 1, 100, "how often a handler is called for one event"),
		// More than Lambda's 14 minutes would never be reached.
		AttemptTimeout: r.duration("ATTEMPT_TIMEOUT", 10*time.Second, time.Millisecond, 14*time.Minute,
			"how long one call of a handler may take"),
		BackoffBase: r.duration("BACKOFF_BASE", 2*time.Second, time.Millisecond, time.Minute,
			"the pause between a handler's attempts, doubled each time; the first is a twentieth of it"),
		BackoffCap: r.duration("BACKOFF_CAP", 30*time.Second, time.Millisecond, 10*time.Minute,
			"the longest pause between a handler's attempts"),
		ForeignIDMember: r.text("FOREIGN_ID_MEMBER", "",
			"member of the JSON that is the id of a record without CloudEvents headers; unset, its place and time are"),
		Store: r.store(),
		PartialBatchResponse: r.boolean("PARTIAL_BATCH_RESPONSE",
			"answer with the failed records; only for a mapping in provisioned mode"),
		HandlersConcurrency: r.integer("HANDLERS_CONCURRENCY", 64, 1, 10_000,
			"how many keys are worked on at once; up to three times as many handlers more, where they take long"),
	}
	// Less than an hour is less than one outage; the most is what a deployment's file may say.
	s.Store.Retention = r.duration("OUTCOME_RETENTION", 30*24*time.Hour, time.Hour, 3653*24*time.Hour,
		"how long an event is remembered: a copy that comes later takes effect again")
	s.Schemas = r.oneOf("PROCESSOR_SCHEMAS", "off", "what becomes of events that break the schema of their type: "+
		"`off`, they are not checked; `warn`, they are logged; `enforce`, they are dead letters at once",
		"off", "warn", "enforce")
	s.Secrets = r.secrets("PROCESSOR_SECRETS", "where the handlers' secrets are stored, "+
		"`{\"NAME\":{\"secretsManager\":\"ID\"},\"OTHER\":{\"parameter\":\"/ID\",\"json\":true}}`; unset, they are variables")
	s.Keys = r.keys()
	if s.BackoffCap < s.BackoffBase {
		r.problem("BACKOFF_CAP", s.BackoffCap.String(), "BACKOFF_BASE or more")
	}
	s.Topics = r.processorTopics("PROCESSOR_TOPICS", "topics of the processors that do not read `KAFKA_TOPIC`, such as "+
		"`audit=orders`")
	named := s.For(r.text("PROCESSOR", "", "which set of handlers it runs, by its name in `handlers.Sets`; unset, the "+
		"first"))
	for _, letters := range []string{s.DeadLetterTopic, named.DeadLetterTopic} {
		// Dead letters would be processed, fail, and come again, without end.
		if slices.Contains(s.EventTopics(), letters) {
			r.problem("KAFKA_DLQ_TOPIC", letters,
				"another topic than KAFKA_TOPIC and those of TOPIC_ROUTES and PROCESSOR_TOPICS")
			break
		}
	}
	return named
}

// Topic is the topic that the processor reads.
func (s Processor) Topic() string { return cmp.Or(s.Topics[s.Name], s.Kafka.Topic) }

// For is the environment of another processor. "" is the first.
func (s Processor) For(name string) Processor {
	s.DeadLetterTopic = strings.TrimSuffix(s.DeadLetterTopic, suffix(s.Name)) + suffix(name)
	s.Name = name
	return s
}

func suffix(processor string) string {
	if processor == "" {
		return ""
	}
	return "." + processor
}

func (r *reader) kafka() Kafka {
	return Kafka{
		Brokers: r.brokers("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092", "brokers: `host:port`, with commas between"),
		Topic:   r.topic("KAFKA_TOPIC", "events", "topic of the events"),
		Auth: Auth(r.oneOf("KAFKA_AUTH", string(AuthNone), "`none`, or `iam` for Amazon MSK (TLS and AWS credentials)",
			Auths...)),
		Routes: r.routes("TOPIC_ROUTES", "topics of event types that do not go to `KAFKA_TOPIC`, such as "+
			"`order.*=orders,audit.login=logins`; of several that match, the longest"),
	}
}

func (r *reader) brokers(name, byDefault, meaning string) []string {
	brokers := r.list(name, byDefault, meaning)
	var problems []string
	for _, b := range brokers {
		host, port, err := net.SplitHostPort(b)
		if n, e := strconv.ParseUint(port, 10, 16); err != nil || host == "" || e != nil || n == 0 {
			problems = append(problems, strconv.Quote(b)+" is not")
		}
	}
	if len(brokers) == 0 {
		problems = append(problems, "there is none")
	}
	if problems != nil {
		r.problem(name, r.text(name, byDefault, meaning),
			"host:port, or several with commas between: "+strings.Join(problems, ", "))
	}
	return brokers
}

func (r *reader) topic(name, byDefault, meaning string) string {
	v := r.text(name, byDefault, meaning)
	if v != "" && !isTopic(v) {
		r.problem(name, v, "a topic name: 1 to 249 of a-z A-Z 0-9 . _ -")
		return byDefault
	}
	return v
}

func (r *reader) logLevel() slog.Level {
	switch r.oneOf("LOG_LEVEL", "INFO", "`DEBUG`, `INFO`, `WARN`, `ERROR`", "DEBUG", "INFO", "WARN", "WARNING", "ERROR") {
	case "DEBUG":
		return slog.LevelDebug
	case "WARN", "WARNING": // as Python calls it
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	}
	return slog.LevelInfo
}

func (r *reader) store() Store {
	s := Store{
		Kind: r.oneOf("STORE", "memory", "where outcomes are kept: `memory` (of one process) or `dynamodb`",
			"memory", "dynamodb"),
		Table: r.text("EVENTS_TABLE", "", "the table, where `STORE` is `dynamodb`"),
	}
	if s.Kind == "dynamodb" && s.Table == "" {
		r.problem("EVENTS_TABLE", "", "the table's name, as STORE is dynamodb")
	}
	return s
}

// System is the store's name in spans.
//
// Source: OpenTelemetry semantic conventions, "db.system.name".
func (s Store) System() string {
	if s.Kind == "dynamodb" {
		return "aws.dynamodb"
	}
	return s.Kind
}
