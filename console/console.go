// Package console is one page on which a person watches events, understands what became of them, and repairs what went
// wrong. It reads Kafka as anybody may, by place and without a consumer group, and is told of each step by the programs
// themselves: Journal. What it needs of the other parts it declares as interfaces; only the composition root knows
// both.
//
// Everything that it shows of an event was written by somebody else. The server hands it out as JSON, and the page puts
// it into the document as text, never as markup; the content security policy and trusted types hold that.
package console

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"event-processing-service/internal/event"
)

// Records is what the console asks of a topic. No method joins a group or leaves a trace.
type Records interface {
	// Partitions are those of the topic, in their order; of the dead letters there is no Committed.
	Partitions(ctx context.Context, topic string) ([]Partition, error)
	// At yields the record at this offset of each partition, if there is one.
	At(ctx context.Context, topic string, offsets map[int32]int64) iter.Seq2[event.Record, error]
	// Read yields the records of one partition from first on, below end. An error is the last that it yields.
	Read(ctx context.Context, topic string, partition int32, first, end int64) iter.Seq2[event.Record, error]
}

// Partition is how far a partition goes, and how far the processor's group has come in it.
type Partition struct {
	Partition int32 `json:"partition"`
	First     int64 `json:"first"`
	Committed int64 `json:"committed"` // -1: the group has not committed here
	End       int64 `json:"end"`
}

// Waiting is how many records the processor is not done with. Compaction and transactions leave gaps, so there may be
// fewer.
func (p Partition) Waiting() int64 {
	if p.Committed < 0 {
		return p.End - p.First // it begins at the earliest record
	}
	return max(0, p.End-max(p.Committed, p.First))
}

// Outcomes tells what became of an event.
type Outcomes interface {
	Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error)
}

// Letters is the dead letter topic.
type Letters interface {
	// Newest yields the letters that are in the topic now, about so many of each partition's end, and tells whether there
	// are more.
	Newest(ctx context.Context, most int) (letters iter.Seq2[Letter, error], more bool, err error)
	// Replay brings letters back to the topic of the events, and returns for each nil or why it was left alone.
	Replay(ctx context.Context, letters []event.Record) []error
}

// Schemas are the event types that have one.
type Schemas interface {
	Types() []string
	Source(eventType string) []byte
}

// Cluster describes the brokers' topics and groups, for people.
type Cluster interface {
	Describe(ctx context.Context) (Description, error)
}

// Description is what Cluster knows.
type Description struct {
	Topics []Topic `json:"topics"`
	Groups []Group `json:"groups"`
}

// Topic is a topic with its size.
type Topic struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Records    int64  `json:"records"`
}

// Group is a consumer group.
type Group struct {
	Name    string   `json:"name"`
	State   string   `json:"state"`
	Members []string `json:"members"`
	Behind  int64    `json:"behind"`
}

// Setting is one variable of the environment as a program sees it.
type Setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // "": its default holds
	Default string `json:"default"`
	Meaning string `json:"meaning"`
	Hidden  bool   `json:"hidden"` // it is set, and a secret
}

// Config is what the console shows and how it is let in.
type Config struct {
	Events, DeadLetters string // topics
	Group               string // the processor's
	MaxAttempts         int
	Version             string
	APIURL              string   // where its users reach the API; "": not known
	Hosts               []string // names under which the page is reached, beside localhost
	Token               string   // opens what writes; see NewToken
	Settings            []Setting
	Notes               []string // what this console can't see, for people
	Examples            []Example
}

// Parts is what the console works with. A nil part is one that this console does not have, and its page says so.
type Parts struct {
	Journal  *Journal
	Records  Records
	Letters  Letters
	Outcomes Outcomes
	Schemas  Schemas
	Cluster  Cluster
	// Decode reads the event of a record as the processor does. With an error there is the identity of a record that is
	// none.
	Decode func(r *event.Record) (event.Event, error)
	// IsReplay tells a dead letter that was brought back from a record that was never one, by the processor's own rule.
	IsReplay func(r *event.Record) bool
	// Send posts to the API and returns its answer.
	Send func(ctx context.Context, contentType string, body []byte) (status int, answer []byte, err error)
	// Follow tells the journal what it sees until ctx ends. It runs while somebody looks. nil: others tell the journal.
	Follow func(ctx context.Context) error
}

// Console serves the page. Make one with New.
type Console struct {
	cfg      Config
	parts    Parts
	log      *slog.Logger
	sessions *sessions
	watch    *watch
	repair   *repair
}

// New makes a Console.
func New(cfg Config, parts Parts, log *slog.Logger) *Console {
	if parts.Journal == nil {
		parts.Journal = NewJournal()
	}
	c := &Console{cfg: cfg, parts: parts, log: log, sessions: newSessions(cfg.Token)}
	c.watch = newWatch(c)
	c.repair = &repair{console: c}
	return c
}

// Handler serves the page and what it asks for.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", pageHandler())
	mux.HandleFunc("GET /api/about", c.about)
	mux.HandleFunc("GET /api/stream", c.stream)
	mux.HandleFunc("GET /api/event", c.event)
	mux.HandleFunc("GET /api/letters", c.letters)
	mux.HandleFunc("GET /api/system", c.system)
	mux.HandleFunc("POST /api/session", c.open)
	mux.HandleFunc("POST /api/rehearse", c.rehearse)
	mux.Handle("POST /api/replay", c.writes("replay", c.replay))
	mux.Handle("POST /api/stop", c.writes("stop", c.stop))
	mux.Handle("POST /api/send", c.writes("send", c.send))
	return c.guard(mux)
}

// Serve answers on its own until ctx ends. Streams end with ctx.
func (c *Console) Serve(ctx context.Context, listen func(*http.Server) error) error {
	server := &http.Server{
		Handler: c.Handler(), ReadHeaderTimeout: 5 * time.Second,
		BaseContext: baseContext(ctx), MaxHeaderBytes: 64 << 10,
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ctx.Done():
			server.Close()
		case <-ended:
		}
	}()
	if err := listen(server); ctx.Err() == nil {
		return err
	}
	return nil
}
