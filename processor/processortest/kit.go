// Package processortest tests handlers with the real processor: payload, retries, leases, dead letters and all. Only
// the store (in memory), the dead letter topic and the time are the kit's.
package processortest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// Kit is a topic, the processor's store, and processes that start and end.
type Kit struct {
	Config processor.Config  // of processes that start later
	Time   time.Duration     // of one invocation
	Env    map[string]string // variables and secrets of processes that start later

	t        testing.TB
	register Register
	memory   *store.Memory
	letters  *letters
	topic    *topic
	offsets  map[event.Identity]int64
}

// stuckAfter is real time. A test of handlers takes milliseconds of it.
var stuckAfter = 30 * time.Second

// Register registers handlers, as handlers.Register does.
type Register func(ctx context.Context, mux *processor.Mux, deps *processor.Deps) (closeAll func(), err error)

// Mux makes a Register of a function, for handlers without dependencies.
func Mux(register func(mux *processor.Mux)) Register {
	return func(_ context.Context, mux *processor.Mux, _ *processor.Deps) (func(), error) {
		register(mux)
		return func() {}, nil
	}
}

// Run runs a test in a bubble of fake time (testing/synctest), in which pauses, time-outs and leases take no time. It
// calls register once for each process, and the function that register returns when the process ends; what processes
// share is made outside of it. Fake time does not pass, and the test can't end, while a handler waits for a socket or a
// connection is open: give an http.Client a Service as its transport. A test that takes 30 s of real time panics.
func Run(t *testing.T, register Register, test func(k *Kit)) {
	t.Helper()
	stuck := time.AfterFunc(stuckAfter, func() {
		panic(t.Name() + " hangs: fake time does not pass while a handler waits for a socket; " +
			"use processortest.Service as the transport of its client")
	})
	defer stuck.Stop()
	synctest.Test(t, func(t *testing.T) { test(New(t, register)) })
}

// New returns a kit for use within a bubble that the caller made.
func New(t testing.TB, register Register) *Kit {
	return &Kit{
		Config: processor.DefaultConfig(), Time: 14 * time.Minute, t: t, register: register,
		memory: store.NewMemory(store.DefaultRetention), letters: &letters{}, topic: &topic{},
		offsets: map[event.Identity]int64{},
	}
}

// Deliver delivers events in one batch, in this order, until all of them are done. An event that was delivered before
// comes as the same record again.
func (k *Kit) Deliver(events ...event.Event) {
	k.t.Helper()
	const enough = 100 // deliveries; each ends within the time of an invocation
	var err error
	for range enough {
		if err = k.Invoke(events...); err == nil {
			return
		}
		time.Sleep(time.Second)
	}
	k.t.Errorf("the batch is not done after %d deliveries: %v", enough, err)
}

// Invoke delivers events once. The error says that not all are done, so that Kafka would deliver them again.
func (k *Kit) Invoke(events ...event.Event) error {
	k.t.Helper()
	return k.invoke(nowhere, events)
}

// InvokeAndDie delivers events once, to a process that dies at a step of the first of them. Lambda's processes may die
// at any time.
func (k *Kit) InvokeAndDie(at Step, events ...event.Event) {
	k.t.Helper()
	if err := k.invoke(at, events); !errors.Is(err, errDied) {
		k.t.Errorf("the process did not come to where it should die, %s; the batch ends with %v", at, err)
	}
}

// invoke runs one process for one invocation.
func (k *Kit) invoke(at Step, events []event.Event) error {
	ctx, cancel := context.WithTimeout(k.t.Context(), k.Time)
	defer cancel()
	process := &process{Memory: k.memory, letters: k.letters, topic: k.topic, dies: at}
	log := slog.New(slog.DiscardHandler)
	mux, deps := &processor.Mux{}, &processor.Deps{Log: log, Publisher: followUps{process}, Lookup: k.lookup}
	closeAll, err := k.register(ctx, mux, deps)
	if err != nil {
		k.t.Errorf("register the handlers: %v", err)
		return nil
	}
	defer closeAll()
	if err := deps.Run(ctx); err != nil {
		k.t.Errorf("start the processor: %v", err)
		return nil
	}
	p, err := processor.New(k.Config, mux, process, process, log)
	if err != nil {
		k.t.Errorf("configure the processor: %v", err)
		return nil
	}
	_, err = payload.Function(p.Handle).Invoke(ctx, k.payload(events))
	if process.isDead() {
		return errDied
	}
	return err
}

