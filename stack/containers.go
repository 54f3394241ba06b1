package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	// The task's last minute: it says "not ready" for DRAIN_DELAY, finishes what is in flight (a publish takes
	// PUBLISH_TIMEOUT at most), and flushes. ECS kills what is still there after stopTimeoutSeconds.
	drainDelay         = "5s"
	publishTimeout     = "10s"
	stopTimeoutSeconds = 30

	nonroot = "65532:65532" // of the distroless image
)

// container is one entry of a task definition's containerDefinitions, with the members that this program sets.
type container struct {
	Name                   string           `json:"name"`
	Image                  string           `json:"image"`
	CPU                    int              `json:"cpu,omitempty"`    // share of the task's units
	Memory                 int              `json:"memory,omitempty"` // MiB, above which ECS kills it; 0: the task's
	EntryPoint             []string         `json:"entryPoint,omitempty"`
	Command                []string         `json:"command,omitempty"`
	Essential              bool             `json:"essential"`
	User                   string           `json:"user"`
	ReadonlyRootFilesystem bool             `json:"readonlyRootFilesystem"`
	LinuxParameters        linuxParameters  `json:"linuxParameters"`
	PortMappings           []portMapping    `json:"portMappings"`
	Environment            []variable       `json:"environment"`
	Secrets                []variable       `json:"secrets"` // none: the programs read their secrets themselves
	DependsOn              []dependency     `json:"dependsOn,omitempty"`
	RestartPolicy          *restartPolicy   `json:"restartPolicy,omitempty"`
	HealthCheck            *containerHealth `json:"healthCheck,omitempty"`
	StopTimeout            int              `json:"stopTimeout"` // seconds
	LogConfiguration       logConfiguration `json:"logConfiguration"`
}

type linuxParameters struct {
	Capabilities capabilities `json:"capabilities"`
}

type capabilities struct {
	Drop []string `json:"drop"`
}

type portMapping struct {
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"`
	Protocol      string `json:"protocol"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	ContainerName string `json:"containerName"`
	Condition     string `json:"condition"`
}

type restartPolicy struct {
	Enabled              bool `json:"enabled"`
	RestartAttemptPeriod int  `json:"restartAttemptPeriod"` // seconds that it must have run for
}

type containerHealth struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval"` // this and the others in seconds
	Timeout     int      `json:"timeout"`
	Retries     int      `json:"retries"`
	StartPeriod int      `json:"startPeriod"`
}

type logConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options"`
}

// deployed are the values that containers need and that only a deployment knows.
type deployed struct {
	Image, BootstrapServers, Table, LogGroup string
	URL                                      string // of the edge, where clients find the API
	APIKeys                                  string // ARN of their secret; empty without keys
	CanaryKey                                string // likewise
	MetricsLog                               string // log group; empty without metrics
	RateLimitURL                             string // of the cache; empty without one
	ArchiveURL                               string // empty without an archive
	Proxies                                  string // networks whose X-Forwarded-For is believed
}

// containerSettings are the values of containers that the configuration has.
type containerSettings struct {
	Name            string // of the stack's resources
	Stage           string // dev, prod
	Region          string
	Topic           string
	TopicRoutes     string // "": all events go to Topic
	ProcessorTopics string // "": all processors read it
	DeadLetters     string
	API             apiConfig
	TLS             bool // the load balancer speaks TLS with the API
	Privacy         *privacyConfig
	Tracing         tracingConfig
	Metrics         metricsConfig
	Operator        operatorConfig
}

// Collects reports whether a collector runs beside the API.
func (s containerSettings) Collects() bool { return s.Tracing.Enabled || s.Metrics.Enabled }

// collectorRepository is the ARN of the ECR repository of the collector's image; "" for another registry.
func (s containerSettings) collectorRepository() string {
	if !s.Collects() {
		return ""
	}
	return repositoryOf(s.Tracing.Collector)
}

// apiEnvironment has only variables that the API reads.
func apiEnvironment(d deployed, s containerSettings) map[string]string {
	env := map[string]string{
		"PORT":                    fmt.Sprint(apiPort),
		"METRICS_PORT":            fmt.Sprint(metricsPort),
		"KAFKA_BOOTSTRAP_SERVERS": d.BootstrapServers,
		"KAFKA_TOPIC":             s.Topic,
		"KAFKA_AUTH":              "iam",
		"LOG_LEVEL":               s.API.LogLevel,
		"PUBLISH_TIMEOUT":         publishTimeout,
		"DRAIN_DELAY":             drainDelay,
		"STORE":                   "dynamodb",
		"EVENTS_TABLE":            d.Table,
		// The host of a request is whatever its sender writes. Links in answers and in events outlive the request.
		"PUBLIC_URL":      d.URL,
		"TRUSTED_PROXIES": d.Proxies,
	}
	if s.TLS {
		env["TLS_SELF_SIGNED"] = "true"
	}
	if d.APIKeys != "" {
		env["API_KEYS_SECRET"] = d.APIKeys
	}
	if d.CanaryKey != "" {
		env["CANARY_KEY_SECRET"] = d.CanaryKey
	}
	if s.API.RateLimit != "" {
		env["RATE_LIMIT"] = s.API.RateLimit
	}
	if d.RateLimitURL != "" {
		env["RATE_LIMIT_URL"] = d.RateLimitURL
	}
	if s.TopicRoutes != "" {
		env["TOPIC_ROUTES"] = s.TopicRoutes
	}
	if len(s.API.CORSAllowedOrigins) > 0 {
		env["CORS_ALLOWED_ORIGINS"] = strings.Join(s.API.CORSAllowedOrigins, ",")
	}
	if n := s.API.AccessLogOneIn; n != nil {
		env["ACCESS_LOG_ONE_IN"] = strconv.Itoa(*n)
	}
	maps.Copy(env, s.Privacy.variables(s.Name))
	if s.Tracing.Enabled {
		maps.Copy(env, apiTracing(s.Name, s.Stage, s.Tracing))
	}
	env["GOMEMLIMIT"] = fmt.Sprintf("%dMiB", apiMemory(s)*9/10)
	return env
}

