package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// config is everything that a stack decides, as plain values: nothing here waits for a deployment.
type config struct {
	Name    string
	Protect bool
	Region  string
	// AccountIDs are the only accounts this stack may touch; empty means whichever the credentials are of.
	AccountIDs []string
	// APIKeys stays an Output so that it is a secret all the way into Secrets Manager; nil when none is set.
	APIKeys   pulumi.StringInput
	Network   networkConfig
	Kafka     kafkaConfig
	API       apiConfig
	Processor processorConfig
	Edge      edgeConfig
	Alarms    alarmsConfig
	Tracing   tracingConfig
}

type networkConfig struct {
	CIDR        string   `json:"cidr"`
	Zones       []string `json:"zones"` // letters, appended to the region; add new ones at the end
	NATGateways int      `json:"natGateways"`
}

type kafkaConfig struct {
	Version          string `json:"version"`
	Brokers          int    `json:"brokers"`
	InstanceType     string `json:"instanceType"`
	VolumeGiB        int    `json:"volumeGiB"`
	Topic            string `json:"topic"`
	Partitions       int    `json:"partitions"`
	RetentionHours   int    `json:"retentionHours"`
	LogRetentionDays int    `json:"logRetentionDays"`
}

type apiConfig struct {
	CPU                int      `json:"cpu"`    // Fargate CPU units, 1024 a vCPU
	Memory             int      `json:"memory"` // MiB
	MinTasks           int      `json:"minTasks"`
	MaxTasks           int      `json:"maxTasks"`
	RequestsPerTarget  int      `json:"requestsPerTarget,omitempty"` // a minute
	LogLevel           string   `json:"logLevel"`
	LogRetentionDays   int      `json:"logRetentionDays"`
	RateLimit          string   `json:"rateLimit,omitempty"`
	CORSAllowedOrigins []string `json:"corsAllowedOrigins,omitempty"`
	AccessLogOneIn     *int     `json:"accessLogOneIn,omitempty"` // nil: as many as the API thinks right
}

type processorConfig struct {
	Memory           int                `json:"memory"` // MiB
	TimeoutSeconds   int                `json:"timeoutSeconds"`
	BatchSize        int                `json:"batchSize"`
	MaxAttempts      int                `json:"maxAttempts"`
	LogLevel         string             `json:"logLevel"`
	LogRetentionDays int                `json:"logRetentionDays"`
	Provisioned      *provisionedConfig `json:"provisioned,omitempty"`
	// Here only to be refused with an explanation: batch responses exist in provisioned mode alone.
	PartialBatchResponse *bool `json:"partialBatchResponse,omitempty"`
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

type edgeConfig struct {
	AccessLogs   bool   `json:"accessLogs"`
	Domain       string `json:"domain,omitempty"`
	HostedZoneID string `json:"hostedZoneId,omitempty"`
}

type alarmsConfig struct {
	LatencySeconds  float64 `json:"latencySeconds"`
	LagSeconds      int     `json:"lagSeconds"`
	EventAgeSeconds int     `json:"eventAgeSeconds"` // from the request until the processor is done with it
	Email           string  `json:"email,omitempty"`
}

// tracingConfig is the one object that may be left out, as may each of its keys: see defaultTracing.
type tracingConfig struct {
	Enabled     bool    `json:"enabled,omitempty"`
	SampleRatio float64 `json:"sampleRatio,omitempty"` // of requests that are traced by nobody yet
	Collector   string  `json:"collector,omitempty"`   // image beside the API
}

// defaultTracing is what a stack gets that says nothing: enough traces to see what is typical, at a twentieth of the price.
func defaultTracing() tracingConfig {
	return tracingConfig{Enabled: true, SampleRatio: 0.05, Collector: "public.ecr.aws/aws-observability/aws-otel-collector:v0.47.0"}
}

// HTTPS reports whether the load balancer has a certificate to serve.
func (c edgeConfig) HTTPS() bool { return c.Domain != "" }

// DeadLetterTopic is where events go that no retry mends.
func (c kafkaConfig) DeadLetterTopic() string { return c.Topic + ".dlq" }

// ReplicationFactor is three where there are three brokers to hold a copy each.
func (c kafkaConfig) ReplicationFactor() int { return min(3, c.Brokers) }

// MinInSyncReplicas leaves room for one broker to be away without refusing writes.
func (c kafkaConfig) MinInSyncReplicas() int { return max(1, c.ReplicationFactor()-1) }

// Autoscales reports whether the number of tasks is for the autoscaler, and not this program, to set.
func (c apiConfig) Autoscales() bool { return c.MinTasks < c.MaxTasks }

const setAPIKeys = `pulumi config set --secret apiKeys '{"CLIENT":"KEY"}'`

// loadConfig reads and checks the whole configuration. given is every key that the engine passed, by its full name:
// the SDK answers only for names that one asks about, so a misspelt one would go unseen. It returns all problems
// joined, each starting with its key.
func loadConfig(ctx *pulumi.Context, given map[string]string) (config, error) {
	c := config{Tracing: defaultTracing()}
	objects := map[string]any{
		"network": &c.Network, "kafka": &c.Kafka, "api": &c.API,
		"processor": &c.Processor, "edge": &c.Edge, "alarms": &c.Alarms, "tracing": &c.Tracing,
	}
	known := append([]string{"name", "protect", "apiKeys"}, slices.Sorted(maps.Keys(objects))...)

	var problems []error
	for _, full := range slices.Sorted(maps.Keys(given)) {
		if key, ours := strings.CutPrefix(full, ctx.Project()+":"); ours && !slices.Contains(known, key) {
			problems = append(problems, unknownKey(key, known))
		}
	}
	get := func(key string) string {
		value, _ := ctx.GetConfig(ctx.Project() + ":" + key)
		return value
	}

	c.Name = get("name")
	switch get("protect") {
	case "true":
		c.Protect = true
	case "false", "":
	default:
		problems = append(problems, fmt.Errorf("protect: must be true or false, is %q", get("protect")))
	}
	decoded := true
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if get(key) == "" && key == "tracing" {
			continue // all of it has defaults
		}
		if get(key) == "" {
			problems = append(problems, fmt.Errorf("%s: is not set", key))
			decoded = false
			continue
		}
		if errs := decodeStrict(key, []byte(get(key)), objects[key]); len(errs) > 0 {
			problems = append(problems, errs...)
			decoded = false
		}
	}
	if keys := get("apiKeys"); keys != "" {
		if !ctx.IsConfigSecret(ctx.Project() + ":apiKeys") {
			problems = append(problems, errors.New("apiKeys: is in plain text; set it with: "+setAPIKeys))
		}
		// The API would refuse to start, forty minutes later. What was given is a secret and stays out of the message.
		var clients map[string]any
		if json.Unmarshal([]byte(keys), &clients) != nil || len(clients) == 0 {
			problems = append(problems, errors.New("apiKeys: must be a JSON object of client name to key; set it with: "+setAPIKeys))
		}
		c.APIKeys = pulumi.ToSecret(pulumi.String(keys)).(pulumi.StringOutput)
	}
	c.Region, _ = ctx.GetConfig("aws:region")
	accounts, err := accountIDs(ctx)
	if err != nil {
		problems = append(problems, err)
	}
	c.AccountIDs = accounts

	// A value that did not decode is zero here, and to complain of that too would bury the real mistake.
	if decoded {
		problems = append(problems, c.validate()...)
	}
	if len(problems) == 0 {
		return c, nil
	}
	return config{}, fmt.Errorf("stack %s: %d problem(s) in its configuration:\n%w", ctx.Stack(), len(problems), errors.Join(problems...))
}
