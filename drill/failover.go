package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
)

const (
	// pass is how often the replicas are brought up to date.
	pass = 500 * time.Millisecond
	// behind is how far the archive's replica may be behind it, on a slow machine.
	behind = 5 * pass
)

// replicas are what a second region has of the first. They stand in for S3's replication and for DynamoDB's global
// table.
type replicas struct {
	world   *world
	archive objects.Place
	copied  map[string]bool // names of objects
	items   []item          // of the table, when it was last read
}

// keep brings them up to date until ctx ends: what is under way then is not finished.
func (p *replicas) keep(ctx context.Context) error {
	for {
		err := p.once(ctx)
		if err == nil {
			err = wait(ctx, pass)
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		if err != nil {
			return fmt.Errorf("keep the replicas: %w", err)
		}
	}
}

func (p *replicas) once(ctx context.Context) error {
	for name, err := range p.world.archive.List(ctx, "", "") {
		if err != nil {
			return err
		}
		if p.copied[name] {
			continue
		}
		if err := p.copy(ctx, name); err != nil {
			return err
		}
		p.copied[name] = true
	}
	items, err := p.world.copyTable(ctx)
	if err == nil {
		p.items = items
	}
	return err
}

func (p *replicas) copy(ctx context.Context, name string) error {
	object, err := p.world.archive.Get(ctx, name)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(object)
	if closeErr := object.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("read object %s: %w", name, err)
	}
	return p.archive.Put(context.WithoutCancel(ctx), name, body) // whole or not at all, as S3 does it
}

// failoverDrill takes a region away under load, while its processor is behind: its topics, its table, its archive and
// its programs. Another region has replicas of the archive and of the table, and brings back what they have.
func failoverDrill(ctx context.Context, w *world, lasts time.Duration, r *report) error {
	other := replicas{world: w, copied: map[string]bool{}}
	var url string
	var err error
	if other.archive, url, err = w.openArchive(ctx, w.name+"-replica"); err != nil {
		return err
	}
	r.Notes = append(r.Notes, "copies made each "+pass.String()+" stand in for S3's replication and DynamoDB's global "+
		"table: objects come in their order, which S3 does not promise; where one is late, archive verify names the gap")
	l, api, function, archiver, err := w.begin(ctx)
	if err != nil {
		return err
	}
	defer l.stop()
	replicating, away := context.WithCancel(ctx)
	defer away()
	kept := make(chan error, 1)
	go func() { kept <- other.keep(replicating) }()
	if err := wait(ctx, lasts/2); err != nil {
		return err
	}
	function.stop() // the processor falls behind first: what waits in Kafka is what must be brought back
	if err := wait(ctx, lasts/2); err != nil {
		return err
	}

	wiped := time.Now()
	away()
	if err := <-kept; err != nil {
		return err
	}
	api.kill()
	archiver.kill()
	accepted, lasted := l.stop()
	r.accepted(accepted, lasted)
	done, err := w.outcomesNow(ctx)
	if err != nil {
		return err
	}
	if err := w.deleteTopics(ctx); err != nil {
		return err
	}
	if err := w.deleteTable(ctx); err != nil {
		return err
	}
	w.archive, w.url = other.archive, url
	return w.comeBack(ctx, r, other.items, accepted, done, wiped)
}

// comeBack starts the service in the other region, and reports what is back there. done is what had taken effect in the
// region that is lost.
func (w *world) comeBack(ctx context.Context, r *report, items []item, accepted map[string]receipt,
	done map[event.Identity]time.Time, wiped time.Time,
) error {
	kept, err := keptOutcomes(items)
	if err != nil {
		return err
	}
	restored, ends, err := w.restore(ctx, items)
	if err != nil {
		return err
	}
	saved, lost := split(accepted, ends)
	maps.DeleteFunc(lost, func(id string, _ receipt) bool {
		_, was := kept[drilled(id)]
		return was // it took effect: nothing is lost with its record
	})
	for id := range accepted {
		if _, was := kept[drilled(id)]; was {
			r.Kept++
		}
	}
	r.nameLost(lost, ends, wiped, late+behind)
	table := w.store(restored)
	r.awaitOutcomes(ctx, table, saved, kept, patience)
	r.Back = time.Since(wiped)
	for id := range saved {
		_, was := kept[drilled(id)]
		if _, before := done[drilled(id)]; before && !was {
			r.Again++
		}
	}
	records, err := w.records(ctx, restored)
	if err != nil {
		return err
	}
	r.countCopies(records, numberOf)
	return r.compareKept(ctx, table, kept)
}

// outcomesNow are all that the drill's table has.
func (w *world) outcomesNow(ctx context.Context) (map[event.Identity]time.Time, error) {
	items, err := w.copyTable(ctx)
	if err != nil {
		return nil, err
	}
	return keptOutcomes(items)
}

// drilled is the identity of one of load's events.
func drilled(id string) event.Identity { return event.Identity{Source: drillSource, ID: id} }
