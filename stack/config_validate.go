package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	namePattern      = regexp.MustCompile(`^[a-z](-?[a-z0-9])+$`)
	kraftPattern     = regexp.MustCompile(`^\d+\.\d+\.(x|\d+)\.kraft$`)
	zonePattern      = regexp.MustCompile(`^[a-z]$`)
	topicPattern     = regexp.MustCompile(`^[A-Za-z0-9._-]*[A-Za-z0-9-][A-Za-z0-9._-]*$`) // neither . nor ..
	imagePattern     = regexp.MustCompile(`^[a-z0-9.-]+/[a-z0-9./_-]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$`)
	rateLimitPattern = regexp.MustCompile(`^[1-9]\d*/\d+(ms|s|m|h)$`)

	logLevels = []string{"DEBUG", "INFO", "WARN", "ERROR"}
	// What Fargate accepts: memory in MiB from and to, by CPU units. Steps are of 1024 from 512 CPU units on.
	fargateMemory = map[int][2]int{256: {512, 2048}, 512: {1024, 4096}, 1024: {2048, 8192}, 2048: {4096, 16384},
		4096: {8192, 30720}}
)

const (
	smallBroker      = "kafka.t3.small"
	zooKeeperVersion = "3.9.x"
)

// reservedPrefixes are prefixes that names may not have, by the service that reserves them.
var reservedPrefixes = []struct{ prefix, service string }{
	{"internal-", "ELB"}, {"sthree-", "S3"}, {"amzn-s3-demo-", "S3"}, {"aws-", "AWS"},
}

// findings collects problems, so that each rule is one line.
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
	// ECR allows single dashes between letters and digits. ELB reserves one prefix, S3 the others.
	f.require(namePattern.MatchString(c.Name), "name",
		"must be lower-case letters, digits and single dashes, and start with a letter, is %q", c.Name)
	for _, r := range reservedPrefixes {
		f.require(!strings.HasPrefix(c.Name, r.prefix), "name", "%s reserves names that start with %s, is %q",
			r.service, r.prefix, c.Name)
	}
	// The target group is called name-api, and a target group's name has at most 32 characters.
	f.require(len(c.Name) <= 28, "name", "has %d characters, more than 28", len(c.Name))
	f.require(c.Region != "", "aws:region", "is not set")
	c.Network.validate(&f)
	c.Kafka.validate(&f)
	c.Kafka.validateTopics(&f, c.Retention)
	c.API.validate(&f)
	c.Alarms.validate(&f)
	c.Tracing.validate(&f)
	c.Retention.validate(&f)
	c.Store.validate(&f, c.Region)
	c.Backup.validate(&f, c.Region)
	c.Metrics.validate(&f)
	c.SLO.validate(&f)
	c.Canary.validate(&f, c.Edge)
	c.Keys.validate(&f, c)
	c.Cache.validate(&f, c.API)
	c.Archive.validate(&f, c.Retention.ArchiveDays, c.Protect)
	c.Archive.validateCopies(&f, c.Name, c.Region)
	c.Privacy.validate(&f)
	c.validateProcessors(&f)
	if b := c.Budget; b != nil {
		f.require(b.USDPerMonth >= 1, "budget.usdPerMonth", "must be 1 or more, is %v", b.USDPerMonth)
		f.require(b.EventsPerSecond >= 0, "budget.eventsPerSecond", "must be 0 or more, is %v", b.EventsPerSecond)
	}
	if c.Artifact != nil {
		c.Artifact.validate(&f, c.Region)
	}

	zones := len(c.Network.Zones)
	f.require(zones == 0 || c.Kafka.Brokers < 2 || c.Kafka.Brokers%zones == 0, "kafka.brokers",
		"%d cannot be spread evenly over %d zones", c.Kafka.Brokers, zones)
	c.Edge.validate(&f, c.Region, c.API)
	c.requireACLRoom(&f, securityRules(c.networkParts()))
	if c.Protect {
		f.require(c.Edge.HTTPS(), "edge.domain",
			"is not set, and a protected stack serves HTTPS only; set it with: pulumi config set --path edge.domain NAME")
		f.require(c.APIKeys != nil, "apiKeys",
			"is not set, and a protected stack accepts no event without a key; set it with: %s", setAPIKeys)
		f.require(c.Kafka.Brokers >= 3, "kafka.brokers",
			"a protected stack needs 3: with %d, an acknowledged event may be on one disk only", c.Kafka.Brokers)
		f.require(c.API.MinTasks >= 2, "api.minTasks", "a protected stack needs 2, so that it survives the loss of one")
	}
	return f
}

