package kafka_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/kafka"
)

func TestConfigSaysAllThatIsWrongWithIt(t *testing.T) {
	tests := map[string]struct {
		change func(*kafka.Config)
		want   []string // none: it is good
	}{
		"nothing":         {func(*kafka.Config) {}, nil},
		"several brokers": {func(c *kafka.Config) { c.Brokers = []string{"a:1", "[::1]:65535"} }, nil},
		"no broker":       {func(c *kafka.Config) { c.Brokers = nil }, []string{"name at least one"}},
		"a broker without port": {func(c *kafka.Config) { c.Brokers = []string{"localhost"} },
			[]string{`broker "localhost" is not host:port`}},
		"a broker without host": {func(c *kafka.Config) { c.Brokers = []string{":9092"} }, []string{`broker ":9092"`}},
		"a port that is a word": {func(c *kafka.Config) { c.Brokers = []string{"localhost:kafka"} },
			[]string{`broker "localhost:kafka"`}},
		"a port beyond 65535": {func(c *kafka.Config) { c.Brokers = []string{"localhost:65536"} },
			[]string{`broker "localhost:65536"`}},
		"port 0": {func(c *kafka.Config) { c.Brokers = []string{"localhost:0"} },
			[]string{`broker "localhost:0"`}},
		"a URL": {func(c *kafka.Config) { c.Brokers = []string{"http://localhost:9092"} },
			[]string{`broker "http://localhost:9092"`}},
		"IAM without credentials": {func(c *kafka.Config) { c.Auth = kafka.AuthIAM }, []string{"needs AWS credentials"}},
		"another authentication": {func(c *kafka.Config) { c.Auth = "ldap" },
			[]string{`"ldap" is not one of none, iam`}},
		"several of these at one time": {func(c *kafka.Config) { c.Brokers, c.Auth = []string{"a", "b"}, "" },
			[]string{`"a"`, `"b"`, "none, iam"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := kafka.Config{Brokers: []string{"localhost:9092"}, Auth: kafka.AuthNone}
			test.change(&cfg)
			err := cfg.Validate()
			if _, optionsErr := kafka.Options(cfg); (optionsErr == nil) != (err == nil) {
				t.Errorf("options are made: %v", optionsErr)
			}
			if len(test.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || strings.Count(err.Error(), "\n") != len(test.want)-1 {
				t.Fatalf("got %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q says nothing of %s", err, want)
				}
			}
		})
	}
}

func TestBrokersAreSplitAtCommas(t *testing.T) {
	if diff := cmp.Diff([]string{"a:1", "b:2"}, kafka.ParseBrokers(" a:1 ,, b:2,")); diff != "" {
		t.Error(diff)
	}
}

func TestPublisherWithABadConfigIsNotMade(t *testing.T) {
	if _, err := kafka.NewPublisher(kafka.Config{}, kafka.ProducerConfig{}, topic); err == nil {
		t.Error("is made")
	}
}
