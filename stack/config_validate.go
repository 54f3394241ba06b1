package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

var (
	namePattern      = regexp.MustCompile(`^[a-z][a-z0-9-]*[a-z0-9]$`)
	zonePattern      = regexp.MustCompile(`^[a-z]$`)
	topicPattern     = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	imagePattern     = regexp.MustCompile(`^[a-z0-9.-]+/[a-z0-9./_-]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$`)
	rateLimitPattern = regexp.MustCompile(`^[1-9]\d*/\d+(ms|s|m|h)$`)

	logLevels = []string{"DEBUG", "INFO", "WARN", "ERROR"}
	// What CloudWatch Logs accepts.
	retentionDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	// What Fargate accepts: memory in MiB from and to, by CPU units. Steps are of 1024 from 512 CPU units on.
	fargateMemory = map[int][2]int{256: {512, 2048}, 512: {1024, 4096}, 1024: {2048, 8192}, 2048: {4096, 16384}, 4096: {8192, 30720}}
)

// findings collects problems, so that a rule is one line.
type findings []error

// require records a problem at key unless ok.
func (f *findings) require(ok bool, key, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
}

// validate returns every value, and every combination of values, that AWS would refuse or that would lose events.
func (c config) validate() []error {
	var f findings
	f.require(namePattern.MatchString(c.Name), "name", "must be lower-case letters, digits and dashes, is %q", c.Name)
	// The target group is called name-api, and a target group's name has at most 32 characters.
	f.require(len(c.Name) <= 28, "name", "has %d characters, more than 28", len(c.Name))
	f.require(c.Region != "", "aws:region", "is not set")
	c.Network.validate(&f)
	c.Kafka.validate(&f)
	c.API.validate(&f)
	c.Processor.validate(&f)
	c.Alarms.validate(&f)
	c.Tracing.validate(&f)

	zones := len(c.Network.Zones)
	f.require(zones == 0 || c.Kafka.Brokers < 2 || c.Kafka.Brokers%zones == 0, "kafka.brokers", "%d cannot be spread evenly over %d zones", c.Kafka.Brokers, zones)
	f.require((c.Edge.Domain == "") == (c.Edge.HostedZoneID == ""), "edge.domain", "needs edge.hostedZoneId, and the other way round: the certificate is proved by a DNS record")
	if p := c.Processor.Provisioned; p != nil {
		f.require(p.MaximumPollers <= c.Kafka.Partitions, "processor.provisioned.maximumPollers", "%d pollers cannot share %d partitions", p.MaximumPollers, c.Kafka.Partitions)
	}
	if c.Protect {
		f.require(c.Edge.HTTPS(), "edge.domain", "is not set, and a protected stack serves HTTPS only; set it with: pulumi config set --path edge.domain NAME")
		f.require(c.APIKeys != nil, "apiKeys", "is not set, and a protected stack takes events from nobody unknown; set it with: %s", setAPIKeys)
		f.require(c.Kafka.Brokers >= 3, "kafka.brokers", "a protected stack needs 3: with %d, an acknowledged event may be on one disk only", c.Kafka.Brokers)
		f.require(c.API.MinTasks >= 2, "api.minTasks", "a protected stack needs 2, so that one may be lost")
	}
	return f
}

func (c networkConfig) validate(f *findings) {
	prefix, err := netip.ParsePrefix(c.CIDR)
	// Subnets take four bits more, and AWS has none smaller than /28.
	ok := err == nil && prefix.Addr().Is4() && prefix == prefix.Masked() && prefix.Bits() >= 16 && prefix.Bits() <= 24
	f.require(ok, "network.cidr", "must be an IPv4 network of /16 to /24, is %q", c.CIDR)
	f.require(len(c.Zones) == 2 || len(c.Zones) == 3, "network.zones", "MSK takes 2 or 3 zones, not %d", len(c.Zones))
	seen := map[string]bool{}
	for _, zone := range c.Zones {
		f.require(zonePattern.MatchString(zone), "network.zones", "must be zone letters like a, is %q", zone)
		f.require(!seen[zone], "network.zones", "%s is there twice", zone)
		seen[zone] = true
	}
	f.require(c.NATGateways >= 1 && c.NATGateways <= len(c.Zones), "network.natGateways", "must be 1 to %d (a zone each), is %d", len(c.Zones), c.NATGateways)
}

func (c kafkaConfig) validate(f *findings) {
	f.require(strings.HasSuffix(c.Version, ".kraft"), "kafka.version", "must be a KRaft version like 3.9.x.kraft, is %q", c.Version)
	f.require(strings.HasPrefix(c.InstanceType, "kafka."), "kafka.instanceType", "must be a standard broker like kafka.m7g.large, is %q", c.InstanceType)
	f.require(c.Brokers >= 2, "kafka.brokers", "must be 2 or more, is %d", c.Brokers)
	f.require(c.VolumeGiB >= 1 && c.VolumeGiB <= 16384, "kafka.volumeGiB", "must be 1 to 16384, is %d", c.VolumeGiB)
	f.require(topicPattern.MatchString(c.Topic) && len(c.Topic) <= 200, "kafka.topic", "must be a topic's name, is %q", c.Topic)
	f.require(c.Partitions >= 1 && c.Partitions <= 1000, "kafka.partitions", "must be 1 to 1000, is %d", c.Partitions)
	f.require(c.RetentionHours >= 1, "kafka.retentionHours", "must be 1 or more, is %d", c.RetentionHours)
	requireRetention(f, "kafka.logRetentionDays", c.LogRetentionDays)
}