func (c networkConfig) validate(f *findings) {
	prefix, err := netip.ParsePrefix(c.CIDR)
	// Subnets have four bits more, and AWS has no subnet smaller than /28.
	ok := err == nil && prefix.Addr().Is4() && prefix == prefix.Masked() && prefix.Bits() >= 16 && prefix.Bits() <= 24
	f.require(ok, "network.cidr", "must be an IPv4 network of /16 to /24, is %q", c.CIDR)
	f.require(len(c.Zones) == 2 || len(c.Zones) == 3, "network.zones", "MSK takes 2 or 3 zones, not %d", len(c.Zones))
	seen := map[string]bool{}
	for _, zone := range c.Zones {
		f.require(zonePattern.MatchString(zone), "network.zones", "must be zone letters like a, is %q", zone)
		f.require(!seen[zone], "network.zones", "lists %s twice", zone)
		seen[zone] = true
	}
	f.require(c.FlowLogs == "" || c.FlowLogs == "all" || c.FlowLogs == "reject", "network.flowLogs",
		"must be all or reject, or left out, is %q", c.FlowLogs)
}

// validateNAT wants a gateway for the API's tasks in any case, where no endpoints are in its place, and says so of the
// uses that would have no way out.
func (c networkConfig) validateNAT(f *findings, uses []string) {
	if c.InterfaceEndpoints {
		return
	}
	if c.NATGateways == 0 && len(uses) > 0 {
		f.require(false, "network.natGateways", "is 0, and a NAT gateway is the way out of %s: set it to 1 (33 USD a "+
			"month, and 0.045 a GB), or take them out", strings.Join(uses, ", "))
		return
	}
	f.require(c.NATGateways >= 1 && c.NATGateways <= len(c.Zones), "network.natGateways",
		"must be 1 to %d (a zone each), is %d", len(c.Zones), c.NATGateways)
}

func (c kafkaConfig) validate(f *findings) {
	// MSK's answer to the small type with any KRaft version: "Unsupported InstanceType specified. Valid values:
	// [express.m7g.*, kafka.m5.*, kafka.m7g.*]". No other type is run on ZooKeeper: Kafka has none from 4.0 on.
	if c.InstanceType == smallBroker {
		f.require(c.Version == zooKeeperVersion, "kafka.version",
			"%s runs only on ZooKeeper, with %s, is %q",
			smallBroker, zooKeeperVersion, c.Version)
	} else {
		f.require(kraftPattern.MatchString(c.Version), "kafka.version", "must be a KRaft version like 3.9.x.kraft, is %q; "+
			"only %s runs without KRaft", c.Version, smallBroker)
	}
	f.require(strings.HasPrefix(c.InstanceType, "kafka."), "kafka.instanceType",
		"must be a standard broker like kafka.m7g.large, is %q", c.InstanceType)
	f.require(c.Brokers >= 2, "kafka.brokers", "must be 2 or more, is %d", c.Brokers)
	f.require(c.VolumeGiB >= 1 && c.VolumeGiB <= 16384, "kafka.volumeGiB", "must be 1 to 16384, is %d", c.VolumeGiB)
	f.require(c.MaxVolumeGiB == 0 || (c.MaxVolumeGiB > c.VolumeGiB && c.MaxVolumeGiB <= 16384), "kafka.maxVolumeGiB",
		"must be more than kafka.volumeGiB (%d) and at most 16384, is %d", c.VolumeGiB, c.MaxVolumeGiB)
	f.require(topicPattern.MatchString(c.Topic) && len(c.Topic) <= 200, "kafka.topic", "must be a topic's name, is %q",
		c.Topic)
	f.require(!strings.HasPrefix(c.Topic, "__"), "kafka.topic", "%q is reserved: Kafka's own topics begin with __",
		c.Topic)
	f.require(c.Partitions >= 1 && c.Partitions <= 1000, "kafka.partitions", "must be 1 to 1000, is %d", c.Partitions)
}

func (c apiConfig) validate(f *findings) {
	memory, known := fargateMemory[c.CPU]
	f.require(known, "api.cpu", "must be 256, 512, 1024, 2048 or 4096, is %d", c.CPU)
	step := c.Memory%1024 == 0 || (c.CPU == 256 && c.Memory == 512)
	f.require(!known || (c.Memory >= memory[0] && c.Memory <= memory[1] && step), "api.memory",
		"Fargate has no %d MiB with %d CPU units", c.Memory, c.CPU)
	f.require(c.MinTasks >= 1 && c.MinTasks <= c.MaxTasks, "api.minTasks", "must be 1 to api.maxTasks (%d), is %d",
		c.MaxTasks, c.MinTasks)
	f.require(!c.Autoscales() || c.RequestsPerTarget > 0, "api.requestsPerTarget", "is not set, and autoscaling needs it")
	f.require(slices.Contains(logLevels, c.LogLevel), "api.logLevel", "must be one of %s, is %q",
		strings.Join(logLevels, ", "), c.LogLevel)
	f.require(c.RateLimit == "" || rateLimitPattern.MatchString(c.RateLimit), "api.rateLimit",
		"must be like 100/1s, is %q", c.RateLimit)
	if n := c.AccessLogOneIn; n != nil {
		f.require(*n >= 0 && *n <= 1_000_000, "api.accessLogOneIn", "must be 0 (none) to 1000000, is %d", *n)
	}
}

