package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// changed returns a stack's committed configuration with one change made to it.
func changed(t *testing.T, stack string, change func(c *stackConfig)) stackConfig {
	t.Helper()
	c, err := readStack(root, stack)
	if err != nil {
		t.Fatal(err)
	}
	change(&c)
	return c
}

// in sets a key of one of the configuration's objects; a nil value removes it.
func in(object, key string, value any) func(*stackConfig) {
	return func(c *stackConfig) {
		var fields map[string]any
		full := c.Project + ":" + object
		if err := json.Unmarshal([]byte(c.Values[full]), &fields); err != nil {
			panic(err)
		}
		at := fields
		for path := strings.Split(key, "."); ; path = path[1:] {
			if len(path) == 1 {
				if at[path[0]] = value; value == nil {
					delete(at, path[0])
				}
				break
			}
			at = at[path[0]].(map[string]any)
		}
		text, err := json.Marshal(fields)
		if err != nil {
			panic(err)
		}
		c.Values[full] = string(text)
	}
}

// at sets a key of the first level; "" removes it.
func at(key, value string) func(*stackConfig) {
	return func(c *stackConfig) {
		if c.Values[key] = value; value == "" {
			delete(c.Values, key)
		}
	}
}

func both(first, second func(*stackConfig)) func(*stackConfig) {
	return func(c *stackConfig) { first(c); second(c) }
}

const ns = "event-processing-service:"

