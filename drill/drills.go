package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/twmb/franz-go/pkg/kadm"

	"event-processing-service/internal/event"
)

const (
	// late is how long before the loss an event may have been accepted and not be archived: its window, the batch of the
	// one before, and a slow machine.
	late = 4 * window
	// patience is how long all restored events may take to have their outcomes.
	patience = 2 * time.Minute
)

// begin starts the service and its archiver on a new topic and table, and load.
func (w *world) begin(ctx context.Context) (l *load, api, function, archiver *process, err error) {
	env := w.environment(w.name, w.name)
	if err = w.setup(ctx, w.name, w.name); err != nil {
		return
	}
	if function, err = w.startTrigger(env); err != nil {
		return
	}
	if archiver, err = w.startArchiver(env); err != nil {
		return
	}
	url, api, err := w.startAPI(ctx, env)
	if err != nil {
		return
	}
	return startLoad(url), api, function, archiver, nil
}

// replayDrill deletes Kafka's topics and the table under load, and restores what the archive has into new ones.
func replayDrill(ctx context.Context, w *world, lasts time.Duration, r *report) error {
	l, api, function, archiver, err := w.begin(ctx)
	if err != nil {
		return err
	}
	defer l.stop()
	if err := wait(ctx, lasts); err != nil {
		return err
	}
	archiver.kill()
	wiped := time.Now()
	if err := w.deleteTopics(ctx); err != nil {
		return err
	}
	if err := w.deleteTable(ctx); err != nil {
		return err
	}
	if err := wait(ctx, 500*time.Millisecond); err != nil { // clients go on while all is lost
		return err
	}
	accepted, lasted := l.stop()
	api.kill()
	function.stop()
	r.accepted(accepted, lasted)

	restored, ends, err := w.restore(ctx, nil)
	if err != nil {
		return err
	}
	saved, lost := split(accepted, ends)
	r.nameLost(lost, ends, wiped, late)
	table := w.store(restored)
	r.awaitOutcomes(ctx, table, saved, nil, patience)
	r.Back = time.Since(wiped)
	for id := range lost {
		_, known, err := table.Outcome(ctx, drilled(id))
		if err != nil {
			return err
		}
		if known {
			r.fault("%s is behind the archive's end, and has an outcome", id)
		}
	}
	records, err := w.records(ctx, restored)
	if err != nil {
		return err
	}
	r.countCopies(records, numberOf)
	return nil
}

// restore brings back what the archive has of the drill's topic into a new topic, and has it processed beside a new
// table with these items. ends are the last offsets that the archive has.
func (w *world) restore(ctx context.Context, items []item) (restored string, ends map[int32]int64, err error) {
	restored = w.name + "-restored"
	env := w.environment(restored, restored)
	if err := w.setup(ctx, restored, restored); err != nil {
		return "", nil, err
	}
	if err := w.putItems(ctx, restored, items); err != nil {
		return "", nil, err
	}
	if err := w.eventctl(ctx, env, "archive", "verify"); err != nil {
		return "", nil, err
	}
	if err := w.eventctl(ctx, env, "archive", "replay", "--topic", w.name, "--to-topic", restored, "--yes",
		"--state", filepath.Join(w.folder, "state.json")); err != nil {
		return "", nil, err
	}
	if _, err := w.startTrigger(env); err != nil {
		return "", nil, err
	}
	ends, err = w.ends(ctx)
	return restored, ends, err
}