// apiMemory is how much of the task's memory is left for the API, in MiB. Beyond it ECS kills the API. From nine tenths
// of it on, Go collects garbage as often as it needs to. The API bounds what clients can make it hold by that number.
func apiMemory(s containerSettings) int {
	if s.Collects() {
		return s.API.Memory - collectorMemory
	}
	return s.API.Memory
}

// operatorEnvironment is what eventctl reads.
func operatorEnvironment(d deployed, s containerSettings) map[string]string {
	env := map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS": d.BootstrapServers,
		"KAFKA_TOPIC":             s.Topic,
		"KAFKA_DLQ_TOPIC":         s.DeadLetters,
		"KAFKA_AUTH":              "iam",
		"LOG_LEVEL":               s.API.LogLevel,
	}
	for name, value := range map[string]string{"TOPIC_ROUTES": s.TopicRoutes, "PROCESSOR_TOPICS": s.ProcessorTopics,
		"ARCHIVE_URL": d.ArchiveURL} {
		if value != "" {
			env[name] = value
		}
	}
	if s.Operator.Console {
		env["STORE"], env["EVENTS_TABLE"] = "dynamodb", d.Table
	}
	return env
}

// apiContainers is the task of the service.
func apiContainers(d deployed, s containerSettings) []container {
	c := baseContainer("api", d, s, apiEnvironment(d, s))
	// Not the port of the metrics: they are served inside the task alone.
	c.PortMappings = []portMapping{{apiPort, apiPort, "tcp"}}
	c.Memory = apiMemory(s)
	// The image has no shell and no curl: the binary checks itself.
	c.HealthCheck = &containerHealth{Command: []string{"CMD", "/eventctl", "healthcheck"}, Interval: 10, Timeout: 5,
		Retries:     3,
		StartPeriod: 10}
	if s.Collects() {
		return addCollector(c, d, s)
	}
	return []container{c}
}

// operatorContainers is the one-off task of the operator's tool, from the same image.
func operatorContainers(d deployed, s containerSettings) []container {
	env := operatorEnvironment(d, s)
	maps.Copy(env, s.Privacy.operatorVariables(s.Name, d.Table))
	c := baseContainer("operator", d, s, env)
	c.EntryPoint = []string{"/eventctl"}
	// ECS puts an agent of Systems Manager into the container. The agent writes to the container's file system.
	c.ReadonlyRootFilesystem = !s.Operator.Console
	return []container{c}
}

// The archiver's task. With a backlog of millions of records it has used 305 MB at most (docs/performance.md).
const archiverCPU, archiverMemory = 256, 512

// archiverContainers is the task that archives, from the same image.
func archiverContainers(d deployed, s containerSettings) []container {
	env := operatorEnvironment(d, s)
	env["GOMEMLIMIT"] = fmt.Sprintf("%dMiB", archiverMemory*9/10)
	c := baseContainer("archive", d, s, env)
	c.EntryPoint = []string{"/eventctl"}
	c.Command = []string{"archive", "run", "--group", archiveGroup(s.Name)}
	return []container{c}
}

func baseContainer(name string, d deployed, s containerSettings, env map[string]string) container {
	c := container{
		Name: name, Image: d.Image, Essential: true, User: nonroot, ReadonlyRootFilesystem: true,
		LinuxParameters: linuxParameters{capabilities{Drop: []string{"ALL"}}},
		// Empty, not absent: ECS fills in an empty list, and an absent one would show as a change in each preview.
		PortMappings: []portMapping{}, Environment: []variable{}, Secrets: []variable{},
		StopTimeout: stopTimeoutSeconds,
		LogConfiguration: logConfiguration{LogDriver: "awslogs", Options: map[string]string{
			"awslogs-group": d.LogGroup, "awslogs-region": s.Region, "awslogs-stream-prefix": name,
			// Requests must not wait for CloudWatch: when the buffer is full, log lines are lost.
			"mode": "non-blocking", "max-buffer-size": "10m",
		}},
	}
	for _, key := range slices.Sorted(maps.Keys(env)) {
		c.Environment = append(c.Environment, variable{key, env[key]})
	}
	return c
}

// containersJSON writes the same text for the same containers, so that an unchanged task has no new revision.
func containersJSON(containers []container) string {
	text, err := json.Marshal(containers)
	if err != nil {
		panic(fmt.Sprintf("marshal containers of strings and numbers: %v", err)) // cannot happen
	}
	return string(text)
}
