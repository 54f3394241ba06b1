// Package watch makes the console from the settings, and gives it readers of the topics, the store and the API.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/console"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/processor"
	"event-processing-service/schemas"
)

// Parts are a program's own parts of its console.
type Parts struct {
	Journal  *console.Journal // nil: the topics are followed instead
	Outcomes console.Outcomes // nil: those in the table, if the settings name one
	Group    string           // the processor's
	APIURL   string           // "": the page can't send events
	APIKey   string
	// PublicURL is the API's address for people. "": APIURL.
	PublicURL string
	Hosts     []string // names of the page's host, beside localhost
	Token     string
	Log       io.Reader // lines of the processor's log. nil: none
	Examples  []console.Example
	Settings  settings.Lookup
}

// New makes the console. The caller closes it.
func New(a *assembly.Assembly, env settings.Processor, parts Parts) (c *console.Console, closeAll func(), err error) {
	brokers, err := a.KafkaConfig(env.Kafka, "console")
	if err != nil {
		return nil, nil, err
	}
	client, err := a.KafkaClient(env.Kafka, "console")
	if err != nil {
		return nil, nil, err
	}
	set, err := schemas.Embedded()
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	records := &records{
		client: client, cfg: brokers, reader: kafka.NewRereader(brokers), events: env.Topic(), group: parts.Group,
		member: env.ForeignIDMember,
	}
	tail := kafka.NewRereader(brokers) // of its own, so that nobody who looks up an event waits for it
	target := kafka.NewRecordTopic(brokers, kafka.ProducerConfig{}, env.Topic())
	p := console.Parts{
		Journal: parts.Journal, Records: records, Outcomes: parts.Outcomes, Schemas: set,
		Letters: &letters{records, target, env.DeadLetterTopic}, Cluster: &cluster{client}, Decode: records.decode,
		IsReplay: isReplay,
	}
	cfg := console.Config{
		Events: env.Topic(), DeadLetters: env.DeadLetterTopic, Group: parts.Group, MaxAttempts: env.MaxAttempts,
		Version: telemetry.Version(), APIURL: cmp.Or(parts.PublicURL, parts.APIURL), Hosts: parts.Hosts, Token: parts.Token,
		Examples: parts.Examples,
		Settings: settingsOf(parts.Settings),
	}
	if parts.APIURL != "" {
		p.Send = (&sender{parts.APIURL, parts.APIKey}).send
	}
	if p.Outcomes == nil && env.Store.Kind == "dynamodb" {
		if p.Outcomes, err = a.Store(env.Store, env.Name); err != nil {
			client.Close()
			return nil, nil, err
		}
	}
	if p.Outcomes == nil {
		cfg.Notes = append(cfg.Notes,
			"Outcomes are in the processor's own memory (STORE=memory), so which dead letters were "+
				"replayed already can't be told; the processor drops what is replayed twice.")
	}
	if p.Journal == nil {
		p.Journal = console.NewJournal()
		f := &follower{records: records, reader: tail, journal: p.Journal}
		p.Follow = f.follow
		if parts.Log == nil {
			f.deadLetters, f.outcomes = env.DeadLetterTopic, p.Outcomes
			cfg.Notes = append(cfg.Notes,
				"Attempts under way are in the processor's log alone: eventctl console --log - reads it.")
		} else {
			go followLog(p.Journal, parts.Log, a.Log)
		}
	}
	return console.New(cfg, p, a.Log), func() {
		target.Close()
		tail.Close()
		records.reader.Close()
		client.Close()
	}, nil
}

// records reads topics without a group.
type records struct {
	client        *kgo.Client
	cfg           kafka.Config
	reader        *kafka.Rereader // for what is read often and is short
	events, group string
	member        string // JSON member that is the id of a foreign record
}

// decode gives a record the identity that the processor gives it.
func (r *records) decode(record *event.Record) (event.Event, error) {
	return processor.Decode(record, r.member)
}

