package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"event-processing-service/stack/review"
)

func TestTheStacksBreakNoRule(t *testing.T) {
	for _, stack := range stacks {
		for _, finding := range recorded(t, stack, false).Findings() {
			t.Errorf("%s: %s", stack, finding)
		}
	}
}

func set(n *review.Registration, key resource.PropertyKey, value any) {
	n.Inputs[key] = resource.NewPropertyValue(value)
}

func unset(n *review.Registration, key resource.PropertyKey) { delete(n.Inputs, key) }

// dropEdges makes a review.Registration wait no longer for what has to in its URN.
func dropEdges(n *review.Registration, to string) {
	n.DependsOn = slices.DeleteFunc(n.DependsOn, func(u string) bool { return strings.Contains(u, to) })
}

// change changes the containers of the API's task.
func change(t *testing.T, g review.Graph, to func([]container) []container) {
	t.Helper()
	n := find(t, g, "ecs.TaskDefinition", "api")
	set(n, "containerDefinitions", containersJSON(to(containersOf(n))))
}

// guest changes the container beside the API.
func guest(to func(*container)) func(*testing.T, review.Graph) {
	return func(t *testing.T, g review.Graph) {
		change(t, g, func(all []container) []container { to(&all[1]); return all })
	}
}

// Each rule is broken once and must say so: a rule that cannot fail proves nothing.
func TestARuleFindsItsCauseWhenItIsPutIn(t *testing.T) {
	const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":["%s"]}]}`
	policyOn := func(action, on string) string {
		return strings.Replace(strings.Replace(everything, "%s", action, 1), "%s", on, 1)
	}
	findsCauses(t, []mutation{
		{"a resource below the stack itself", func(t *testing.T, g review.Graph) {
			find(t, g, "dynamodb.Table", "events").Parent =
				"urn:pulumi:prod::event-processing-service::pulumi:pulumi:Stack::event-processing-service-prod"
		}, "dynamodb.Table events has no component as its parent"},
		{"a resource on a default provider", func(t *testing.T, g review.Graph) {
			find(t, g, "sns.Topic",
				"alarms").Provider = ""
		}, "sns.Topic alarms does not use a provider of this program"},
		{"a provider without tags", func(t *testing.T, g review.Graph) { unset(&g.Nodes[0], "defaultTags") },
			"aws lacks the tags"},

		{"brokers open to the world", func(t *testing.T, g review.Graph) {
			set(find(t, g, "vpc.SecurityGroupIngressRule", "kafka-from-api-9098"), "cidrIpv4", "0.0.0.0/0")
		}, "kafka-from-api-9098 lets anybody in on port 9098"},
		{"the balancer open on another port", func(t *testing.T, g review.Graph) {
			set(find(t, g, "vpc.SecurityGroupIngressRule", "edge-from-anywhere-80"), "fromPort", 22)
		}, "lets anybody in on port 22"},
		{"the tasks open over IPv6", func(t *testing.T, g review.Graph) {
			set(find(t, g, "vpc.SecurityGroupIngressRule", "api-from-edge-5000"), "cidrIpv6", "::/0")
		}, "lets anybody in on port 5000"},
		{"a rule without a reason", func(t *testing.T, g review.Graph) {
			unset(find(t, g, "vpc.SecurityGroupIngressRule", "api-from-edge-5000"), "description")
		}, "has no description"},
		{"rules inside a group", func(t *testing.T, g review.Graph) {
			set(find(t, g, "ec2.DefaultSecurityGroup", "default"), "ingress", []any{map[string]any{"self": true}})
		}, "has inline rules"},
		{"tasks with public addresses", func(t *testing.T, g review.Graph) {
			set(find(t, g, "ecs.Service", "api"), "networkConfiguration", map[string]any{"assignPublicIp": true})
		}, "has public addresses"},
		{"subnets that give public addresses", func(t *testing.T, g review.Graph) {
			set(find(t, g, "ec2.Subnet", "private-a"), "mapPublicIpOnLaunch", true)
		}, "gives public addresses"},

		{"an action with a star", func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "api"), "policy", policyOn("kafka-cluster:*", "arn:x"))
		}, "iam.RolePolicy api allows kafka-cluster:*"},
		{"an action on everything", func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "processor"), "policy", policyOn("dynamodb:GetItem", "*"))
		}, "iam.RolePolicy processor allows dynamodb:GetItem on everything"},
		{"an attached policy of AWS's", func(t *testing.T, g review.Graph) {
			find(t, g, "iam.RolePolicy", "operator").Type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
		}, "AWS's own policies are wider"},
		{"a bucket for anybody", func(t *testing.T, g review.Graph) {
			set(find(t, g, "s3.BucketPolicy", "undelivered"), "policy",
				`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["s3:GetObject"],"Resource":["arn:x"]}]}`)
		}, "s3.BucketPolicy undelivered allows anybody"},

		{"a log group for ever", func(t *testing.T, g review.Graph) {
			unset(find(t, g, "cloudwatch.LogGroup", "brokers"), "retentionInDays")
		}, "cloudwatch.LogGroup brokers has no retention"},

		{"a function that forgets what the topic still has", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lambda.Function", "processor"), "environment",
				map[string]any{"variables": map[string]any{"OUTCOME_RETENTION": "167h"}})
		}, `lambda.Function processor remembers for "167h" what can be replayed for 168h0m0s`},

		{"brokers' disks without our key", func(t *testing.T, g review.Graph) {
			set(find(t, g, "msk.Cluster", "cluster"), "encryptionInfo",
				map[string]any{"encryptionInTransit": map[string]any{"clientBroker": "TLS", "inCluster": true}})
		}, "has disks without a key of ours"},
		{"brokers that take plain text", func(t *testing.T, g review.Graph) {
			set(find(t, g, "msk.Cluster", "cluster"), "encryptionInfo",
				map[string]any{"encryptionAtRestKmsKeyArn": "k",
					"encryptionInTransit": map[string]any{"clientBroker": "TLS_PLAINTEXT", "inCluster": true}})
		}, "allows plain text"},
		{"brokers that let anybody in", func(t *testing.T, g review.Graph) {
			set(find(t, g, "msk.Cluster", "cluster"), "clientAuthentication",
				map[string]any{"sasl": map[string]any{"iam": true}, "unauthenticated": true})
		}, "accepts clients without IAM"},
		{"a table with DynamoDB's own key", func(t *testing.T, g review.Graph) {
			unset(find(t, g, "dynamodb.Table", "events"), "serverSideEncryption")
		}, "is not encrypted with a KMS key"},
		{"a topic of alarms in the clear", func(t *testing.T, g review.Graph) {
			unset(find(t, g, "sns.Topic", "alarms"),
				"kmsMasterKeyId")
		}, "sns.Topic alarms is not encrypted"},
		{"a key for ever", func(t *testing.T, g review.Graph) {
			set(find(t, g, "kms.Key", "key"), "enableKeyRotation",
				false)
		}, "is not rotated"},
		{"images in the clear", func(t *testing.T, g review.Graph) {
			unset(find(t, g, "ecr.Repository", "api"), "encryptionConfigurations")
		}, "ecr.Repository api is not encrypted"},
		{"a bucket without encryption", func(t *testing.T, g review.Graph) {
			find(t, g, "s3.BucketServerSideEncryptionConfigurationV2", "access-logs").Name = "other"
		}, "s3.BucketV2 access-logs is not encrypted"},
		{"a bucket that may become public", func(t *testing.T, g review.Graph) {
			find(t, g, "s3.BucketPublicAccessBlock", "access-logs").Name = "other"
		}, "may become public"},
		{"a bucket over plain HTTP", func(t *testing.T, g review.Graph) {
			find(t, g, "s3.BucketPolicy",
				"access-logs").Name = "other"
		}, "takes plain HTTP"},
		{"production without HTTPS", func(t *testing.T, g review.Graph) { find(t, g, "lb.Listener", "https").Name = "other" },
			"no HTTPS listener"},
		{"old TLS", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lb.Listener", "https"), "sslPolicy", "ELBSecurityPolicy-2016-08")
		}, "accepts TLS older than 1.2"},
		{"plain HTTP beside HTTPS", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lb.Listener", "http"), "defaultActions", []any{map[string]any{"type": "forward"}})
		}, "serves plain HTTP beside HTTPS"},
		{"invalid headers", func(t *testing.T, g review.Graph) {
			unset(find(t, g, "lb.LoadBalancer", "balancer"), "dropInvalidHeaderFields")
		}, "passes invalid headers on"},

		{"an unprotected cluster", func(t *testing.T, g review.Graph) {
			find(t, g, "msk.Cluster",
				"cluster").Protect = false
		}, "msk.Cluster cluster may be deleted"},
		{"an unprotected topic", func(t *testing.T, g review.Graph) {
			find(t, g, "cloudcontrol.Resource",
				"events").Protect = false
		}, "cloudcontrol.Resource events may be deleted"},
		{"a table that is not retained", func(t *testing.T, g review.Graph) {
			find(t, g, "dynamodb.Table",
				"events").RetainOnDelete = false
		}, "dynamodb.Table events would be deleted once"},
		{"a bucket that goes with its contents", func(t *testing.T, g review.Graph) {
			set(find(t, g, "s3.BucketV2", "undelivered"), "forceDestroy", true)
		}, "deleted with its contents"},
		{"a table without a way back", func(t *testing.T, g review.Graph) {
			unset(find(t, g, "dynamodb.Table", "events"), "pointInTimeRecovery")
		}, "not be restored"},
		{"a balancer that can be deleted", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lb.LoadBalancer", "balancer"), "enableDeletionProtection", false)
		}, "lb.LoadBalancer balancer can be deleted"},

		{"a mapping before its topics", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "lambda.EventSourceMapping", "events"), "cloudcontrol")
		}, "lambda.EventSourceMapping events does not wait for cloudcontrol.Resource events.dlq"},
		{"a service before its topics", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "ecs.Service", "api"),
				"cloudcontrol")
		}, "ecs.Service api does not wait for cloudcontrol.Resource events"},
		{"a mapping before its rights", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "lambda.EventSourceMapping", "events"), "rolePolicy")
		}, "lambda.EventSourceMapping events does not wait for iam.RolePolicy processor"},
		{"a function before its rights", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "lambda.Function", "processor"), "rolePolicy")
		}, "lambda.Function processor does not wait for iam.RolePolicy processor"},
		{"a service before its rights", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "ecs.Service", "api"),
				"rolePolicy")
		}, "ecs.Service api does not wait for iam.RolePolicy execution"},
		{"an operator before its rights", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "ecs.TaskDefinition", "operator"), "rolePolicy")
		}, "ecs.TaskDefinition operator does not wait for iam.RolePolicy operator"},
		{"a service before its listener", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "ecs.Service", "api"),
				"Listener::https")
		}, "ecs.Service api does not wait for lb.Listener https"},
		{"a service before its way out", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "ecs.Service", "api"),
				"ec2/route:Route")
		}, "ecs.Service api does not wait for ec2.Route private-a-nat"},
		{"a NAT gateway before the internet's", func(t *testing.T, g review.Graph) {
			dropEdges(find(t, g, "ec2.NatGateway", "nat-a"), "internetGateway")
		}, "ec2.NatGateway nat-a does not wait for ec2.InternetGateway internet"},
		{"two mappings in one group", func(t *testing.T, g review.Graph) {
			find(t, g, "lambda.EventSourceMapping", "events").DeleteBeforeReplace = false
		}, "would share a consumer group"},

		{"a guest that is essential", guest(func(c *container) { c.Essential = true }),
			"otel-collector takes the API with it"},
		{"a guest that stays dead", guest(func(c *container) { c.RestartPolicy = nil }), "otel-collector stays dead"},
		{"a guest without a bound", guest(func(c *container) { c.Memory, c.CPU = 0, 0 }),
			"otel-collector may use all of the memory"},
		{"a guest that takes all CPU", guest(func(c *container) { c.CPU = 0 }), "otel-collector may use all of the CPU"},
		{"a guest of whatever version", guest(func(c *container) { c.Image = "registry.example/collector:latest" }),
			"is another image tomorrow"},
		{"a guest that is not watched", guest(func(c *container) { c.HealthCheck = nil }), "is not watched"},
		{"a guest without a log", guest(func(c *container) { c.LogConfiguration.Options = nil }), "logs nowhere"},
		{"a guest that can write", guest(func(c *container) { c.ReadonlyRootFilesystem = false }),
			"can write to its file system"},
		{"a guest with a port", guest(func(c *container) { c.PortMappings = []portMapping{{4318, 4318, "tcp"}} }),
			"can be reached from outside"},
		{"a host without a share", func(t *testing.T, g review.Graph) {
			change(t, g, func(all []container) []container { all[0].CPU = 0; return all })
		}, "api has no share of the CPU"},

		{"spans without a collector", func(t *testing.T, g review.Graph) {
			change(t, g, func(all []container) []container { return all[:1] })
		}, "the collector beside the API is missing"},
		{"a collector without spans", func(t *testing.T, g review.Graph) {
			change(t, g, func(all []container) []container { all[0].Environment = nil; return all })
		}, "the API's OTEL_ settings is missing"},
		{"a collector without rights", func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "api"), "policy", policyOn("kafka-cluster:Connect", "arn:x"))
		}, "the API's right to send is missing"},
		{"a function without a daemon", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lambda.Function", "processor"), "tracingConfig", map[string]any{"mode": "PassThrough"})
		}, "the function's active tracing is missing"},
		{"a function without spans", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lambda.Function", "processor"), "environment", map[string]any{})
		}, "the function's OTEL_ settings is missing"},
		{"a function without rights", func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "processor"), "policy", policyOn("dynamodb:GetItem", "arn:x"))
		}, "the function's right to send is missing"},
		{"an operator that may send traces", func(t *testing.T, g review.Graph) {
			set(find(t, g, "iam.RolePolicy", "operator"), "policy", policyOn("xray:PutTraceSegments", "*"))
		}, "iam.RolePolicy operator may send traces, and sends none"},

		{"a name too long", func(t *testing.T, g review.Graph) {
			set(find(t, g, "lb.TargetGroup", "api"), "name", strings.Repeat("x", 33))
		}, "has 33 characters, more than 32"},
	})
}

// mutation is a change that breaks a rule.
type mutation struct {
	cause string
	put   func(t *testing.T, g review.Graph)
	found string // part of the finding
}

func findsCauses(t *testing.T, all []mutation) {
	t.Helper()
	for _, mutation := range all {
		t.Run(mutation.cause, func(t *testing.T) {
			g := recorded(t, "prod", false)
			mutation.put(t, g)
			found := g.Findings()
			if !slices.ContainsFunc(found, func(finding string) bool { return strings.Contains(finding, mutation.found) }) {
				t.Errorf("no finding says %q; there are %q", mutation.found, found)
			}
		})
	}
}
