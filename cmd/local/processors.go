package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"event-processing-service/api"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/trigger"
	"event-processing-service/processor"
)

// processors are those of the binary. Each reads the topic by itself, with a store of its own, so that one that hangs
// keeps no other waiting.
type processors struct {
	sets    processor.Sets
	stores  map[string]assembly.Store
	mapped  []*trigger.Mapping
	closers []func()
}

// withDemo adds the demo's handlers to those of the first set.
func withDemo(sets processor.Sets) processor.Sets {
	sets = slices.Clone(sets)
	if len(sets) > 0 && sets[0].Register != nil {
		sets[0].Register = (&demo{service: sets[0].Register}).register
	}
	return sets
}

// running are the names of those that run: all, unless PROCESSOR names one.
func running(sets processor.Sets, env settings.Processor) []string {
	if env.Name != "" {
		return []string{env.Name}
	}
	return append([]string{""}, sets.Others()...)
}

// openProcessors opens the store of each processor, be it running or not: the API tells of all of them.
func openProcessors(kept data, a *assembly.Assembly, env environment) (*processors, error) {
	p := &processors{sets: a.Sets, stores: map[string]assembly.Store{}}
	for _, set := range a.Sets {
		events, closeStore, err := kept.outcomes(a, env, set.Name)
		if err != nil {
			p.close()
			return nil, err
		}
		p.stores[set.Name], p.closers = events, append(p.closers, closeStore)
	}
	return p, nil
}

func (p *processors) close() {
	for _, end := range slices.Backward(p.closers) {
		end()
	}
}

// others are the processors of which the API tells beside the first.
func (p *processors) others() (all []api.Processor) {
	for _, name := range p.sets.Others() {
		all = append(all, api.Processor{Name: name, Outcomes: p.stores[name]})
	}
	return all
}

// start makes the function of one processor, and what reads the topic for it.
func (p *processors) start(ctx context.Context, a *assembly.Assembly, env environment, parts assembly.FunctionParts,
) error {
	name := env.processor.Name
	parts.Store, parts.Group = p.stores[name], assembly.GroupOf(assembly.ConsumerGroup, name)
	function, closeFunction, err := a.Function(ctx, env.processor, parts)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, closeFunction)
	k := env.processor.Kafka
	opts, err := a.ClientOptions(k, "trigger")
	if err != nil {
		return err
	}
	mapping, err := trigger.New(trigger.Config{
		Topic: env.processor.Topic(), ConsumerGroup: parts.Group, ClientOptions: opts,
		Source:          trigger.Source{BootstrapServers: strings.Join(k.Brokers, ",")},
		BatchWindow:     100 * time.Millisecond, // AWS waits 500 ms; a person who tries things should not
		FunctionTimeout: time.Minute, ShutdownGrace: 3 * time.Second, Logger: a.Log,
		ReportBatchItemFailures: env.processor.PartialBatchResponse,
	}, trigger.InProcess(function, trigger.Function{Name: parts.Group}))
	if err != nil {
		return fmt.Errorf("processor %q: %w", name, err)
	}
	p.mapped = append(p.mapped, mapping)
	return nil
}

// run reads the topic for all of them until ctx ends.
func (p *processors) run(ctx context.Context) error {
	problems := make([]error, len(p.mapped))
	var all sync.WaitGroup
	for i, m := range p.mapped {
		all.Go(func() { problems[i] = m.Run(ctx) })
	}
	all.Wait()
	return errors.Join(problems...)
}