func (c apiConfig) validate(f *findings) {
	memory, known := fargateMemory[c.CPU]
	f.require(known, "api.cpu", "must be 256, 512, 1024, 2048 or 4096, is %d", c.CPU)
	step := c.Memory%1024 == 0 || (c.CPU == 256 && c.Memory == 512)
	f.require(!known || (c.Memory >= memory[0] && c.Memory <= memory[1] && step), "api.memory", "Fargate has no %d MiB with %d CPU units", c.Memory, c.CPU)
	f.require(c.MinTasks >= 1 && c.MinTasks <= c.MaxTasks, "api.minTasks", "must be 1 to api.maxTasks (%d), is %d", c.MaxTasks, c.MinTasks)
	f.require(!c.Autoscales() || c.RequestsPerTarget > 0, "api.requestsPerTarget", "is not set, and autoscaling needs it")
	f.require(slices.Contains(logLevels, c.LogLevel), "api.logLevel", "must be one of %s, is %q", strings.Join(logLevels, ", "), c.LogLevel)
	f.require(c.RateLimit == "" || rateLimitPattern.MatchString(c.RateLimit), "api.rateLimit", "must be like 100/1s, is %q", c.RateLimit)
	if n := c.AccessLogOneIn; n != nil {
		f.require(*n >= 0 && *n <= 1_000_000, "api.accessLogOneIn", "must be 0 (none) to 1000000, is %d", *n)
	}
	requireRetention(f, "api.logRetentionDays", c.LogRetentionDays)
}

func (c processorConfig) validate(f *findings) {
	f.require(c.Memory >= 128 && c.Memory <= 10240, "processor.memory", "must be 128 to 10240 MiB, is %d", c.Memory)
	f.require(c.TimeoutSeconds >= 1 && c.TimeoutSeconds <= 14*60, "processor.timeoutSeconds", "must be 1 to 840: a Kafka mapping gives a function 14 minutes, is %d", c.TimeoutSeconds)
	f.require(c.BatchSize >= 1 && c.BatchSize <= 10000, "processor.batchSize", "must be 1 to 10000, is %d", c.BatchSize)
	f.require(c.MaxAttempts >= 1, "processor.maxAttempts", "must be 1 or more, is %d", c.MaxAttempts)
	f.require(slices.Contains(logLevels, c.LogLevel), "processor.logLevel", "must be one of %s, is %q", strings.Join(logLevels, ", "), c.LogLevel)
	requireRetention(f, "processor.logRetentionDays", c.LogRetentionDays)
	f.require(c.PartialBatchResponse == nil, "processor.partialBatchResponse", "a mapping has batch responses only with provisioned pollers: it goes below processor.provisioned")
	p := c.Provisioned
	if p == nil {
		return
	}
	f.require(p.MinimumPollers >= 1 && p.MinimumPollers <= min(200, p.MaximumPollers), "processor.provisioned.minimumPollers", "must be 1 to maximumPollers (%d), 200 at most, is %d", p.MaximumPollers, p.MinimumPollers)
	f.require(p.MaximumPollers <= 2000, "processor.provisioned.maximumPollers", "must be 2000 or less, is %d", p.MaximumPollers)
	f.require(p.MaximumRetryAttempts >= 0 && p.MaximumRetryAttempts <= 10000, "processor.provisioned.maximumRetryAttempts", "must be 0 to 10000, is %d", p.MaximumRetryAttempts)
	f.require(p.MaximumRecordAgeSeconds >= 60 && p.MaximumRecordAgeSeconds <= 604800, "processor.provisioned.maximumRecordAgeSeconds", "must be 60 to 604800, is %d", p.MaximumRecordAgeSeconds)
}

func (c alarmsConfig) validate(f *findings) {
	f.require(c.LatencySeconds > 0, "alarms.latencySeconds", "must be more than 0, is %v", c.LatencySeconds)
	f.require(c.LagSeconds > 0, "alarms.lagSeconds", "must be more than 0, is %d", c.LagSeconds)
	f.require(c.EventAgeSeconds > 0, "alarms.eventAgeSeconds", "must be more than 0, is %d", c.EventAgeSeconds)
	f.require(c.Email == "" || strings.Contains(c.Email, "@"), "alarms.email", "must be an address, is %q", c.Email)
}

func (c tracingConfig) validate(f *findings) {
	f.require(c.SampleRatio >= 0 && c.SampleRatio <= 1, "tracing.sampleRatio", "must be 0 to 1, is %v", c.SampleRatio)
	// A tag that moves would make the same stack two programs on two days.
	f.require(imagePattern.MatchString(c.Collector), "tracing.collector", "must be an image of one version, like %s, is %q", defaultTracing().Collector, c.Collector)
}

func requireRetention(f *findings, key string, days int) {
	f.require(slices.Contains(retentionDays, days), key, "CloudWatch Logs has no retention of %d days", days)
}
