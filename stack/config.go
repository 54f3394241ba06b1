package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// config is everything that a stack decides, as plain values: none of them depends on a deployment.
type config struct {
	Name    string
	Protect bool
	Region  string
	// AccountIDs are the only accounts that this stack may change; empty: the account of the credentials.
	AccountIDs []string
	// APIKeys stays an Output so that it is a secret all the way into Secrets Manager; nil when none is set: see MakesKey.
	APIKeys   pulumi.StringInput
	Network   networkConfig
	Kafka     kafkaConfig
	API       apiConfig
	Processor processorConfig
	// Processors are further processors of the same topic, by the set of handlers that each runs.
	Processors map[string]processorConfig
	Edge       edgeConfig
	Alarms     alarmsConfig
	Tracing    tracingConfig
	Encryption encryptionConfig
	Budget     *budgetConfig // nil: nobody is told of costs
	Retention  retentionConfig
	Store      storeConfig
	Backup     backupConfig
	Metrics    metricsConfig
	SLO        sloConfig
	Cache      cacheConfig
	Archive    archiveConfig
	Operator   operatorConfig
	Canary     checkConfig
	Keys       keysConfig
	Privacy    *privacyConfig // nil: no data is encrypted with its subject's key
	// Standby is a stack that has everything and runs nothing: no tasks, idle mappings, no NAT gateways.
	Standby   bool
	Artifact  *artifactConfig  // nil: the stack builds what it runs
	Artifacts *artifactsConfig // of the stack of the artifacts alone
}

type networkConfig struct {
	CIDR               string   `json:"cidr"`
	Zones              []string `json:"zones"` // letters, appended to the region; add new ones at the end
	NATGateways        int      `json:"natGateways"`
	InterfaceEndpoints bool     `json:"endpoints,omitempty"` // interface endpoints in place of NAT gateways
	FlowLogs           string   `json:"flowLogs,omitempty"`  // all, reject, or "" for none
	ACLs               bool     `json:"acls,omitempty"`      // lists of the subnets beside the security groups
}

type kafkaConfig struct {
	Version      string `json:"version"`
	Brokers      int    `json:"brokers"`
	InstanceType string `json:"instanceType"`
	VolumeGiB    int    `json:"volumeGiB"`
	MaxVolumeGiB int    `json:"maxVolumeGiB,omitempty"` // a broker's disk grows by itself up to this; 0: it does not grow
	Topic        string `json:"topic"`
	Partitions   int    `json:"partitions"`
	// Topics are further topics for events, by name.
	Topics map[string]topicConfig `json:"topics,omitempty"`
}

type apiConfig struct {
	CPU                int      `json:"cpu"`    // Fargate CPU units, 1024 a vCPU
	Memory             int      `json:"memory"` // MiB
	MinTasks           int      `json:"minTasks"`
	MaxTasks           int      `json:"maxTasks"`
	RequestsPerTarget  int      `json:"requestsPerTarget,omitempty"` // a minute
	LogLevel           string   `json:"logLevel"`
	RateLimit          string   `json:"rateLimit,omitempty"`
	CORSAllowedOrigins []string `json:"corsAllowedOrigins,omitempty"`
	AccessLogOneIn     *int     `json:"accessLogOneIn,omitempty"` // nil: the API's default
}

type processorConfig struct {
	Topic           string             `json:"topic,omitempty"` // that it reads; "": kafka.topic
	Memory          int                `json:"memory"`          // MiB
	TimeoutSeconds  int                `json:"timeoutSeconds"`
	BatchSize       int                `json:"batchSize"`
	MaxAttempts     int                `json:"maxAttempts"`
	AttemptTimeout  string             `json:"attemptTimeout,omitempty"`  // like 20s; of these "" is the processor's own
	BackoffBase     string             `json:"backoffBase,omitempty"`     // like 500ms
	BackoffCap      string             `json:"backoffCap,omitempty"`      // like 30s
	ForeignIDMember string             `json:"foreignIdMember,omitempty"` // the id of a foreign record
	Schemas         string             `json:"schemas,omitempty"`         // off, warn, enforce
	LogLevel        string             `json:"logLevel"`
	Provisioned     *provisionedConfig `json:"provisioned,omitempty"`
	Uses            usesConfig         `json:"uses,omitempty"`
	// ReservedConcurrency is the part of the account's concurrency that this function alone may use, and its maximum;
	// 0: nothing is reserved.
	ReservedConcurrency int `json:"reservedConcurrency,omitempty"`
	// Canary is how a new version of the function takes over gradually; nil: it takes over with the deployment.
	Canary *canaryConfig `json:"canary,omitempty"`
	// Here only to be refused with an explanation: batch responses exist in provisioned mode alone.
	PartialBatchResponse *bool `json:"partialBatchResponse,omitempty"`
}

