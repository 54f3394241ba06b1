package review

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Recorder replaces the engine and the cloud: it records registrations, and makes up the answers.
type Recorder struct {
	Preview bool
	// Fault, if set, is asked before each Registration; an error is the cloud's refusal.
	Fault func(Registration) error

	mu    sync.Mutex
	nodes []Registration
}

// Nodes are the registrations so far, in the order in which they came.
func (r *Recorder) Nodes() []Registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.nodes)
}

// NewResource records a Registration. In a preview nothing has an id or a computed output, as with the real engine.
func (r *Recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	rpc := args.RegisterRPC
	if rpc == nil {
		return "", nil, fmt.Errorf("read %s %s: the program reads no resource", args.TypeToken, args.Name)
	}
	// The SDK's own mock drops unknown values from the inputs it passes on.
	inputs, err := plugin.UnmarshalProperties(rpc.Object, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true})
	if err != nil {
		return "", nil, fmt.Errorf("read inputs of %s %s: %w", args.TypeToken, args.Name, err)
	}
	node := Registration{
		Type: args.TypeToken, Name: args.Name, Parent: rpc.Parent, Inputs: inputs, Custom: args.Custom,
		URN:                 urn(rpc.Parent, args.TypeToken, args.Name),
		Protect:             rpc.GetProtect(),
		RetainOnDelete:      rpc.GetRetainOnDelete(),
		DeleteBeforeReplace: rpc.DeleteBeforeReplace, IgnoreChanges: rpc.IgnoreChanges,
		ReplaceOnChanges: rpc.ReplaceOnChanges,
		Provider:         rpc.Provider, DeleteTimeout: rpc.GetCustomTimeouts().GetDelete(),
	}
	node.DependsOn = append(node.DependsOn, rpc.Dependencies...)
	for _, property := range rpc.PropertyDependencies {
		node.DependsOn = append(node.DependsOn, property.Urns...)
	}
	slices.Sort(node.DependsOn)
	node.DependsOn = slices.Compact(node.DependsOn)

	r.mu.Lock()
	r.nodes = append(r.nodes, node)
	r.mu.Unlock()
	if r.Fault != nil {
		if err := r.Fault(node); err != nil {
			return "", nil, fmt.Errorf("create %s %s: %w", args.TypeToken, args.Name, err)
		}
	}
	if r.Preview {
		return "", inputs, nil
	}
	state := inputs.Copy()
	maps.Copy(state, madeUp(args.TypeToken, args.Name))
	return Short(args.TypeToken) + "-" + args.Name, state, nil
}

// Call answers calls of data sources.
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	switch args.Token {
	case "aws:index/getCallerIdentity:getCallerIdentity":
		return resource.PropertyMap{"accountId": resource.NewProperty(MadeUpAccount)}, nil
	case "aws:ec2/getManagedPrefixList:getManagedPrefixList":
		return resource.NewPropertyMapFromMap(map[string]any{"id": "pl-cloudfront", "entries": []any{
			map[string]any{"cidr": "198.51.100.128/25"}, map[string]any{"cidr": "192.0.2.0/24"}}}), nil
	case "aws:secretsmanager/getRandomPassword:getRandomPassword":
		return resource.PropertyMap{"randomPassword": resource.NewProperty(strings.Repeat("made-up0", 5))}, nil
	case "aws:ecr/getAuthorizationToken:getAuthorizationToken":
		return resource.PropertyMap{"userName": resource.NewProperty("AWS"), "password": resource.NewProperty("made-up")}, nil
	}
	return nil, fmt.Errorf("call %s: the program has no such data source", args.Token)
}

// MadeUpAccount is the account of every made-up ARN.
const MadeUpAccount = "123456789012"