func TestAMistakeInTheConfigurationIsReportedByItsKey(t *testing.T) {
	for _, tc := range []struct {
		stack  string
		change func(*stackConfig)
		want   string
	}{
		{"dev", at(ns+"alarm", "{}"), "alarm: no such key; there are name, protect, apiKeys, alarms, api, edge, kafka, network, processor, tracing"},
		{"dev", at(ns+"network", ""), "network: is not set"},
		{"dev", at(ns+"network", `"10.0.0.0/16"`), `network: must be an object, is "10.0.0.0/16"`},
		{"dev", at(ns+"name", "My Service"), `name: must be lower-case letters, digits and dashes, is "My Service"`},
		{"dev", at(ns+"name", "event-processing-service-staging"), "name: has 32 characters, more than 28"},
		{"dev", at(ns+"protect", "yes"), `protect: must be true or false, is "yes"`},
		{"dev", at(ns+"apiKeys", `{"shop":"in-the-clear"}`), "apiKeys: is in plain text; set it with: pulumi config set --secret apiKeys '{\"CLIENT\":\"KEY\"}'"},
		{"prod", at(ns+"apiKeys", "one,two"), "apiKeys: must be a JSON object of client name to key; set it with: pulumi config set --secret apiKeys '{\"CLIENT\":\"KEY\"}'"},
		{"dev", at("aws:region", ""), "aws:region: is not set"},
		{"dev", at("aws:allowedAccountIds", `["12"]`), "aws:allowedAccountIds: 12 is not an account id of twelve digits"},
		{"dev", at("aws:allowedAccountIds", `12`), "aws:allowedAccountIds: must be a list, is 12"},

		{"dev", in("network", "zone", "a"), "network.zone: no such key; there are cidr, zones, natGateways"},
		{"dev", in("network", "zones", "a,b"), `network.zones: must be a list of strings, is "a,b"`},
		{"dev", in("network", "zones", []string{"a"}), "network.zones: MSK takes 2 or 3 zones, not 1"},
		{"dev", in("network", "zones", []string{"a", "a"}), "network.zones: a is there twice"},
		{"dev", in("network", "zones", []string{"a", "us-east-1b"}), `network.zones: must be zone letters like a, is "us-east-1b"`},
		{"dev", in("network", "cidr", "10.0.0.1/16"), `network.cidr: must be an IPv4 network of /16 to /24, is "10.0.0.1/16"`},
		{"dev", in("network", "cidr", "fd00::/16"), `network.cidr: must be an IPv4 network of /16 to /24, is "fd00::/16"`},
		{"dev", in("network", "natGateways", 0), "network.natGateways: must be 1 to 2 (a zone each), is 0"},
		{"dev", in("network", "natGateways", nil), "network.natGateways: is not set"},

		{"dev", in("kafka", "version", "3.9.x"), `kafka.version: must be a KRaft version like 3.9.x.kraft, is "3.9.x"`},
		{"dev", in("kafka", "instanceType", "t3.small"), `kafka.instanceType: must be a standard broker like kafka.m7g.large, is "t3.small"`},
		{"dev", in("kafka", "brokers", 1), "kafka.brokers: must be 2 or more, is 1"},
		{"dev", in("kafka", "brokers", "2"), `kafka.brokers: must be a whole number, is "2"`},
		{"dev", in("kafka", "brokers", 2.5), "kafka.brokers: must be a whole number, is 2.5"},
		{"dev", in("network", "zones", []string{"a", "b", "c"}), "kafka.brokers: 2 cannot be spread evenly over 3 zones"},
		{"dev", in("kafka", "volumeGiB", 0), "kafka.volumeGiB: must be 1 to 16384, is 0"},
		{"dev", in("kafka", "topic", "my events"), `kafka.topic: must be a topic's name, is "my events"`},
		{"dev", in("kafka", "partitions", 0), "kafka.partitions: must be 1 to 1000, is 0"},
		{"dev", in("kafka", "retentionHours", 0), "kafka.retentionHours: must be 1 or more, is 0"},
		{"dev", in("kafka", "logRetentionDays", 8), "kafka.logRetentionDays: CloudWatch Logs has no retention of 8 days"},

		{"dev", in("api", "cpu", 300), "api.cpu: must be 256, 512, 1024, 2048 or 4096, is 300"},
		{"dev", in("api", "memory", 4096), "api.memory: Fargate has no 4096 MiB with 256 CPU units"},
		{"dev", in("api", "memory", 1500), "api.memory: Fargate has no 1500 MiB with 256 CPU units"},
		{"dev", in("api", "minTasks", 2), "api.minTasks: must be 1 to api.maxTasks (1), is 2"},
		{"dev", in("api", "maxTasks", 4), "api.requestsPerTarget: is not set, and autoscaling needs it"},
		{"dev", in("api", "logLevel", "debug"), `api.logLevel: must be one of DEBUG, INFO, WARN, ERROR, is "debug"`},
		{"dev", in("api", "logLevel", nil), "api.logLevel: is not set"},
		{"dev", in("api", "rateLimit", "100"), `api.rateLimit: must be like 100/1s, is "100"`},

		{"dev", in("api", "accessLogOneIn", -1), "api.accessLogOneIn: must be 0 (none) to 1000000, is -1"},
		{"dev", in("api", "accessLogOneIn", "all"), `api.accessLogOneIn: must be a whole number, is "all"`},

		{"dev", in("processor", "logLevel", "WARNING"), `processor.logLevel: must be one of DEBUG, INFO, WARN, ERROR, is "WARNING"`},
		{"dev", in("processor", "timeoutSeconds", 900), "processor.timeoutSeconds: must be 1 to 840: a Kafka mapping gives a function 14 minutes, is 900"},
		{"dev", in("processor", "memory", 64), "processor.memory: must be 128 to 10240 MiB, is 64"},
		{"dev", in("processor", "batchSize", 0), "processor.batchSize: must be 1 to 10000, is 0"},
		{"dev", in("processor", "maxAttempts", 0), "processor.maxAttempts: must be 1 or more, is 0"},
		{"dev", in("processor", "partialBatchResponse", true), "processor.partialBatchResponse: a mapping has batch responses only with provisioned pollers: it goes below processor.provisioned"},
		{"dev", in("processor", "provisioned", true), "processor.provisioned: must be an object, is true"},
		{"prod", in("processor", "provisioned.maximumPollers", 13), "processor.provisioned.maximumPollers: 13 pollers cannot share 12 partitions"},
		{"prod", in("processor", "provisioned.minimumPollers", 7), "processor.provisioned.minimumPollers: must be 1 to maximumPollers (6), 200 at most, is 7"},
		{"prod", in("processor", "provisioned.maximumRetryAttempts", -1), "processor.provisioned.maximumRetryAttempts: must be 0 to 10000, is -1"},
		{"prod", in("processor", "provisioned.maximumRecordAgeSeconds", 5), "processor.provisioned.maximumRecordAgeSeconds: must be 60 to 604800, is 5"},
		{"prod", in("processor", "provisioned.bisect", true), "processor.provisioned.bisect: no such key; there are minimumPollers, maximumPollers, partialBatchResponse, bisectBatch, maximumRetryAttempts, maximumRecordAgeSeconds"},

		{"dev", in("edge", "accessLogs", "no"), `edge.accessLogs: must be true or false, is "no"`},
		{"dev", in("edge", "domain", "events.example.com"), "edge.domain: needs edge.hostedZoneId, and the other way round: the certificate is proved by a DNS record"},
		{"prod", both(in("edge", "domain", nil), in("edge", "hostedZoneId", nil)), "edge.domain: is not set, and a protected stack serves HTTPS only; set it with: pulumi config set --path edge.domain NAME"},
		{"prod", at(ns+"apiKeys", ""), "apiKeys: is not set, and a protected stack takes events from nobody unknown; set it with: pulumi config set --secret apiKeys '{\"CLIENT\":\"KEY\"}'"},
		{"prod", both(in("network", "zones", []string{"a", "b"}), both(in("network", "natGateways", 2), in("kafka", "brokers", 2))), "kafka.brokers: a protected stack needs 3: with 2, an acknowledged event may be on one disk only"},
		{"prod", in("api", "minTasks", 1), "api.minTasks: a protected stack needs 2, so that one may be lost"},

		{"dev", in("alarms", "latencySeconds", 0), "alarms.latencySeconds: must be more than 0, is 0"},
		{"dev", in("alarms", "lagSeconds", 0), "alarms.lagSeconds: must be more than 0, is 0"},
		{"dev", in("alarms", "eventAgeSeconds", 0), "alarms.eventAgeSeconds: must be more than 0, is 0"},
		{"dev", in("tracing", "sampleRatio", 5), "tracing.sampleRatio: must be 0 to 1, is 5"},
		{"dev", in("tracing", "enabled", "on"), `tracing.enabled: must be true or false, is "on"`},
		{"dev", in("tracing", "ratio", 1), "tracing.ratio: no such key; there are enabled, sampleRatio, collector"},
		{"dev", in("tracing", "collector", "public.ecr.aws/aws-observability/aws-otel-collector:latest"), `tracing.collector: must be an image of one version, like public.ecr.aws/aws-observability/aws-otel-collector:v0.47.0, is "public.ecr.aws/aws-observability/aws-otel-collector:latest"`},
		{"dev", in("alarms", "email", "ops"), `alarms.email: must be an address, is "ops"`},
	} {
		t.Run(tc.want, func(t *testing.T) {
			rec := &recorder{}
			_, err := recordConfig(root, tc.stack, changed(t, tc.stack, tc.change), offlineProgram(), rec)
			if err == nil {
				t.Fatal("the mistake went unseen")
			}
			if !strings.Contains(err.Error(), "1 problem(s)") || !strings.Contains(err.Error(), "\n"+tc.want) {
				t.Errorf("the error is not that one line alone: %v", err)
			}
			if len(rec.nodes) > 0 {
				t.Errorf("%d resources were registered first", len(rec.nodes))
			}
		})
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	c := changed(t, "dev", func(c *stackConfig) {
		at(ns+"nam", "x")(c)
		in("api", "cpus", 1)(c)
		in("kafka", "brokers", "two")(c)
	})
	_, err := recordConfig(root, "dev", c, offlineProgram(), &recorder{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"stack dev: 3 problem(s)", "nam: no such key", "api.cpus: no such key", "kafka.brokers: must be a whole number"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}

func TestNullIsNotAValue(t *testing.T) {
	c := changed(t, "dev", func(c *stackConfig) {
		c.Values[ns+"alarms"] = `{"latencySeconds":null,"lagSeconds":1}`
	})
	if _, err := recordConfig(root, "dev", c, offlineProgram(), &recorder{}); err == nil || !strings.Contains(err.Error(), "alarms.latencySeconds: must be a number, is null") {
		t.Errorf("error is %v", err)
	}
}

func TestAccountIDsMayBeNumbersWithALeadingZeroKeptAsText(t *testing.T) {
	c := changed(t, "dev", at("aws:allowedAccountIds", `[123456789012,"012345678901"]`))
	g, err := recordConfig(root, "dev", c, offlineProgram(), &recorder{})
	if err != nil {
		t.Fatal(err)
	}
	provider := g.Nodes[slices.IndexFunc(g.Nodes, func(n registration) bool { return n.Type == "pulumi:providers:aws" })]
	if got := fmt.Sprint(provider.at("allowedAccountIds").Mappable()); got != "[123456789012 012345678901]" {
		t.Errorf("provider is limited to %s", got)
	}
}

func TestASecretThatIsEncryptedInTheFileIsAPlaceholderOffline(t *testing.T) {
	c, err := readStack("testdata/encrypted", "test")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"p:apiKeys": encrypted, "p:name": "n", "p:protect": "false"}
	if !maps.Equal(c.Values, want) || len(c.Secrets) != 1 || c.Secrets[0] != "p:apiKeys" {
		t.Errorf("values %v, secrets %v", c.Values, c.Secrets)
	}
}

func TestAStackWithoutAFileIsAnErrorThatNamesIt(t *testing.T) {
	if _, err := readStack(root, "staging"); err == nil || !strings.Contains(err.Error(), "Pulumi.staging.yaml") {
		t.Errorf("error is %v", err)
	}
}
