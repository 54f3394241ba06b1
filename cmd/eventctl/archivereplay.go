package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"event-processing-service/archive"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/replay"
	"event-processing-service/processor"
)

type archiveReplay struct {
	filter  archiveFilter
	toTopic string
	state   string
	most    int
	rate    float64
	dryRun  bool
	confirmation
}

func archiveReplayCommand() *cobra.Command {
	var o archiveReplay
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Publish archived records again",
		Long: `Publish archived records again, those of each partition in their order: key, value and headers as they were.
The brokers are those of KAFKA_BOOTSTRAP_SERVERS, which may be new ones, and the topic may have another number of
partitions: records with one key keep their order.

An event stays the same event, by its source and id; a record without them is known by its place and time, and carries
these along in headers. So what has taken effect is dropped as done where the processor's memory is still there, or was
restored, and takes effect again where it is new. Into the topic that the processor reads ($KAFKA_TOPIC) nothing is
published before you say yes, on a terminal, or by --yes in a script.

With --state FILE the run keeps in that file how far it has come, and a run that was ended is simply run again, with the
same filters. It may publish up to 1,000 records a second time; the processor drops those. An object that is damaged
ends the run.`,
		Example: `  eventctl archive replay --from 2026-01-31T10:00:00Z --to 2026-01-31T11:30:00Z --dry-run
  eventctl archive replay --state restore.json --yes
  eventctl archive replay --type 'order.*' --to-topic events.recovery --rate 200`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.filter.addTo(cmd)
	f := cmd.Flags()
	f.StringVar(&o.toTopic, "to-topic", "", "topic to publish to (default: the one that the records were in)")
	f.StringVar(&o.state, "state", "", "file that holds how far a run has come; one that is there is gone on with")
	f.IntVar(&o.most, "max", 0, "stop after this many records; 0: replay all")
	f.Float64Var(&o.rate, "rate", 0, "records a second; 0: as fast as it goes")
	f.BoolVar(&o.dryRun, "dry-run", false, "read the archive and count, and publish nothing")
	o.addTo(cmd)
	return cmd
}

// archiveChunk is how many records are published at a time: a restore of millions waits for fewer answers.
const archiveChunk = 1000

func (o *archiveReplay) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	p, place, err := openArchive(ctx, cmd)
	if err != nil {
		return err
	}
	contents, err := o.filter.list(cmd, p, place)
	if err != nil {
		return err
	}
	if o.toTopic == "" {
		o.toTopic = o.filter.topic
	}
	progress, err := o.readState()
	if err != nil {
		return err
	}
	contents.Skip(progress)
	r := republisher{Loop: replay.Loop{
		Prepare: func(r *event.Record) replay.Decision { return o.decide(r, progress) },
		Most:    o.most, Rate: o.rate, Chunk: archiveChunk,
	}, total: contents.Len(), out: cmd.ErrOrStderr()}
	if o.dryRun {
		r.Publish = func(_ context.Context, records []event.Record) []error { return make([]error, len(records)) }
		if err := r.run(ctx, contents.Records(ctx)); err != nil {
			return err
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "dry run: %d records of topic %s would be published to topic %s; "+
			"nothing was done\n", r.Account.Replayed, o.filter.topic, o.toTopic)
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "up to %d records of topic %s are to be published to topic %s\n", contents.Len(),
		o.filter.topic, o.toTopic)
	if o.toTopic == p.env.Topic() { // which the processor reads
		if err := o.ask(cmd, "Publish them to the topic that the processor reads?"); err != nil {
			return err
		}
	}
	cfg, err := p.KafkaConfig(p.env.Kafka, clientID)
	if err != nil {
		return err
	}
	target := kafka.NewRecordTopic(cfg, kafka.ProducerConfig{}, o.toTopic)
	defer target.Close()
	r.Publish = target.PublishAll
	if o.state != "" {
		r.Commit = func(_ context.Context, positions map[int32]int64) error { return o.writeState(positions, progress) }
	}
	err = r.run(ctx, contents.Records(ctx))
	r.conclude()
	if errors.As(err, new(*archive.DamagedError)) {
		return fmt.Errorf("%w; eventctl archive verify lists everything that is", err)
	}
	return err
}

// decide skips what the filters do not choose, and what an earlier run has published.
func (o *archiveReplay) decide(r *event.Record, progress map[int32]int64) replay.Decision {
	if at, ok := progress[r.Partition]; ok && r.Offset < at || !o.filter.match(r) {
		return replay.Decision{Verdict: replay.Pass}
	}
	return replay.Decision{Verdict: replay.Publish, Again: processor.Copy(r, processor.Everybody)}
}

// replayState is what a run keeps: where it goes on, by partition of the topic that the records were in.
type replayState struct {
	Topic     string          `json:"topic"`
	ToTopic   string          `json:"to_topic"`
	Positions map[int32]int64 `json:"positions"`
}

func (o *archiveReplay) readState() (map[int32]int64, error) {
	if o.state == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var s replayState
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("read --state %s: %w", o.state, err)
	}
	if s.Topic != o.filter.topic || s.ToTopic != o.toTopic {
		return nil, fmt.Errorf("%w: --state %s is of a replay from topic %s to topic %s", errUsage, o.state, s.Topic,
			s.ToTopic)
	}
	return s.Positions, nil
}

// writeState replaces the file as a whole. A position is that of the last record, which a further run publishes again:
// there may be another with the same offset, of a topic that was created anew.
func (o *archiveReplay) writeState(positions, before map[int32]int64) error {
	s := replayState{Topic: o.filter.topic, ToTopic: o.toTopic, Positions: map[int32]int64{}}
	for p, at := range before {
		s.Positions[p] = at
	}
	for p, at := range positions {
		s.Positions[p] = at - 1
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := replaceFile(o.state, string(text)); err != nil {
		return fmt.Errorf("write --state: %w", err)
	}
	return nil
}