// canaryConfig is the share of a new version before it gets all batches, while alarms are watched (stack/rollout).
type canaryConfig struct {
	Percent int `json:"percent"` // of the batches
	Minutes int `json:"minutes"`
}

// provisionedConfig holds what the mapping can do only with provisioned pollers.
type provisionedConfig struct {
	MinimumPollers          int  `json:"minimumPollers"`
	MaximumPollers          int  `json:"maximumPollers"`
	PartialBatchResponse    bool `json:"partialBatchResponse"`
	BisectBatch             bool `json:"bisectBatch"`
	MaximumRetryAttempts    int  `json:"maximumRetryAttempts"`
	MaximumRecordAgeSeconds int  `json:"maximumRecordAgeSeconds"`
}

type alarmsConfig struct {
	LatencySeconds  float64      `json:"latencySeconds"`
	LagSeconds      int          `json:"lagSeconds"`
	EventAgeSeconds int          `json:"eventAgeSeconds"` // from the request until the processor is done with it
	Email           string       `json:"email,omitempty"`
	Webhook         string       `json:"webhook,omitempty"` // https address that SNS posts to
	Slack           *slackConfig `json:"slack,omitempty"`
	PipelineBroken  bool         `json:"pipelineBroken,omitempty"` // one alarm over those of a flow that stops
}

// budgetConfig is what the stack may cost, and under which load: the plan computes the costs, and AWS watches them.
type budgetConfig struct {
	USDPerMonth     float64 `json:"usdPerMonth"`
	EventsPerSecond float64 `json:"eventsPerSecond"`
}

// tracingConfig is optional, and so is each of its keys: see defaultTracing.
type tracingConfig struct {
	Enabled     bool    `json:"enabled,omitempty"`
	SampleRatio float64 `json:"sampleRatio,omitempty"` // of requests without a trace of their client
	Collector   string  `json:"collector,omitempty"`   // image beside the API
}

// defaultTracing is for a stack whose file has no tracing: enough traces to see what is typical, at a twentieth of the
// price.
func defaultTracing() tracingConfig {
	return tracingConfig{Enabled: true, SampleRatio: 0.05,
		Collector: "public.ecr.aws/aws-observability/aws-otel-collector:v0.47.0"}
}

// MakesKey reports whether the program makes a key for the API. No stack is open to everybody unless its file says so.
func (c config) MakesKey() bool { return c.APIKeys == nil && len(c.Edge.AllowedNetworks) == 0 }

// needsKey reports whether the API asks for one.
func (c config) needsKey() bool { return c.APIKeys != nil || c.MakesKey() }

// DeadLetterTopic is the topic for events that no retry fixes.
func (c kafkaConfig) DeadLetterTopic() string { return c.Topic + ".dlq" }

// ReplicationFactor is three if there are at least three brokers.
func (c kafkaConfig) ReplicationFactor() int { return min(3, c.Brokers) }

// MinInSyncReplicas leaves room for one broker to be away without refusing writes.
func (c kafkaConfig) MinInSyncReplicas() int { return max(1, c.ReplicationFactor()-1) }

// Autoscales reports whether the autoscaler, and not this program, sets the number of tasks.
func (c apiConfig) Autoscales() bool { return c.MinTasks < c.MaxTasks }

// serviceObjects are the configuration's objects that a stack of the service has.
var serviceObjects = []string{"alarms", "api", "archive", "backup", "budget", "cache", "canary", "edge", "encryption",
	"kafka", "keys", "metrics", "network", "operator", "privacy", "processor", "processors", "retention", "slo", "store",
	"tracing"}

// optionalObjects may be left out.
var optionalObjects = []string{"archive", "backup", "cache", "canary", "encryption", "keys", "metrics", "operator",
	"privacy", "processors", "slo", "store", "tracing"}

// isSet reports whether an object was given. An empty object is the default in Pulumi.yaml, so that the engine does not
// demand a network of the stack of the artifacts.
func isSet(object string) bool { return object != "" && object != "{}" }

const setAPIKeys = `pulumi config set --secret apiKeys '{"CLIENT":"KEY"}'`