// restoreDrill deletes the table under load, makes a new one of a copy that is older, and replays from there.
func restoreDrill(ctx context.Context, w *world, lasts time.Duration, r *report) error {
	l, api, function, archiver, err := w.begin(ctx)
	if err != nil {
		return err
	}
	defer l.stop()
	if err := wait(ctx, lasts*2/3); err != nil {
		return err
	}
	point := time.Now()
	items, err := w.copyTable(ctx)
	if err != nil {
		return err
	}
	kept, err := keptOutcomes(items)
	if err != nil {
		return err
	}
	r.Kept = len(kept)
	r.Notes = append(r.Notes, "a copy of the table's items stands in for DynamoDB's point-in-time recovery: it is read "+
		"while the table is written to, so it may lack what came while it was read, which the replay brings back")
	if err := wait(ctx, lasts/3); err != nil {
		return err
	}
	wiped := time.Now()
	if err := w.deleteTable(ctx); err != nil {
		return err
	}
	if err := wait(ctx, 500*time.Millisecond); err != nil { // clients go on: posting needs no table
		return err
	}
	function.stop()
	restored := w.name + "-restored"
	env := w.environment(w.name, restored)
	if err := w.setup(ctx, w.name, restored); err != nil {
		return err
	}
	if err := w.putItems(ctx, restored, items); err != nil {
		return err
	}
	if _, err := w.startTrigger(env); err != nil {
		return err
	}
	accepted, lasted := l.stop()
	api.stop()
	r.accepted(accepted, lasted)
	// What was under way when the copy was made, its clock's difference to the brokers' included, is replayed, too.
	from := point.Add(-5 * time.Second).UTC().Format(time.RFC3339Nano)
	err = until(ctx, patience, "all that was accepted is archived", func() (bool, error) {
		ends, err := w.ends(ctx)
		_, lost := split(accepted, ends)
		return len(lost) == 0, err
	})
	if err != nil {
		return err
	}
	archiver.kill()
	if err := w.eventctl(ctx, env, "archive", "replay", "--from", from, "--yes"); err != nil {
		return err
	}
	table := w.store(restored)
	r.awaitOutcomes(ctx, table, accepted, kept, patience)
	r.Back = time.Since(wiped)
	return r.compareKept(ctx, table, kept)
}

func (r *report) accepted(events map[string]receipt, lasted time.Duration) {
	r.Accepted, r.Load, r.Rate = len(events), lasted, float64(len(events))/lasted.Seconds()
	if r.Accepted < 100 {
		r.fault("only %d events were accepted: nothing is shown by so few", r.Accepted)
	}
}

// outcomes knows what became of events.
type outcomes interface {
	Outcome(ctx context.Context, id event.Identity) (event.Outcome, bool, error)
}

// awaitOutcomes waits until each event has taken effect, for at most so long in all, and counts those that have, but
// for what was kept.
func (r *report) awaitOutcomes(ctx context.Context, table outcomes, events map[string]receipt,
	kept map[event.Identity]time.Time, atMost time.Duration,
) {
	end := time.Now().Add(atMost)
	for id, one := range events {
		name, status := drilled(id), event.Status("unknown")
		err := until(ctx, time.Until(end), id+" is done with", func() (bool, error) { // it asks once in any case
			o, known, err := table.Outcome(ctx, name)
			if known {
				status = o.Status
			}
			return known, err
		})
		_, wasKept := kept[name]
		switch {
		case err != nil || status != event.StatusProcessed:
			r.Missing++
			r.fault("%s, which was at %s, is %s (%v)", id, one.Place, status, err)
		case !wasKept:
			r.Restored++
		}
	}
}

// compareKept looks whether what the copy has took effect once more.
func (r *report) compareKept(ctx context.Context, table outcomes, kept map[event.Identity]time.Time) error {
	for id, at := range kept {
		o, known, err := table.Outcome(ctx, id)
		if err != nil {
			return err
		}
		if !known || !o.At.Equal(at) {
			r.Twice++
			r.fault("%s took effect at %s, and again at %s", id.ID, at.Format(time.RFC3339Nano), o.At.Format(time.RFC3339Nano))
		}
	}
	return nil
}

func (w *world) deleteTopics(ctx context.Context) error {
	if _, err := kadm.NewClient(w.client).DeleteTopics(ctx, w.name, w.name+".dlq"); err != nil {
		return fmt.Errorf("delete the topics: %w", err)
	}
	return nil
}

func (w *world) deleteTable(ctx context.Context) error {
	if _, err := w.tables.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &w.name}); err != nil {
		return fmt.Errorf("delete the table: %w", err)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
