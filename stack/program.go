package main

import (
	"fmt"
	"path/filepath"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// program is the whole service in AWS. The Pulumi engine runs it, and so do the tests and the plan, with nothing but
// an engine that only takes notes: all three see the same resources.
type program struct {
	// Tag decides the API image's tag, and Function builds the archive of the processor and returns its path.
	// Both are given the project's root.
	Tag      func(root string) (string, error)
	Function func(root string) (string, error)

	given map[string]string // every configuration key that was passed
}

// inputs notes the configuration as it is passed; pass it to pulumi.Run last. The SDK has no other way to ask for keys
// that one does not know of, and a misspelt key is such a one.
func (p *program) inputs(info *pulumi.RunInfo) { p.given = info.Config }

// deploy registers every resource. It reads and checks everything first: a stack is never half made of a mistake.
func (p *program) deploy(ctx *pulumi.Context) error {
	c, err := loadConfig(ctx, p.given)
	if err != nil {
		return err
	}
	tag, err := p.Tag(ctx.RootDirectory())
	if err != nil {
		return err
	}
	archive, err := p.Function(ctx.RootDirectory())
	if err != nil {
		return err
	}

	// Provider and tags are explicit; the stack's configuration switches the default providers off, so that what
	// forgets them fails at once instead of going to whatever account the shell is logged in to.
	var accounts pulumi.StringArrayInput
	if len(c.AccountIDs) > 0 {
		accounts = pulumi.ToStringArray(c.AccountIDs)
	}
	cloud, err := aws.NewProvider(ctx, "aws", &aws.ProviderArgs{
		Region:            pulumi.String(c.Region),
		AllowedAccountIds: accounts,
		DefaultTags: &aws.ProviderDefaultTagsArgs{Tags: pulumi.StringMap{
			"Project": pulumi.String(ctx.Project()), "Stack": pulumi.String(ctx.Stack()), "ManagedBy": pulumi.String("pulumi"),
		}},
	})
	if err != nil {
		return fmt.Errorf("create AWS provider: %w", err)
	}
	builder, err := docker.NewProvider(ctx, "docker", &docker.ProviderArgs{})
	if err != nil {
		return fmt.Errorf("create Docker provider: %w", err)
	}
	return p.parts(ctx, c, tag, archive, pulumi.Providers(cloud, builder))
}

// parts lays out the components in the order in which they need each other.
func (p *program) parts(ctx *pulumi.Context, c config, tag, archive string, with pulumi.ResourceOption) error {
	network, err := newNetwork(ctx, "network", networkArgs{
		Name: c.Name, Region: c.Region, HTTPS: c.Edge.HTTPS(), MappingReachesOut: c.Processor.Provisioned == nil, networkConfig: c.Network,
	}, with)
	if err != nil {
		return err
	}
	group := func(name string) pulumi.StringInput { return network.Groups[name].ID() }
	encryption, err := newEncryption(ctx, "encryption", encryptionArgs{Name: c.Name, Protect: c.Protect, AccountID: network.AccountID}, with)
	if err != nil {
		return err
	}
	kafka, err := newKafka(ctx, "kafka", kafkaArgs{
		Name: c.Name, Protect: c.Protect, Subnets: network.PrivateSubnets, SecurityGroup: group("kafka"), KeyARN: encryption.KeyARN, kafkaConfig: c.Kafka,
	}, with)
	if err != nil {
		return err
	}
	store, err := newStore(ctx, "store", storeArgs{Name: c.Name, Protect: c.Protect}, with)
	if err != nil {
		return err
	}
	image, err := newImage(ctx, "image", imageArgs{Name: c.Name, Protect: c.Protect, Tag: tag}, with)
	if err != nil {
		return err
	}
	edge, err := newEdge(ctx, "edge", edgeArgs{
		Name: c.Name, Protect: c.Protect, AccountID: network.AccountID, VpcID: network.VpcID,
		Subnets: network.PublicSubnets, SecurityGroup: group("edge"), edgeConfig: c.Edge,
	}, with)
	if err != nil {
		return err
	}
	service, err := newService(ctx, "service", serviceArgs{
		Name: c.Name, Protect: c.Protect, APIKeys: c.APIKeys, SecurityGroup: group("api"),
		Settings: containerSettings{
			Name: c.Name, Stage: ctx.Stack(), Tracing: c.Tracing, Region: c.Region, Topic: c.Kafka.Topic, DeadLetters: c.Kafka.DeadLetterTopic(), TrustedProxies: network.PublicCIDRs, API: c.API,
		},
		Network: network, Kafka: kafka, Store: store, Image: image, Edge: edge,
	}, with)
	if err != nil {
		return err
	}
	processor, err := newProcessor(ctx, "processor", processorArgs{
		Name: c.Name, Stage: ctx.Stack(), Tracing: c.Tracing, Protect: c.Protect, Zip: archive, Topic: c.Kafka.Topic, DeadLetters: c.Kafka.DeadLetterTopic(),
		Network: network, Kafka: kafka, Store: store, SecurityGroup: group("processor"), processorConfig: c.Processor,
	}, with)
	if err != nil {
		return err
	}
	observability, err := newObservability(ctx, "observability", observabilityArgs{
		Config: c, KeyARN: encryption.KeyARN, Edge: edge, Store: store, Service: service, Processor: processor,
	}, with)
	if err != nil {
		return err
	}

	export(ctx, c, outputs{network, kafka, store, image, edge, service, processor, observability})
	return nil
}

// realProgram is what is deployed: the image tagged and the function built from the sources beside it.
func realProgram(wantedTag string) *program {
	return &program{
		Tag: func(root string) (string, error) { return imageTag(root, wantedTag) },
		Function: func(root string) (string, error) {
			out := filepath.Join(root, functionZip)
			return out, buildFunction(root, processorPackage, out)
		},
	}
}
