package main

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/cmd/internal/programtest"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

// output is written by the program and read by the test.
type output struct{ programtest.Output }

func TestEveryVariableOfTheAPIHasItsEffectHereToo(t *testing.T) {
	programtest.API(t, func(t *testing.T, lookup settings.Lookup) *programtest.Program {
		t.Helper()
		var args []string
		if _, given := lookup("PORT"); !given {
			args = []string{"--port", strconv.Itoa(freePort(t))}
		}
		env, err := readSettings(args, lookup, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		log := &output{}
		stop := inBackground(t, env, telemetry.NewLogger(log, env.api.LogLevel), io.Discard)
		p := &programtest.Program{URL: "http://127.0.0.1:" + strconv.Itoa(env.api.Port), Log: log.String, Stop: stop}
		p.AwaitLive(t)
		return p
	}, "KAFKA_AUTH", "TLS_SELF_SIGNED")
}

// What the function makes of its variables is tested with it: here they must only reach it.
func TestEveryVariableOfTheFunctionReachesItHereToo(t *testing.T) {
	lookup := programtest.FunctionEnvironment(t)
	want, err := settings.LoadProcessor(lookup)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readSettings(nil, lookup, io.Discard)
	if diff := cmp.Diff(want, got.processor); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestDeadLettersGoToTheTopicThatTheEnvironmentNames(t *testing.T) {
	kafkaPort := freePort(t)
	serveOn(t, kafkaPort, "KAFKA_TOPIC", "orders", "KAFKA_DLQ_TOPIC", "orders.dead")
	fail(t, kafkaPort, "orders")
	eventually(t, "dead-lettered", func() bool { return len(recordsOf(t, kafkaPort, "orders.dead")) == 1 })
}

func TestFlagsWinOverTheEnvironmentAndTheEnvironmentOverTheDefaults(t *testing.T) {
	env, err := readSettings([]string{"--port", "7001", "--brokers", "a:1"},
		environmentOf("PORT", "7002", "KAFKA_BOOTSTRAP_SERVERS", "b:2"), io.Discard)
	if err != nil || env.api.Port != 7001 || env.api.Kafka.Brokers[0] != "a:1" || env.embedded {
		t.Errorf("flags: %+v (%v)", env, err)
	}
	env, err = readSettings(nil, environmentOf("PORT", "7002", "KAFKA_BOOTSTRAP_SERVERS", "b:2"), io.Discard)
	if err != nil || env.api.Port != 7002 || env.processor.Kafka.Brokers[0] != "b:2" || env.embedded {
		t.Errorf("environment: %+v (%v)", env, err)
	}
	env, err = readSettings(nil, environmentOf(), io.Discard)
	if err != nil || env.api.Port != 5001 || env.kafkaPort != 9092 || !env.embedded {
		t.Errorf("defaults: %+v (%v)", env, err)
	}
}

func TestWhatCanNotBeHonouredIsRefusedByName(t *testing.T) {
	for _, c := range []struct {
		args, pairs []string
		want        string
	}{
		{nil, []string{"KAFKA_AUTH", "iam"}, "KAFKA_AUTH"},
		{nil, []string{"TLS_SELF_SIGNED", "true"}, "TLS_SELF_SIGNED"},
		{[]string{"--kafka-port", "9"}, []string{"KAFKA_BOOTSTRAP_SERVERS", "b:2"}, "--kafka-port"},
		{[]string{"--kafka-port", "9", "--brokers", "b:2"}, nil, "--kafka-port"},
		{[]string{"now"}, nil, `"now"`},
		{[]string{"--nonsense"}, nil, "nonsense"},
		{nil, []string{"MAX_ATTEMPTS", "many"}, "MAX_ATTEMPTS"},
		{nil, []string{"PUBLISH_TIMEOUT", "9"}, "PUBLISH_TIMEOUT"},
		{nil, []string{"STORE", "dynamodb"}, "EVENTS_TABLE"},
	} {
		_, err := readSettings(c.args, environmentOf(c.pairs...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, %v: the error is %v; want %s in it", c.args, c.pairs, err, c.want)
		}
	}
}