func (r *records) Partitions(ctx context.Context, topic string) ([]console.Partition, error) {
	spans, err := kafka.Bounds(ctx, r.client, topic, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	var positions map[int32]int64
	if topic == r.events {
		if positions, err = kafka.Positions(ctx, r.client, r.group, topic); err != nil {
			return nil, err
		}
	}
	all := make([]console.Partition, len(spans))
	for p, s := range spans {
		if int(p) >= len(all) {
			return nil, fmt.Errorf("topic %s tells of partition %d, and of %d in all", topic, p, len(all))
		}
		committed, ok := positions[p]
		if !ok {
			committed = -1
		}
		all[p] = console.Partition{Partition: p, First: s.First, Committed: committed, End: s.End}
	}
	return all, nil
}

func (r *records) Read(ctx context.Context, topic string, partition int32, first,
	end int64) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		bounds, err := kafka.Bounds(ctx, r.client, topic, time.Time{}, time.Time{})
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		have, ok := bounds[partition]
		if !ok {
			yield(event.Record{}, fmt.Errorf("topic %s has no partition %d", topic, partition))
			return
		}
		span := kafka.Span{First: max(first, have.First), End: min(end, have.End)}
		r.reader.Read(ctx, topic, kafka.Spans{partition: span})(yield)
	}
}

func (r *records) At(ctx context.Context, topic string, offsets map[int32]int64) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if len(offsets) == 0 {
			return
		}
		bounds, err := kafka.Bounds(ctx, r.client, topic, time.Time{}, time.Time{})
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		spans := kafka.Spans{}
		for p, at := range offsets {
			if have, ok := bounds[p]; ok {
				spans[p] = kafka.Span{First: max(at, have.First), End: min(at+1, have.End)}
			}
		}
		r.reader.Read(ctx, topic, spans)(yield)
	}
}

// letters is the dead letter topic.
type letters struct {
	*records
	target *kafka.RecordTopic
	topic  string
}

func (l *letters) Newest(ctx context.Context, most int) (all iter.Seq2[console.Letter, error], more bool, err error) {
	bounds, err := kafka.Bounds(ctx, l.client, l.topic, time.Time{}, time.Time{})
	if err != nil {
		return nil, false, err
	}
	share := int64(max(1, most/max(1, len(bounds))))
	for p, b := range bounds {
		more = more || b.End-b.First > share
		b.First = max(b.First, b.End-share)
		bounds[p] = b
	}
	return func(yield func(console.Letter, error) bool) {
		for r, err := range kafka.Read(ctx, l.cfg, l.topic, bounds) {
			if !yield(l.letter(r), err) {
				return
			}
		}
	}, more, nil
}

// isReplay also tells a letter, which the console knows by its topic.
func isReplay(r *event.Record) bool {
	_, ok := processor.ReadDeadLetter(r)
	return ok
}

func (r *records) letter(record event.Record) console.Letter {
	l := console.Letter{Record: record, FailedAt: record.Timestamp}
	if says, ours := processor.ReadDeadLetter(&record); ours {
		l.Error, l.Attempts, l.Hops, l.Origin, l.Omitted = says.Error, says.Attempts, says.Hops, says.Origin.Place,
			says.Omitted
		if !says.FailedAt.IsZero() {
			l.FailedAt = says.FailedAt
		}
	}
	e, err := r.decode(&record)
	if l.Identity = e.Identity(); err == nil {
		l.Event = e
	}
	return l
}

// Replay publishes only to the topic of the events, whatever topic a letter says it came from, because a letter's
// headers may be forged.
func (l *letters) Replay(ctx context.Context, chosen []event.Record) []error {
	problems := make([]error, len(chosen))
	var again []event.Record
	var index []int
	for i := range chosen {
		r, ok := processor.Replay(&chosen[i])
		switch {
		case !ok:
			problems[i] = errors.New("it is not a complete dead letter of the processor")
		case r.Topic != l.events:
			problems[i] = fmt.Errorf("it came from topic %q and not from %s", r.Topic, l.events)
		default:
			again, index = append(again, r), append(index, i)
		}
	}
	if len(again) > 0 {
		for i, err := range l.target.PublishAll(ctx, again) {
			problems[index[i]] = err
		}
	}
	return problems
}

// followLog ends with the lines or with the program, because a read of standard input can't be cancelled.
func followLog(journal *console.Journal, lines io.Reader, log *slog.Logger) {
	if err := journal.Follow(lines); err != nil {
		log.Warn("console: can't follow the processor's log any further", "error", err)
	}
}