func (k *Kit) lookup(name string) (value string, isSet bool) {
	value, isSet = k.Env[name]
	return value, isSet
}

// ExpectProcessed fails the test unless the event was processed.
func (k *Kit) ExpectProcessed(e event.Event) {
	k.t.Helper()
	if o := k.Outcome(e); o.Status != event.StatusProcessed {
		k.t.Errorf("event %q is %q after %d attempts (%s), want it processed", e.ID, o.Status, o.Attempts, o.Reason)
	}
}

// ExpectDeadLetter fails the test unless the event lies in the dead letter topic, once, for a reason with these words.
func (k *Kit) ExpectDeadLetter(e event.Event, reason string) {
	k.t.Helper()
	o := k.Outcome(e)
	if o.Status != event.StatusDeadLettered || !strings.Contains(o.Reason, reason) {
		k.t.Errorf("event %q is %q after %d attempts (%s), want it dead-lettered for %q",
			e.ID, o.Status, o.Attempts, o.Reason, reason)
	}
	if n := k.letters.of(e.Identity()); n != 1 {
		k.t.Errorf("event %q has %d dead letters, want 1", e.ID, n)
	}
}

// Outcome is what the processor remembers of an event. Its Status is empty if the event is not done.
func (k *Kit) Outcome(e event.Event) event.Outcome {
	o, _, _ := k.memory.Outcome(k.t.Context(), e.Identity()) // it never fails
	return o
}

// FollowUps are the events that handlers have published because of e, each once, in the order in which they first
// came. Only the test delivers them: k.Deliver(k.FollowUps(e)...).
func (k *Kit) FollowUps(e event.Event) (found []event.Event) {
	for _, f := range k.topic.once() {
		if f.Extension("causationid") == e.ID {
			found = append(found, f)
		}
	}
	return found
}

// ExpectOnce delivers an event in each way in which it can come again, each time under another id, and fails the test
// unless it takes effect once. effects returns how often the event with an id took effect. A handler that is not
// idempotent fails here.
func (k *Kit) ExpectOnce(e event.Event, effects func(id string) int) {
	k.t.Helper()
	for _, way := range ways {
		one := e
		one.ID += " " + way.name
		way.deliver(k, one)
		k.ExpectProcessed(one)
		if n := effects(one.ID); n != 1 {
			k.t.Errorf("an event that is %s takes effect %d times, want once", way.name, n)
		}
	}
}

var ways = []struct {
	name    string
	deliver func(k *Kit, e event.Event)
}{
	{"delivered once", func(k *Kit, e event.Event) { k.Deliver(e) }},
	{"delivered twice", func(k *Kit, e event.Event) { k.Deliver(e); k.Deliver(e) }},
	{"twice in one batch", func(k *Kit, e event.Event) { k.Deliver(e, e) }},
	{"delivered to two processes at once", func(k *Kit, e event.Event) {
		var both sync.WaitGroup
		text := []event.Event{e}
		k.payload(text) // so that both have the same record
		for range 2 {
			both.Go(func() { k.Deliver(e) })
		}
		both.Wait()
	}},
	{"delivered again after a death before its handler", func(k *Kit, e event.Event) {
		k.InvokeAndDie(BeforeHandler, e)
		k.Deliver(e)
	}},
	{"delivered again after a death after its handler", func(k *Kit, e event.Event) {
		k.InvokeAndDie(AfterHandler, e)
		k.Deliver(e)
	}},
	{"delivered again after a death after its outcome", func(k *Kit, e event.Event) {
		k.InvokeAndDie(AfterOutcome, e)
		k.Deliver(e)
	}},
}
