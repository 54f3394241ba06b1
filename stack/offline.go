package main

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

// registration is one resource as the program asked the engine for it.
type registration struct {
	Type, Name, URN, Parent string
	Inputs                  resource.PropertyMap // unknown values and secrets are kept as such
	Custom                  bool                 // false: a component
	Protect                 bool
	RetainOnDelete          bool
	DeleteBeforeReplace     bool
	IgnoreChanges           []string
	DependsOn               []string // URNs, of whole resources and of those that inputs come from
	Provider                string   // urn::id
}

// graph is everything that one run registered, in an order that does not depend on the run.
type graph struct {
	Stack   string
	Protect bool     // the stack's own setting
	Assumed []string // configuration that only a stack's owner knows, filled in to go on without
	Nodes   []registration
}

// recorder stands in for the engine and the cloud: it takes notes, and makes up what they would answer.
type recorder struct {
	preview bool
	// fault, if set, is asked before each registration; an error is the cloud's refusal.
	fault func(registration) error

	mu    sync.Mutex
	nodes []registration
}

// NewResource notes a registration. In a preview nothing has an id or a computed output, exactly as in the engine's.
func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	rpc := args.RegisterRPC
	if rpc == nil {
		return "", nil, fmt.Errorf("read %s %s: the program reads no resource", args.TypeToken, args.Name)
	}
	// The SDK's own mock drops unknown values from the inputs it passes on.
	inputs, err := plugin.UnmarshalProperties(rpc.Object, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true})
	if err != nil {
		return "", nil, fmt.Errorf("read inputs of %s %s: %w", args.TypeToken, args.Name, err)
	}
	node := registration{
		Type: args.TypeToken, Name: args.Name, Parent: rpc.Parent, Inputs: inputs, Custom: args.Custom,
		URN:                 urn(rpc.Parent, args.TypeToken, args.Name),
		Protect:             rpc.GetProtect(),
		RetainOnDelete:      rpc.GetRetainOnDelete(),
		DeleteBeforeReplace: rpc.DeleteBeforeReplace, IgnoreChanges: rpc.IgnoreChanges,
		Provider: rpc.Provider,
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
	if r.fault != nil {
		if err := r.fault(node); err != nil {
			return "", nil, fmt.Errorf("create %s %s: %w", args.TypeToken, args.Name, err)
		}
	}
	if r.preview {
		return "", inputs, nil
	}
	state := inputs.Copy()
	maps.Copy(state, madeUp(args.TypeToken, args.Name))
	return shortType(args.TypeToken) + "-" + args.Name, state, nil
}

// Call answers the program's one data source.
func (r *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if args.Token != "aws:ecr/getAuthorizationToken:getAuthorizationToken" {
		return nil, fmt.Errorf("call %s: the program has no such data source", args.Token)
	}
	return resource.PropertyMap{"userName": resource.NewProperty("AWS"), "password": resource.NewProperty("made-up")}, nil
}

const madeUpAccount = "123456789012"

// madeUp are outputs that AWS would compute. They look like AWS's where the program takes them apart.
func madeUp(token, name string) resource.PropertyMap {
	short := shortType(token)
	service := strings.ToLower(strings.Split(short, ".")[0])
	made := map[string]any{
		"arn": "arn:aws:" + service + ":us-east-1:" + madeUpAccount + ":" + name, "ownerId": madeUpAccount, "prefixListId": "pl-" + name,
		"latestRevision": 1, "repositoryUrl": "registry.example/api", "registryId": madeUpAccount, "fqdn": name + ".example.com",
		"arnSuffix": short + "/" + name, "dnsName": name + ".elb.example", "zoneId": "Z0", "versionId": "version-1", "uuid": "uuid-" + name,
	}
	switch short {
	case "msk.Cluster":
		made["arn"] = "arn:aws:kafka:us-east-1:" + madeUpAccount + ":cluster/" + name + "/11111111-2222-3333-4444-555555555555-1"
		made["bootstrapBrokersSaslIam"] = "b-2.example:9098,b-1.example:9098"
	case "docker.Image":
		made["repoDigest"] = "registry.example/api@sha256:0000"
	case "acm.Certificate":
		made["domainValidationOptions"] = []any{map[string]any{
			"resourceRecordName": "_x.example.com", "resourceRecordType": "CNAME", "resourceRecordValue": "_y.acm-validations.aws",
		}}
	case "route53.Record":
		delete(made, "zoneId") // its own is an input
	}
	return resource.NewPropertyMapFromMap(made)
}

// shortType is msk.Cluster for aws:msk/cluster:Cluster.
func shortType(token string) string {
	parts := strings.Split(token, ":")
	module := strings.Split(parts[1], "/")[0]
	if parts[0] == "docker" {
		module = "docker"
	}
	return module + "." + parts[len(parts)-1]
}

// urn is what the SDK's stand-in for the engine calls a resource.
func urn(parent, token, name string) string {
	p := resource.URN(parent)
	var parentType tokens.Type
	if p.QualifiedType() != resource.RootStackType {
		parentType = p.QualifiedType()
	}
	return string(resource.NewURN(p.Stack(), p.Project(), parentType, tokens.Type(token), name))
}