// madeUp are outputs that AWS would compute. They have AWS's format where the program parses them.
func madeUp(token, name string) resource.PropertyMap {
	short := Short(token)
	made := map[string]any{
		"arn": madeUpARN(short, name), "prefixListId": "pl-" + name,
		"latestRevision": 1, "repositoryUrl": "registry.example/api", "registryId": MadeUpAccount,
		"fqdn":      name + ".example.com",
		"arnSuffix": short + "/" + name, "dnsName": name + ".elb.example", "zoneId": "Z0", "versionId": "version-1",
		"uuid": "uuid-" + name, "version": "1",
	}
	switch short {
	case "msk.Cluster":
		made["arn"] = "arn:aws:kafka:us-east-1:" + MadeUpAccount + ":cluster/" + name +
			"/11111111-2222-3333-4444-555555555555-1"
		made["bootstrapBrokersSaslIam"] = "b-2.example:9098,b-1.example:9098"
	case "cloudfront.Distribution":
		made["domainName"], made["hostedZoneId"] = name+".cloudfront.example", "Z2FDTNDATAQYW2"
	case "docker.Image":
		made["repoDigest"] = "registry.example/api@sha256:0000"
	case "acm.Certificate":
		made["domainValidationOptions"] = []any{map[string]any{
			"resourceRecordName": "_x.example.com", "resourceRecordType": "CNAME",
			"resourceRecordValue": "_y.acm-validations.aws",
		}}
	case "elasticache.ServerlessCache":
		made["endpoints"] = []any{map[string]any{"address": name + ".serverless.example", "port": 6379}}
	case "route53.Record":
		delete(made, "zoneId") // its own is an input
	}
	return resource.NewPropertyMapFromMap(made)
}

// urn is the name of a resource in the SDK's mock of the engine.
func urn(parent, token, name string) string {
	p := resource.URN(parent)
	var parentType tokens.Type
	if p.QualifiedType() != resource.RootStackType {
		parentType = p.QualifiedType()
	}
	return string(resource.NewURN(p.Stack(), p.Project(), parentType, tokens.Type(token), name))
}

// madeUpARN is an ARN in AWS's format for a type, as .ci/judges reads ARNs.
func madeUpARN(short, name string) string {
	const regional = ":us-east-1:" + MadeUpAccount + ":"
	switch short {
	case "msk.Cluster":
		return "arn:aws:kafka" + regional + "cluster/" + name + "/11111111-2222-3333-4444-555555555555-1"
	case "lambda.Alias":
		alias, id, _ := strings.Cut(name, "-")
		return "arn:aws:lambda" + regional + "function:" + strings.TrimSuffix(firstProcessor+"-"+id, "-") + ":" + alias
	case "msk.Configuration":
		return "arn:aws:kafka" + regional + "configuration/" + name + "/11111111-2222-3333-4444-555555555555-1"
	case "cloudfront.Distribution":
		return "arn:aws:cloudfront::" + MadeUpAccount + ":distribution/" + name
	case "cloudwatch.LogDeliveryDestination":
		return "arn:aws:logs" + regional + "delivery-destination:" + name
	case "iam.Role", "iam.ServiceLinkedRole":
		return "arn:aws:iam::" + MadeUpAccount + ":role/" + name
	case "s3.BucketV2":
		return "arn:aws:s3:::" + name
	case "backup.Vault":
		return "arn:aws:backup" + regional + "backup-vault:" + name
	case "cloudwatch.EventRule":
		return "arn:aws:events" + regional + "rule/" + name
	case "kms.Key":
		if name == keysOfSubjects {
			return "arn:aws:kms" + regional + "key/22222222-3333-4444-5555-666666666666"
		}
		return "arn:aws:kms" + regional + "key/11111111-2222-3333-4444-555555555555"
	}
	resource := map[string]string{
		"dynamodb.Table": "table/", "ecr.Repository": "repository/", "cloudwatch.LogGroup": "log-group:",
		"lambda.Function":       "function:",
		"secretsmanager.Secret": "secret:", "ecs.Cluster": "cluster/", "ecs.TaskDefinition": "task-definition/",
		"acm.Certificate": "certificate/", "lb.LoadBalancer": "loadbalancer/app/", "lb.TargetGroup": "targetgroup/",
		"lb.Listener": "listener/app/", "elasticache.ServerlessCache": "serverlesscache:", "elasticache.User": "user:",
	}[short]
	service := strings.ToLower(strings.Split(short, ".")[0])
	if real := map[string]string{"lb": "elasticloadbalancing", "cloudwatch": "logs"}[service]; real != "" &&
		resource != "" {
		service = real
	}
	return "arn:aws:" + service + regional + resource + name
}