func (c processorConfig) validate(f *findings, key string) {
	f.require(c.Memory >= 128 && c.Memory <= 10240, key+".memory", "must be 128 to 10240 MiB, is %d", c.Memory)
	f.require(c.TimeoutSeconds >= 1 && c.TimeoutSeconds <= 14*60, key+".timeoutSeconds",
		"must be 1 to 840: a Kafka mapping gives a function 14 minutes, is %d", c.TimeoutSeconds)
	f.require(c.BatchSize >= 1 && c.BatchSize <= 10000, key+".batchSize", "must be 1 to 10000, is %d", c.BatchSize)
	f.require(c.MaxAttempts >= 1 && c.MaxAttempts <= 100, key+".maxAttempts", "must be 1 to 100, is %d",
		c.MaxAttempts)
	c.validateTimes(f, key)
	f.require(slices.Contains([]string{"", "off", "warn", "enforce"}, c.Schemas), key+".schemas",
		"must be one of off, warn, enforce, is %q", c.Schemas)
	f.require(slices.Contains(logLevels, c.LogLevel), key+".logLevel", "must be one of %s, is %q",
		strings.Join(logLevels, ", "), c.LogLevel)
	f.require(c.PartialBatchResponse == nil, key+".partialBatchResponse",
		"a mapping has batch responses only with provisioned pollers: it goes below %s.provisioned", key)
	if c.Canary != nil {
		f.require(c.Canary.Percent >= 1 && c.Canary.Percent <= 50, key+".canary.percent", "must be 1 to 50, is %d",
			c.Canary.Percent)
		f.require(c.Canary.Minutes >= 1 && c.Canary.Minutes <= 60, key+".canary.minutes", "must be 1 to 60, is %d",
			c.Canary.Minutes)
	}
	p := c.Provisioned
	if p == nil {
		return
	}
	f.require(p.MinimumPollers >= 1 && p.MinimumPollers <= min(200, p.MaximumPollers),
		key+".provisioned.minimumPollers", "must be 1 to maximumPollers (%d), 200 at most, is %d", p.MaximumPollers,
		p.MinimumPollers)
	f.require(p.MaximumPollers <= 2000, key+".provisioned.maximumPollers", "must be 2000 or less, is %d",
		p.MaximumPollers)
	f.require(p.MaximumRetryAttempts >= 0 && p.MaximumRetryAttempts <= 10000, key+".provisioned.maximumRetryAttempts",
		"must be 0 to 10000, is %d", p.MaximumRetryAttempts)
	f.require(p.MaximumRecordAgeSeconds >= 60 && p.MaximumRecordAgeSeconds <= 604800,
		key+".provisioned.maximumRecordAgeSeconds", "must be 60 to 604800, is %d", p.MaximumRecordAgeSeconds)
}

// validateTimes checks the times against the bounds of the processor, which would not start with other values.
func (c processorConfig) validateTimes(f *findings, at string) {
	between := func(key, text string, byDefault, least, most time.Duration) time.Duration {
		if text == "" {
			return byDefault // the processor's own
		}
		d, err := time.ParseDuration(text)
		ok := err == nil && d >= least && d <= most
		f.require(ok, at+"."+key, "must be a duration from %s to %s, like 20s, is %q", least, most, text)
		if !ok {
			return byDefault
		}
		return d
	}
	attempt := between("attemptTimeout", c.AttemptTimeout, 0, time.Millisecond, 14*time.Minute)
	f.require(attempt < time.Duration(max(1, c.TimeoutSeconds))*time.Second, at+".attemptTimeout",
		"must be less than %s.timeoutSeconds (%d), or the function ends before the attempt, is %q", at,
		c.TimeoutSeconds, c.AttemptTimeout)
	base := between("backoffBase", c.BackoffBase, 2*time.Second, time.Millisecond, time.Minute)
	longest := between("backoffCap", c.BackoffCap, 30*time.Second, time.Millisecond, 10*time.Minute)
	f.require(longest >= base, at+".backoffCap", "must be %s.backoffBase (%s) or more, is %s", at, base, longest)
}

func (c alarmsConfig) validate(f *findings) {
	f.require(c.LatencySeconds > 0, "alarms.latencySeconds", "must be more than 0, is %v", c.LatencySeconds)
	f.require(c.LagSeconds > 0, "alarms.lagSeconds", "must be more than 0, is %d", c.LagSeconds)
	f.require(c.EventAgeSeconds > 0, "alarms.eventAgeSeconds", "must be more than 0, is %d", c.EventAgeSeconds)
	f.require(c.Email == "" || strings.Contains(c.Email, "@"), "alarms.email", "must be an address, is %q", c.Email)
	validateWebhook(f, c.Webhook)
	if c.Slack != nil {
		c.Slack.validate(f)
	}
}

func (c tracingConfig) validate(f *findings) {
	f.require(c.SampleRatio >= 0 && c.SampleRatio <= 1, "tracing.sampleRatio", "must be 0 to 1, is %v", c.SampleRatio)
	// With a tag that moves, the same stack would run another program on another day.
	f.require(imagePattern.MatchString(c.Collector), "tracing.collector",
		"must be an image of one version, like %s, is %q", defaultTracing().Collector, c.Collector)
}
