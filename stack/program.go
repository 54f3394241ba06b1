package main

import (
	"fmt"
	"path/filepath"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// program is the whole service in AWS. The Pulumi engine runs it. Tests and the plan run it with an engine that only
// records resources, so all three see the same resources.
type program struct {
	// Tag decides the API image's tag, and Function builds the archive of the processor and returns its path.
	// Both get the project's root.
	Tag      func(root string) (string, error)
	Function func(root string) (string, error)
	// Tested returns an error unless the artifact has served in staging.
	Tested func(artifactConfig) error
	// Handlers returns an error unless the processor's program has handlers for each of these environments.
	Handlers func(root string, environments map[string]map[string]string) error

	given map[string]string // every configuration key that was passed
}

// Inputs records the configuration as the engine passes it; pass it to pulumi.Run last. The SDK has no other way to
// list all keys, and so to find a misspelt one.
func (p *program) Inputs(info *pulumi.RunInfo) { p.given = info.Config }

// Deploy registers every resource. It reads and checks the whole configuration first, so that a mistake leaves no stack
// half made.
func (p *program) Deploy(ctx *pulumi.Context) error {
	switch {
	case isSet(p.given[ctx.Project()+":artifacts"]):
		return p.deployArtifacts(ctx)
	case isSet(p.given[ctx.Project()+":account"]):
		return p.deployAccount(ctx)
	}
	c, err := loadConfig(ctx, p.given)
	if err != nil {
		return err
	}
	if err := c.checkHandlers(ctx.Stack(), func(environments map[string]map[string]string) error {
		return p.Handlers(ctx.RootDirectory(), environments)
	}); err != nil {
		return err
	}
	what, err := p.build(ctx.RootDirectory(), c)
	if err != nil {
		return err
	}
	cloud, err := newProvider(ctx, c, "aws", c.Region)
	if err != nil {
		return err
	}
	others, err := newElsewhere(ctx, c)
	if err != nil {
		return err
	}
	providers := []pulumi.ProviderResource{cloud}
	if what.Artifact == nil {
		builder, err := docker.NewProvider(ctx, "docker", &docker.ProviderArgs{})
		if err != nil {
			return fmt.Errorf("create Docker provider: %w", err)
		}
		providers = append(providers, builder)
	}
	return p.parts(ctx, c, what, others, pulumi.Providers(providers...))
}

// newProvider makes the AWS provider of a region, with its tags. The stack's configuration turns default providers off:
// a resource without an explicit provider fails at once, and does not go to the account that the shell is logged in to.
func newProvider(ctx *pulumi.Context, c config, name, region string) (*aws.Provider, error) {
	var accounts pulumi.StringArrayInput
	if len(c.AccountIDs) > 0 {
		accounts = pulumi.ToStringArray(c.AccountIDs)
	}
	cloud, err := aws.NewProvider(ctx, name, &aws.ProviderArgs{
		Region:            pulumi.String(region),
		AllowedAccountIds: accounts,
		DefaultTags: &aws.ProviderDefaultTagsArgs{Tags: pulumi.StringMap{
			"Project": pulumi.String(ctx.Project()), "Stack": pulumi.String(ctx.Stack()), "ManagedBy": pulumi.String("pulumi"),
			"Service": pulumi.String(c.Name), // unlike the other tags, of this deployment alone: its budget counts by this tag
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("create AWS provider of %s: %w", region, err)
	}
	return cloud, nil
}

// parts lays out the components in the order in which they need each other.
func (p *program) parts(ctx *pulumi.Context, c config, what build, others elsewhere, with pulumi.ResourceOption) error {
	if c.Standby {
		c.Network.NATGateways = 0 // nothing runs that would use a NAT gateway
	}
	encryption, err := newEncryption(ctx, "encryption", encryptionArgs{Name: c.Name, Region: c.Region,
		Protect: c.Protect, Budget: c.Budget != nil, encryptionConfig: c.Encryption}, with)
	if err != nil {
		return err
	}
	key := encryption.Data
	network, err := newNetwork(ctx, "network", networkArgs{
		Name: c.Name, Region: c.Region, AccountID: encryption.AccountID, Protect: c.Protect, Key: key,
		Retention: c.Retention, Table: c.eventsTable(), ReadFrom: c.Archive.readFrom(),
		Collector:    c.Tracing.Collector,
		networkParts: c.networkParts(), networkConfig: c.Network,
	}, with)
	if err != nil {
		return err
	}
	group := func(name string) pulumi.StringInput { return network.Groups[name].ID() }
	kafka, err := newKafka(ctx, "kafka", kafkaArgs{
		Name: c.Name, Protect: c.Protect, Subnets: network.PrivateSubnets, SecurityGroup: group("kafka"),
		KeyARN: encryption.KeyARN, Key: key, Processors: c.processors(), Retention: c.Retention, kafkaConfig: c.Kafka,
	}, with)
	if err != nil {
		return err
	}
	store, err := newStore(ctx, "store", storeArgs{Name: c.Name, Protect: c.Protect, Region: c.Region,
		AccountID: network.AccountID, Key: key, storeConfig: c.Store}, with)
	if err != nil {
		return err
	}
	cache := noCache()
	if c.Cache.Enabled {
		if cache, err = newCache(ctx, "cache", cacheArgs{
			Name: c.Name, Subnets: network.PrivateSubnets, SecurityGroup: group("cache"), Key: key,
		}, with); err != nil {
			return err
		}
	}
	if c.Backup.Enabled {
		if _, err := newBackups(ctx, "backups", backupsArgs{Name: c.Name, Protect: c.Protect, Region: c.Region,
			AccountID: network.AccountID, Store: store, Retention: c.Retention, Elsewhere: others, backupConfig: c.Backup,
		}, with); err != nil {
			return err
		}
	}
	privacy := noPrivacy()
	if c.Privacy != nil {
		if privacy, err = newPrivacy(ctx, "privacy", privacyArgs{Name: c.Name, Protect: c.Protect,
			AccountID: network.AccountID, Key: key}, with); err != nil {
			return err
		}
	}
	image, err := newImage(ctx, "image", imageArgs{Name: c.Name, Protect: c.Protect, Key: key, build: what}, with)
	if err != nil {
		return err
	}
	edge, err := newEdge(ctx, "edge", edgeArgs{
		Region: c.Region, Name: c.Name, Protect: c.Protect, Key: key, AccountID: network.AccountID,
		Network: network, SecurityGroup: group("edge"), Retention: c.Retention, edgeConfig: c.Edge,
	}, with)
	if err != nil {
		return err
	}
	observability, err := newObservability(ctx, "observability", observabilityArgs{
		Config: c, KeyARN: encryption.KeyARN, AccountID: network.AccountID, Edge: edge,
	}, with)
	if err != nil {
		return err
	}
	archive := noArchive()
	if c.Archive.Enabled {
		if archive, err = newArchive(ctx, "archive", archiveArgs{Name: c.Name, Protect: c.Protect, Region: c.Region,
			AccountID: network.AccountID, Key: key, Retention: c.Retention, Events: c.Kafka.eventTopics(),
			Letters: c.letterTopics(), Partitions: c.mostPartitions(), Elsewhere: others, archiveConfig: c.Archive,
		}, with); err != nil {
			return err
		}
	}
	canary, checking := noCanary(), canaryArgs{Name: c.Name, Protect: c.Protect, Key: key, NeedsKey: c.needsKey(),
		Build: what, URL: edge.URL, Retention: c.Retention, Standby: c.Standby, checkConfig: c.Canary}
	if c.Canary.Enabled {
		if canary, err = newCanary(ctx, "canary", checking, with); err != nil {
			return err
		}
	}
	serving := serviceArgs{
		Name: c.Name, Protect: c.Protect, Key: key, APIKeys: c.APIKeys, MakeKey: c.MakesKey(), SecurityGroup: group("api"),
		Settings: containerSettings{
			Name: c.Name, Stage: ctx.Stack(), Tracing: c.Tracing, Metrics: c.Metrics, Region: c.Region,
			Topic: c.Kafka.Topic, TopicRoutes: c.Kafka.routes(), ProcessorTopics: c.processorTopics(),
			DeadLetters: c.Kafka.DeadLetterTopic(), API: c.API, TLS: c.Edge.TLSToTasks, Operator: c.Operator,
			Privacy: c.Privacy,
		},
		Topics: c.Kafka, Processors: c.processors(), Retention: c.Retention, Standby: c.Standby,
		Network: network, Kafka: kafka, Store: store, Cache: cache, Archive: archive.toRead(c.Archive), Image: image,
		Privacy: privacy, Edge: edge, Alarms: observability.APIAlarms, CanaryKey: canary.KeyARN,
	}
	service, err := newService(ctx, "service", serving, with)
	if err != nil {
		return err
	}
	if c.Archive.Enabled {
		if err := archive.run(ctx, archiverArgs{serving, service.ClusterARN, group("archive")}); err != nil {
			return err
		}
	}
	var processors []*Processor
	for _, p := range c.processors() {
		processor, err := newProcessor(ctx, p.of("processor"), processorArgs{
			Name: c.Name, Stage: ctx.Stack(), Tracing: c.Tracing, Protect: c.Protect, Key: key, Build: what,
			Topics: c.Kafka, Network: network, Kafka: kafka, Store: store, SecurityGroup: group(processorGroup(p)),
			Retention: c.Retention, Standby: c.Standby, Privacy: privacy, Encrypted: c.Privacy, namedProcessor: p,
		}, with)
		if err != nil {
			return err
		}
		processors = append(processors, processor)
	}
	var rotation *Rotation
	if c.Canary.Enabled {
		checking.Service = service
		if err := canary.run(ctx, checking); err != nil {
			return err
		}
	}
	if c.rotates() {
		if rotation, err = newRotation(ctx, "rotation", rotationArgs{Name: c.Name, Key: key, Build: what, URL: edge.URL,
			KeysARN: service.KeysARN, AccountID: network.AccountID, Retention: c.Retention, Service: service,
			rotationConfig: *c.Keys.Rotation}, with); err != nil {
			return err
		}
	}
	if err := observability.watch(ctx, watchedParts{Config: c, Edge: edge, Store: store, Service: service,
		Archive: archive, Processors: processors}); err != nil {
		return err
	}

	export(ctx, c, what, outputs{network, kafka, store, image, edge, service, archive, processors, canary, rotation,
		observability})
	return nil
}

// realProgram is the program for a deployment: it tags the image and builds the function from the sources beside it.
func realProgram(wantedTag string) *program {
	return &program{
		Tag:    func(root string) (string, error) { return imageTag(root, wantedTag) },
		Tested: served,
		Function: func(root string) (string, error) {
			out := filepath.Join(root, functionZip)
			return out, buildFunction(root, processorPackage, out)
		},
		Handlers: askProgram,
	}
}

// offlineProgram is the program without everything that needs git, a compiler or an account: it tags, builds and asks
// nothing.
func offlineProgram() *program {
	return &program{
		Tag:    func(string) (string, error) { return "tag", nil },
		Tested: func(artifactConfig) error { return nil },
		// any file that exists
		Function: func(root string) (string, error) { return filepath.Join(root, "Pulumi.yaml"), nil },
		Handlers: askProgram,
	}
}
