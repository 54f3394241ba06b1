package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// namedProcessor is one of the processors. The names of its consumer group, topic of dead letters, role and items in
// the table follow from its own name, so that no two processors share any of them.
type namedProcessor struct {
	ID string // the set of handlers that it runs; "" for the first processor
	processorConfig
}

// processors returns the first processor, which always exists, and the others in the order of their names.
func (c config) processors() []namedProcessor {
	all := []namedProcessor{{processorConfig: c.Processor}}
	for _, id := range slices.Sorted(maps.Keys(c.Processors)) {
		all = append(all, namedProcessor{id, c.Processors[id]})
	}
	return all
}

// of derives the name of this processor's own resource from name.
func (p namedProcessor) of(name string) string {
	if p.ID == "" {
		return name
	}
	return name + "-" + p.ID
}

// Names in AWS. name is the stack's.
func (p namedProcessor) function(stack string) string { return p.of(stack + "-event-processor") }
func (p namedProcessor) group(stack string) string    { return p.of(stack + "-processor") }
func (p namedProcessor) role(stack string) string     { return p.of(stack + "-processor") }

// deadLetters is its topic of dead letters. The program derives the same from KAFKA_DLQ_TOPIC and PROCESSOR.
func (p namedProcessor) deadLetters(k kafkaConfig) string {
	if p.ID == "" {
		return k.DeadLetterTopic()
	}
	return k.DeadLetterTopic() + "." + p.ID
}

// topic is the topic that it reads.
func (p namedProcessor) topic(k kafkaConfig) string { return cmp.Or(p.Topic, k.Topic) }

// key is its place in the stack's file.
func (p namedProcessor) key() string {
	if p.ID == "" {
		return "processor"
	}
	return "processors." + p.ID
}

// environment has only variables that the function and its handlers read, without values that only a deployment knows.
func (p namedProcessor) environment(k kafkaConfig) map[string]string {
	variables := processorEnvironment(k.Topic, k.DeadLetterTopic(), p.processorConfig)
	if p.ID != "" {
		variables["PROCESSOR"] = p.ID
	}
	if routes := k.routes(); routes != "" { // for events that its handlers publish
		variables["TOPIC_ROUTES"] = routes
	}
	if p.Topic != "" {
		variables["PROCESSOR_TOPICS"] = p.ID + "=" + p.Topic
	}
	return variables
}

// processorPattern matches names that the program accepts: see handlers.Sets.
var processorPattern = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$`)

// processorTopics is the value of PROCESSOR_TOPICS, "" where all read one topic.
func (c config) processorTopics() string {
	var topics []string
	for _, p := range c.processors() {
		if p.Topic != "" {
			topics = append(topics, p.ID+"="+p.Topic)
		}
	}
	return strings.Join(topics, ",")
}

func (c config) validateProcessors(f *findings) {
	reachesOut := map[string]bool{}
	for _, p := range c.processors() {
		key, partitions := p.key(), c.Kafka.partitionsOf(p.topic(c.Kafka))
		p.validate(f, key)
		f.require(p.ID != "" || p.Topic == "", key+".topic", "the first processor reads kafka.topic")
		f.require(slices.Contains(c.Kafka.eventTopics(), p.topic(c.Kafka)), key+".topic",
			"%q is neither kafka.topic nor below kafka.topics", p.Topic)
		p.Uses.validate(f, key+".uses", c.Region)
		for _, use := range p.Uses.outside() {
			reachesOut[key+".uses."+use] = true
		}
		for _, choice := range c.Privacy.outside() {
			reachesOut[choice] = true
		}
		f.require(p.ID == "" || processorPattern.MatchString(p.ID), key,
			"its name must be 1 to 20 lower-case letters, digits and dashes, and begin with a letter")
		f.require(len(p.function(c.Name)) <= 64, key, "its function's name, %s, has %d characters, more than 64",
			p.function(c.Name), len(p.function(c.Name)))
		if p.Provisioned != nil {
			const account = "-123456789012"
			bucket := p.of(c.Name+"-undelivered") + account
			f.require(len(bucket) <= 63, key, "its bucket's name, %s, has %d characters, more than 63", bucket, len(bucket))
			f.require(p.Provisioned.MaximumPollers <= partitions, key+".provisioned.maximumPollers",
				"%d pollers cannot share %d partitions", p.Provisioned.MaximumPollers, partitions)
		}
		f.require(p.ReservedConcurrency == 0 || p.ReservedConcurrency >= partitions, key+".reservedConcurrency",
			"must be %s (%d) or more, as each partition may have an invocation, is %d", c.Kafka.partitionsKey(p.topic(c.Kafka)),
			partitions, p.ReservedConcurrency)
	}
	c.Network.validateNAT(f, slices.Sorted(maps.Keys(reachesOut)))
	c.validateEndpoints(f)
}

// checkHandlers demands handlers for each of several processors: a function without handlers would not start. It passes
// the environment of each function to check, by the function's place in the stack's file.
func (c config) checkHandlers(stack string, check func(environments map[string]map[string]string) error) error {
	if len(c.Processors) == 0 {
		return nil // the first always has handlers
	}
	environments := map[string]map[string]string{}
	for _, p := range c.processors() {
		e := p.environment(c.Kafka)
		maps.Copy(e, c.Privacy.variables(c.Name))
		e["EVENTS_TABLE"], e["OUTCOME_RETENTION"] = c.eventsTable(), c.Retention.outcomeRetention()
		environments[p.key()] = e
	}
	if err := check(environments); err != nil {
		return fmt.Errorf("stack %s: its processors can't run:\n%w", stack, err)
	}
	return nil
}

// askProgram builds the processor's program at root, and lets it check each environment.
func askProgram(root string, environments map[string]map[string]string) error {
	work, err := os.MkdirTemp("", "processor-")
	if err != nil {
		return fmt.Errorf("create build directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // the system empties its temporary directory, too
	program := filepath.Join(work, "processor")
	build := exec.Command("go", "build", "-o", program, processorPackage)
	build.Dir, build.Env = root, append(os.Environ(), "GOOS=", "GOARCH=") // it runs on this machine
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", processorPackage, err, out)
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(environments)) {
		look := exec.Command(program, "--check")
		look.Env = []string{} // this machine's variables do not exist in AWS
		for name, value := range environments[key] {
			look.Env = append(look.Env, name+"="+value)
		}
		if out, err := look.CombinedOutput(); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w\n%s", key, err, bytes.TrimSpace(out)))
		}
	}
	return errors.Join(problems...)
}
