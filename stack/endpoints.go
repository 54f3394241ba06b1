package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// endpointsGroup is the security group of the interface endpoints, and what rules call them.
const endpointsGroup = "endpoints"

// endpointServices are the services of AWS's that something inside the VPC calls, beside S3 and DynamoDB, which have
// gateways. Not among them: what Lambda does itself for a function (its logs and traces), and brokers and the cache,
// which are in the VPC.
func (c config) endpointServices() []string {
	if !c.Network.InterfaceEndpoints || c.Standby {
		return nil
	}
	needed := map[string]bool{
		"ecr.api": true, "ecr.dkr": true, "logs": true, // of each task
		"secretsmanager": c.APIKeys != nil || c.MakesKey(), "xray": c.Tracing.Enabled, "kms": c.Privacy != nil,
		"ssmmessages": c.Operator.Console,
	}
	for _, p := range c.processors() {
		if p.Provisioned == nil { // pollers on demand invoke the function from the brokers' subnets
			needed["lambda"], needed["sts"] = true, true
		}
		for _, s := range p.Uses.Secrets {
			needed["secretsmanager"] = needed["secretsmanager"] || s.SecretsManager != ""
			needed["ssm"] = needed["ssm"] || s.Parameter != ""
		}
		needed["sqs"] = needed["sqs"] || len(p.Uses.Queues) > 0
	}
	maps.DeleteFunc(needed, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(needed))
}

// ecrImage is an image in a registry of ECR's.
var ecrImage = regexp.MustCompile(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([a-z0-9./_-]+):`)

// repositoryOf is the ARN of the repository of ECR that an image is in, "" for one from elsewhere.
func repositoryOf(image string) string {
	parts := ecrImage.FindStringSubmatch(image)
	if parts == nil {
		return ""
	}
	return fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", parts[2], parts[1], parts[3])
}

// validateEndpoints refuses what has no way out without NAT gateways.
func (c config) validateEndpoints(f *findings) {
	if !c.Network.InterfaceEndpoints {
		return
	}
	f.require(c.Network.NATGateways == 0, "network.natGateways",
		"must be 0 where network.endpoints are in their place, is %d", c.Network.NATGateways)
	for _, p := range c.processors() {
		f.require(!p.Uses.HTTPS, p.key()+".uses.https", "leads anywhere, and network.endpoints to services of AWS's alone: "+
			"set network.natGateways in their place, or take it out")
	}
	if c.Tracing.Enabled || c.Metrics.Enabled {
		parts := ecrImage.FindStringSubmatch(c.Tracing.Collector)
		f.require(parts != nil && (parts[2] == c.Region || c.Region == ""), "tracing.collector", "is pulled through "+
			"network.endpoints, which lead to ECR in the stack's region alone: copy it there (docs/deploying.md), is %q",
			c.Tracing.Collector)
	}
}

// interfaceEndpoints let the private subnets call services of AWS's by addresses of their own, under the names that the
// services have anyway. There is one in each zone, so that a zone's outage stays in it.
func (n *Network) interfaceEndpoints(ctx *pulumi.Context, args networkArgs, vpc *ec2.Vpc) error {
	for _, service := range args.Endpoints {
		endpoint, err := ec2.NewVpcEndpoint(ctx, service, &ec2.VpcEndpointArgs{
			VpcId: vpc.ID(), VpcEndpointType: pulumi.String("Interface"), PrivateDnsEnabled: pulumi.Bool(true),
			ServiceName: pulumi.Sprintf("com.amazonaws.%s.%s", args.Region, service), SubnetIds: n.PrivateSubnets,
			SecurityGroupIds: pulumi.StringArray{n.Groups[endpointsGroup].ID()}, Tags: nameTag(args.Name, service),
			Policy: policyOf(func(arns []string) document {
				return interfacePolicy(service, args.Name, args.Region, arns[0], args.Collector, args.Processors)
			}, args.AccountID),
		}, pulumi.Parent(n))
		if err != nil {
			return fmt.Errorf("create interface endpoint for %s: %w", service, err)
		}
		n.Rules = append(n.Rules, endpoint)
	}
	return nil
}
