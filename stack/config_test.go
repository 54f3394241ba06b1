package main

import (
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestAMistakeInTheConfigurationIsReportedByItsKey(t *testing.T) {
	for _, tc := range []struct {
		stack  string
		change func(*review.StackConfig)
		want   string
	}{
		{"dev", at(ns+"alarm", "{}"),
			"alarm: no such key; there are name, protect, standby, apiKeys, artifact, alarms, api, archive, backup, " +
				"budget, cache, canary, edge, encryption, kafka, keys, metrics, network, operator, privacy, processor, " +
				"processors, retention, slo, store, tracing"},
		{"dev", at(ns+"network", ""), "network: is not set"},
		{"dev", at(ns+"network", `"10.0.0.0/16"`), `network: must be an object, is "10.0.0.0/16"`},
		{"dev", at(ns+"name", "My Service"),
			`name: must be lower-case letters, digits and single dashes, and start with a letter, is "My Service"`},
		{"dev", at(ns+"name", "a--b"),
			`name: must be lower-case letters, digits and single dashes, and start with a letter, is "a--b"`},
		{"dev", at(ns+"name", "internal-events"),
			`name: ELB reserves names that start with internal-, is "internal-events"`},
		{"dev", at(ns+"name", "sthree-events"),
			`name: S3 reserves names that start with sthree-, is "sthree-events"`},
		{"dev", at(ns+"name", strings.Repeat("a", 32)), "name: has 32 characters, more than 28"},
		{"dev", at(ns+"protect", "yes"), `protect: must be true or false, is "yes"`},
		{"dev", at(ns+"apiKeys", `{"shop":"in-the-clear"}`),
			"apiKeys: is in plain text; set it with: " + setAPIKeys},
		{"prod", at(ns+"apiKeys", "one,two"),
			"apiKeys: must be a JSON object of client name to key; set it with: pulumi config set --secret apiKeys " +
				"'{\"CLIENT\":\"KEY\"}'"},
		{"dev", at("aws:region", ""), "aws:region: is not set"},
		{"dev", at("aws:allowedAccountIds", `["12"]`), "aws:allowedAccountIds: 12 is not an account id of twelve digits"},
		{"dev", at("aws:allowedAccountIds", `12`), "aws:allowedAccountIds: must be a list, is 12"},

		{"dev", in("metrics", "clients", []string{"shop"}), "metrics.clients: is set, and metrics.enabled is not"},
		{"prod", in("metrics", "clients", []string{"shop", "shop"}), "metrics.clients: lists shop twice"},
		{"prod", in("metrics", "clients", []string{".*"}),
			`metrics.clients: must be names of clients, like shop, is ".*"`},
		{"prod", in("api", "rateLimit", nil),
			"cache.enabled: is true, and api.rateLimit is not set: there is no limit for the tasks to share"},
		{"prod", in("slo", "accepted", 100), "slo.accepted: must be a percentage from 50 to 99.99, is 100"},
		{"prod", in("slo", "processed", 0.99), "slo.processed: must be a percentage from 50 to 99.99, is 0.99"},
		{"prod", in("slo", "processedSeconds", nil),
			"slo.processedSeconds: and slo.processed need each other: how many events, and within how long"},
		{"prod", in("alarms", "webhook", "http://hooks.example.com"),
			`alarms.webhook: must be an https address without a password, is "http://hooks.example.com"`},
		{"prod", in("alarms", "slack", map[string]string{"workspace": "acme", "channel": "C07EZ1ABC23"}),
			`alarms.slack.workspace: must be a workspace's id, like T07EA123LEP, is "acme"`},
		{"prod", in("alarms", "slack", map[string]string{"workspace": "T07EA123LEP", "channel": "#alarms"}),
			`alarms.slack.channel: must be a channel's id, like C07EZ1ABC23, is "#alarms"`},

		{"dev", in("network", "zone", "a"), "network.zone: no such key; there are cidr, zones, natGateways, endpoints, " +
			"flowLogs"},
		{"dev", in("network", "zones", "a,b"), `network.zones: must be a list of strings, is "a,b"`},
		{"dev", in("network", "zones", []string{"a"}), "network.zones: MSK takes 2 or 3 zones, not 1"},
		{"dev", in("network", "zones", []string{"a", "a"}), "network.zones: lists a twice"},
		{"dev", in("network", "zones", []string{"a", "us-east-1b"}),
			`network.zones: must be zone letters like a, is "us-east-1b"`},
		{"dev", in("network", "cidr", "10.0.0.1/16"),
			`network.cidr: must be an IPv4 network of /16 to /24, is "10.0.0.1/16"`},
		{"dev", in("network", "cidr", "fd00::/16"), `network.cidr: must be an IPv4 network of /16 to /24, is "fd00::/16"`},
		{"dev", in("network", "flowLogs", "ALL"), `network.flowLogs: must be all or reject, or left out, is "ALL"`},
		{"dev", in("network", "natGateways", 0), "network.natGateways: must be 1 to 2 (a zone each), is 0"},
		{"dev", in("network", "natGateways", nil), "network.natGateways: is not set"},

		{"dev", in("kafka", "version", "3.9.x.kraft"),
			`kafka.version: kafka.t3.small runs only on ZooKeeper, with 3.9.x, is "3.9.x.kraft"`},
		{"dev", in("kafka", "instanceType", "kafka.m7g.large"),
			`kafka.version: must be a KRaft version like 3.9.x.kraft, is "3.9.x"; only kafka.t3.small runs without KRaft`},
		{"prod", in("kafka", "version", "3.9.kraft"),
			`kafka.version: must be a KRaft version like 3.9.x.kraft, is "3.9.kraft"; only kafka.t3.small runs without KRaft`},
		{"prod", in("kafka", "instanceType", "m7g.large"),
			`kafka.instanceType: must be a standard broker like kafka.m7g.large, is "m7g.large"`},
		{"dev", in("kafka", "brokers", 1), "kafka.brokers: must be 2 or more, is 1"},
		{"dev", in("kafka", "brokers", "2"), `kafka.brokers: must be a whole number, is "2"`},
		{"dev", in("kafka", "brokers", 2.5), "kafka.brokers: must be a whole number, is 2.5"},
		{"dev", in("network", "zones", []string{"a", "b", "c"}), "kafka.brokers: 2 cannot be spread evenly over 3 zones"},
		{"dev", in("kafka", "volumeGiB", 0), "kafka.volumeGiB: must be 1 to 16384, is 0"},
		{"dev", in("kafka", "topic", "my events"), `kafka.topic: must be a topic's name, is "my events"`},
		{"dev", in("kafka", "topic", ".."), `kafka.topic: must be a topic's name, is ".."`},
		{"dev", in("kafka", "topic", "__events"), `kafka.topic: "__events" is reserved: Kafka's own topics begin with __`},
		{"dev", in("kafka", "partitions", 0), "kafka.partitions: must be 1 to 1000, is 0"},

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

		{"dev", in("processor", "logLevel", "WARNING"),
			`processor.logLevel: must be one of DEBUG, INFO, WARN, ERROR, is "WARNING"`},
		{"dev", in("processor", "timeoutSeconds", 900),
			"processor.timeoutSeconds: must be 1 to 840: a Kafka mapping gives a function 14 minutes, is 900"},
		{"dev", in("processor", "reservedConcurrency", 2),
			"processor.reservedConcurrency: must be kafka.partitions (3) or more, as each partition " +
				"may have an invocation, is 2"},
		{"dev", in("kafka", "maxVolumeGiB", 20),
			"kafka.maxVolumeGiB: must be more than kafka.volumeGiB (20) and at most 16384, is 20"},
		{"dev", in("processor", "memory", 64), "processor.memory: must be 128 to 10240 MiB, is 64"},
		{"dev", in("processor", "batchSize", 0), "processor.batchSize: must be 1 to 10000, is 0"},
		{"dev", in("processor", "maxAttempts", 0), "processor.maxAttempts: must be 1 to 100, is 0"},
		{"dev", in("processor", "maxAttempts", 101), "processor.maxAttempts: must be 1 to 100, is 101"},
		{"dev", in("processor", "attemptTimeout", "20"),
			`processor.attemptTimeout: must be a duration from 1ms to 14m0s, like 20s, is "20"`},
		{"dev", in("processor", "attemptTimeout", "60s"), "processor.attemptTimeout: must be less than " +
			`processor.timeoutSeconds (60), or the function ends before the attempt, is "60s"`},
		{"dev", in("processor", "schemas", "strict"),
			`processor.schemas: must be one of off, warn, enforce, is "strict"`},
		{"dev", in("processor", "backoffBase", "1h"),
			`processor.backoffBase: must be a duration from 1ms to 1m0s, like 20s, is "1h"`},
		{"dev", in("processor", "backoffCap", "1s"),
			"processor.backoffCap: must be processor.backoffBase (2s) or more, is 1s"},

		{"dev", in("processor", "uses", "https"), `processor.uses: must be an object, is "https"`},
		{"dev", using("http", true), "processor.uses.http: no such key; there are env, secrets, https, services, tables, " +
			"queues, buckets, handlersConcurrency"},
		{"dev", using("env", []string{"SHOP_URL"}), `processor.uses.env: must be an object, is ["SHOP_URL"]`},
		{"dev", using("env.SHOP_PORT", 80), "processor.uses.env.SHOP_PORT: must be a string, is 80"},
		{"dev", using("env.SHOP_URL", ""), "processor.uses.env: SHOP_URL is empty"},
		{"dev", using("env.shop-url", "x"), `processor.uses.env: must be names like SHOP_URL, is "shop-url"`},
		{"dev", using("env.EVENTS_TABLE", "x"),
			"processor.uses.env: EVENTS_TABLE has a meaning already: give it another name"},
		{"dev", using("env.AWS_REGION", "x"), "processor.uses.env: AWS_REGION has a meaning already: give it another name"},
		{"dev", using("env.LONG", strings.Repeat("x", 3000)),
			"processor.uses: its variables and secrets' names take 3167 bytes, and Lambda has room for 3072"},
		{"dev", using("env.SHOP_KEY", "x"), "processor.uses.secrets: SHOP_KEY is in processor.uses.env, too"},
		{"dev", using("secrets.SHOP_KEY", "shop/key"), `processor.uses.secrets.SHOP_KEY: must be an object, is "shop/key"`},
		{"dev", using("secrets.SHOP_KEY.parameter", "/shop/key"),
			"processor.uses.secrets.SHOP_KEY: must have either secretsManager or parameter"},
		{"dev", using("secrets.SHOP_KEY.secretsManager", "shop key"), "processor.uses.secrets.SHOP_KEY.secretsManager: " +
			`must be the name or the ARN of a secret, is "shop key"`},
		{"dev", using("secrets.SHOP_KEY.secretsManager", "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/key"),
			"processor.uses.secrets.SHOP_KEY.secretsManager: must be like arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-" +
				`abc123, with the six characters at its end, is "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/key"`},
		{"dev", using("secrets.SHOP_KEY.secretsManager",
			"arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/key-Ab12Cd"),
			"processor.uses.secrets.SHOP_KEY.secretsManager: is in eu-west-1, and the stack is in us-east-1"},
		{"dev", using("secrets.LEDGER.parameter", "ledger"), "processor.uses.secrets.LEDGER.parameter: must be the name of " +
			`a parameter, like /shop/key, or its ARN, is "ledger"`},
		{"dev", using("secrets.LEDGER.json", "yes"), `processor.uses.secrets.LEDGER.json: must be true or false, is "yes"`},
		{"dev", using("secrets.LEDGER.key", "alias/mine"), "processor.uses.secrets.LEDGER.key: must be like " +
			`arn:aws:kms:REGION:ACCOUNT:key/ID, is "alias/mine"`},
		{"dev", using("services", []string{"postgres"}), `processor.uses.services: must be an object, is ["postgres"]`},
		{"dev", using("services.postgres.port", nil), "processor.uses.services.postgres.port: is not set"},
		{"dev", using("services.postgres.port", 70000),
			"processor.uses.services.postgres.port: must be 1 to 65535, is 70000"},
		{"dev", using("services.postgres.securityGroup", "db"),
			"processor.uses.services.postgres.securityGroup: must be the " +
				`id of a security group of the stack's VPC, like sg-0123456789abcdef0, is "db"`},
		{"dev", using("services.kafka", map[string]any{"securityGroup": "sg-0123456789abcdef0", "port": 9092}),
			"processor.uses.services.kafka: must be lower-case letters, digits and single dashes, and not the name of " +
				"one of the stack's own groups"},
		{"dev", using("tables", "stock"), `processor.uses.tables: must be a list of objects, is "stock"`},
		{"dev", using("tables", []any{"stock"}), `processor.uses.tables[0]: must be an object, is "stock"`},
		{"dev", using("tables", []any{map[string]any{"arn": "stock", "actions": []string{"dynamodb:GetItem"}}}),
			`processor.uses.tables[0].arn: must be like arn:aws:dynamodb:REGION:ACCOUNT:table/NAME, is "stock"`},
		{"dev", using("queues", []any{map[string]any{"arn": "arn:aws:sqs:us-east-1:123456789012:q", "actions": []string{}}}),
			"processor.uses.queues[0].actions: is empty: name at least one action"},
		{"dev", using("queues", []any{map[string]any{"arn": "arn:aws:sqs:us-east-1:123456789012:q",
			"actions": []string{"sqs:*"}}}),
			`processor.uses.queues[0].actions: must be whole actions that start with sqs:, is "sqs:*"`},
		{"dev", using("buckets", []any{map[string]any{"arn": "arn:aws:s3:::bills", "actions": []string{"PutObject"}}}),
			`processor.uses.buckets[0].actions: must be whole actions that start with s3:, is "PutObject"`},
		{"dev", using("handlersConcurrency", -1), "processor.uses.handlersConcurrency: must be 1 to 10000, is -1"},
		{"dev", both(using("", nil), in("network", "natGateways", 0)), "network.natGateways: is 0, and a NAT gateway is " +
			"the way out of processor.uses.https, processor.uses.queues, processor.uses.secrets: set it to 1 (33 USD a " +
			"month, and 0.045 a GB), or take them out"},

		{"dev", at(ns+"processors", `["audit"]`), `processors: must be an object, is ["audit"]`},
		{"dev", at(ns+"processors", `{"audit":true}`), "processors.audit: must be an object, is true"},
		{"dev", more("Audit", nil),
			"processors.Audit: its name must be 1 to 20 lower-case letters, digits and dashes, and " +
				"begin with a letter"},
		{"dev", both(at(ns+"name", "dev"), more("an-audit-of-all-events", nil)),
			"processors.an-audit-of-all-events: its name must be 1 to 20 " +
				"lower-case letters, digits and dashes, and begin with a letter"},
		{"dev", more("audit", map[string]any{"memory": 64}), "processors.audit.memory: must be 128 to 10240 MiB, is 64"},
		{"dev", more("audit", map[string]any{"backoffCap": "1s"}),
			"processors.audit.backoffCap: must be processors.audit.backoffBase (2s) or more, is 1s"},
		{"dev", more("audit", map[string]any{"uses": map[string]any{"env": map[string]any{"PROCESSOR": "x"}}}),
			"processors.audit.uses.env: PROCESSOR has a meaning already: give it another name"},
		{"dev", more("audit", map[string]any{"reservedConcurrency": 1}), "processors.audit.reservedConcurrency: must be " +
			"kafka.partitions (3) or more, as each partition may have an invocation, is 1"},
		{"dev", both(at(ns+"name", strings.Repeat("a", 28)), more("a-long-name-of-twent", nil)),
			"processors.a-long-name-of-twent: its function's name, " + strings.Repeat("a", 28) +
				"-event-processor-a-long-name-of-twent, has 65 characters, more than 64"},
		{"prod", both(at(ns+"name", strings.Repeat("a", 27)), more("a-long-name-of-twent", nil)),
			"processors.a-long-name-of-twent: its bucket's name, " + strings.Repeat("a", 27) +
				"-undelivered-a-long-name-of-twent-123456789012, has 73 characters, more than 63"},
		{"dev", in("processor", "backoffBase", "40s"),
			"processor.backoffCap: must be processor.backoffBase (40s) or more, is 30s"},
		{"dev", in("processor", "partialBatchResponse", true),
			"processor.partialBatchResponse: a mapping has batch responses only with provisioned pollers: it goes below " +
				"processor.provisioned"},
		{"dev", in("processor", "provisioned", true), "processor.provisioned: must be an object, is true"},
		{"prod", in("processor", "provisioned.maximumPollers", 13),
			"processor.provisioned.maximumPollers: 13 pollers cannot share 12 partitions"},
		{"prod", in("processor", "provisioned.minimumPollers", 7),
			"processor.provisioned.minimumPollers: must be 1 to maximumPollers (6), 200 at most, is 7"},
		{"prod", in("processor", "provisioned.maximumRetryAttempts", -1),
			"processor.provisioned.maximumRetryAttempts: must be 0 to 10000, is -1"},
		{"prod", in("processor", "provisioned.maximumRecordAgeSeconds", 5),
			"processor.provisioned.maximumRecordAgeSeconds: must be 60 to 604800, is 5"},
		{"prod", in("processor", "provisioned.bisect", true),
			"processor.provisioned.bisect: no such key; there are minimumPollers, maximumPollers, partialBatchResponse, " +
				"bisectBatch, maximumRetryAttempts, maximumRecordAgeSeconds"},
		{"prod", both(in("edge", "domain", nil), in("edge", "hostedZoneId", nil)),
			"edge.domain: is not set, and a protected stack serves HTTPS only; set it with: pulumi config set --path " +
				"edge.domain NAME"},
		{"prod", at(ns+"apiKeys", ""),
			"apiKeys: is not set, and a protected stack accepts no event without a key; set it with: " + setAPIKeys},
		{"prod", both(in("network", "zones", []string{"a", "b"}), both(in("network", "natGateways", 2),
			in("kafka", "brokers", 2))), "kafka.brokers: a protected stack needs 3: with 2, an acknowledged event may be on " +
			"one disk only"},
		{"prod", in("api", "minTasks", 1), "api.minTasks: a protected stack needs 2, so that it survives the loss of one"},

		{"dev", in("alarms", "latencySeconds", 0), "alarms.latencySeconds: must be more than 0, is 0"},
		{"dev", in("alarms", "lagSeconds", 0), "alarms.lagSeconds: must be more than 0, is 0"},
		{"dev", in("alarms", "eventAgeSeconds", 0), "alarms.eventAgeSeconds: must be more than 0, is 0"},
		{"dev", in("budget", "usdPerMonth", 0), "budget.usdPerMonth: must be 1 or more, is 0"},
		{"dev", in("budget", "eventsPerSecond", -1), "budget.eventsPerSecond: must be 0 or more, is -1"},
		{"dev", in("tracing", "sampleRatio", 5), "tracing.sampleRatio: must be 0 to 1, is 5"},
		{"dev", in("tracing", "enabled", "on"), `tracing.enabled: must be true or false, is "on"`},
		{"dev", in("tracing", "ratio", 1), "tracing.ratio: no such key; there are enabled, sampleRatio, collector"},
		{"dev", in("tracing", "collector", "public.ecr.aws/aws-observability/aws-otel-collector:latest"),
			"tracing.collector: must be an image of one version, like " + defaultTracing().Collector +
				`, is "public.ecr.aws/aws-observability/aws-otel-collector:latest"`},
		{"dev", in("alarms", "email", "ops"), `alarms.email: must be an address, is "ops"`},
	} {
		isRefused(t, tc.stack, tc.change, tc.want)
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	c := changed(t, "dev", func(c *review.StackConfig) {
		at(ns+"nam", "x")(c)
		in("api", "cpus", 1)(c)
		in("kafka", "brokers", "two")(c)
	})
	_, err := review.RecordConfig(root, "dev", c, offlineProgram(), &review.Recorder{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"stack dev: 3 problem(s)", "nam: no such key", "api.cpus: no such key",
		"kafka.brokers: must be a whole number"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}

func TestNullIsNotAValue(t *testing.T) {
	c := changed(t, "dev", func(c *review.StackConfig) {
		c.Values[ns+"alarms"] = `{"latencySeconds":null,"lagSeconds":1}`
	})
	if _, err := review.RecordConfig(root, "dev", c, offlineProgram(), &review.Recorder{}); err == nil ||
		!strings.Contains(err.Error(), "alarms.latencySeconds: must be a number, is null") {
		t.Errorf("error is %v", err)
	}
}