// loadConfig reads and checks the whole configuration. given has every key that the engine passed, by its full name:
// the SDK only looks up names, so a misspelt key would go unnoticed. loadConfig returns all problems joined, each
// starting with its key.
func loadConfig(ctx *pulumi.Context, given map[string]string) (config, error) {
	c := config{Tracing: defaultTracing(), Retention: defaultRetention(), Canary: defaultCheck()}
	objects := map[string]any{
		"network": &c.Network, "kafka": &c.Kafka, "api": &c.API,
		"processor": &c.Processor, "processors": &c.Processors, "edge": &c.Edge, "alarms": &c.Alarms,
		"tracing": &c.Tracing, "retention": &c.Retention, "store": &c.Store, "backup": &c.Backup,
		"metrics": &c.Metrics, "slo": &c.SLO, "cache": &c.Cache, "encryption": &c.Encryption, "archive": &c.Archive,
		"operator": &c.Operator, "canary": &c.Canary, "keys": &c.Keys,
	}
	artifact := ctx.Project() + ":artifact"
	if isSet(given[artifact]) {
		c.Artifact = &artifactConfig{}
		objects["artifact"] = c.Artifact
	}
	if budget := given[ctx.Project()+":budget"]; isSet(budget) {
		c.Budget = &budgetConfig{}
		objects["budget"] = c.Budget
	}
	if isSet(given[ctx.Project()+":privacy"]) {
		c.Privacy = &privacyConfig{}
		objects["privacy"] = c.Privacy
	}
	known := append([]string{"name", "protect", "standby", "apiKeys", "artifact"}, serviceObjects...)

	var problems []error
	for _, full := range slices.Sorted(maps.Keys(given)) {
		if key, ours := strings.CutPrefix(full, ctx.Project()+":"); ours && !slices.Contains(asideObjects, key) &&
			!slices.Contains(known, key) {
			problems = append(problems, unknownKey(key, known))
		}
	}
	get := func(key string) string {
		value, _ := ctx.GetConfig(ctx.Project() + ":" + key)
		return value
	}

	c.Name = get("name")
	for key, set := range map[string]*bool{"protect": &c.Protect, "standby": &c.Standby} {
		switch get(key) {
		case "true":
			*set = true
		case "false", "":
		default:
			problems = append(problems, fmt.Errorf("%s: must be true or false, is %q", key, get(key)))
		}
	}
	decoded := true
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if !isSet(get(key)) && slices.Contains(optionalObjects, key) {
			continue
		}
		if !isSet(get(key)) {
			problems = append(problems, fmt.Errorf("%s: is not set", key))
			decoded = false
			continue
		}
		if errs := decodeValue(key, []byte(get(key)), reflect.ValueOf(objects[key]).Elem()); len(errs) > 0 {
			problems = append(problems, errs...)
			decoded = false
		}
	}
	for _, key := range []string{"processor", "processors"} {
		if ctx.IsConfigSecret(ctx.Project() + ":" + key) {
			problems = append(problems, fmt.Errorf("%s: has an encrypted value, which would be plain text in the function's "+
				"environment: store it in Secrets Manager or Parameter Store, and name it below uses.secrets", key))
		}
	}
	if keys := get("apiKeys"); keys != "" {
		if !ctx.IsConfigSecret(ctx.Project() + ":apiKeys") {
			problems = append(problems, errors.New("apiKeys: is in plain text; set it with: "+setAPIKeys))
		}
		// Otherwise the API would refuse to start, forty minutes later. The value is a secret and is not in the message.
		var clients map[string]any
		if json.Unmarshal([]byte(keys), &clients) != nil || len(clients) == 0 {
			problems = append(problems, errors.New("apiKeys: must be a JSON object of client name to key; set it with: "+
				""+setAPIKeys))
		}
		c.APIKeys = pulumi.ToSecret(pulumi.String(keys)).(pulumi.StringOutput)
	}
	c.Region, _ = ctx.GetConfig("aws:region")
	accounts, err := accountIDs(ctx)
	if err != nil {
		problems = append(problems, err)
	}
	c.AccountIDs = accounts

	// A value that did not decode is zero here. Reporting that too would bury the real mistake.
	if decoded {
		problems = append(problems, c.validate()...)
	}
	if len(problems) == 0 {
		return c, nil
	}
	return config{}, fmt.Errorf("stack %s: %d problem(s) in its configuration:\n%w", ctx.Stack(), len(problems),
		errors.Join(problems...))
}
